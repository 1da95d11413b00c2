"""Who may import whom, as a check over the source text of modules: nothing is imported to find out."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "snapshot_tuner"
BOOTSTRAP = f"{PACKAGE}.bootstrap"
_LEDGER = f"{PACKAGE}.ledger"

FOR_HANDLERS = frozenset(
    f"{PACKAGE}.{name}" for name in ("bootstrap", "signals", "invocation", "errors", "model", "strict_json")
)
"""All that a handler needs: to open the envelope, to get the tuner, and to answer."""

ALSO_FOR = {
    "http_endpoint": frozenset(
        f"{PACKAGE}.{name}"
        for name in (
            "clock",
            "cloudevents_http",
            "explanation",
            "inspection",
            "rfc3339",
            "rtc_callback",
            "settings",
            "targets",
            "webhook_signature",
        )
    )
}
"""By function: what it needs besides. HTTP has signatures to check, modes of its own, and questions to answer."""

CONCRETE = {
    f"{PACKAGE}.snapshot_api": {BOOTSTRAP, f"{PACKAGE}.api_calls"},  # what carries them out is concrete, too
    f"{PACKAGE}.api_calls": {BOOTSTRAP},
    f"{PACKAGE}.emf": {BOOTSTRAP},
    f"{PACKAGE}.secrets_extension": {f"{PACKAGE}.secret_variables"},
    f"{_LEDGER}.sqlite": {BOOTSTRAP},
    f"{_LEDGER}.redis": {BOOTSTRAP},
}
"""The classes that only the place which wires them knows, and who that is."""

READS_ENVIRONMENT = frozenset({BOOTSTRAP, f"{PACKAGE}.settings"})

PURE = tuple(
    f"{PACKAGE}.{name}"
    for name in ("policy", "patterns", "pattern_leaves", "conditions", "curves", "targets", "signal_paths", "signals")
)
"""What is decided from values alone."""

_IMPURE = frozenset(
    {f"{PACKAGE}.{name}" for name in ("snapshot_api", "api_calls", "connections", "http_exchange", "clock", "settings")}
    | {f"{PACKAGE}.{name}" for name in ("tuner", "dispatch", "tally", "emf", "restore", "steps", "step_loop")}
    | {BOOTSTRAP, f"{PACKAGE}.secret_variables", f"{PACKAGE}.secrets_extension"}
    | {"asyncio", "http", "logging", "os", "random", "socket", "sqlite3", "subprocess", "threading", "time", "urllib"}
)

INNERMOST = (f"{PACKAGE}.model", f"{PACKAGE}.errors")

NOT_DEPLOYED = ("boto3", "botocore", "s3transfer", "devkit", "tests")

_ENVIRONMENT = frozenset({"environ", "environb", "getenv", "getenvb"})


@dataclass(frozen=True, slots=True)
class Module:
    """One module: what it imports, by full name, and whether it reads the environment."""

    imports: frozenset[str]
    reads_environment: bool


def sources(*roots: Path) -> dict[str, Path]:
    """Every module under the import roots, by its full name."""
    found: dict[str, Path] = {}
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def parse(texts: Mapping[str, str], packages: Iterable[str]) -> dict[str, Module]:
    """The modules of these texts, by full name; `packages` are those of them that are an `__init__`."""
    modules: dict[str, Module] = {}
    inside = set(packages)
    for name, text in texts.items():
        tree = ast.parse(text)
        package = name if name in inside else name.rpartition(".")[0]
        imports = frozenset(_resolved(imported, texts) for imported in _imported(tree, package))
        modules[name] = Module(imports - {name}, any(_is_environment(node) for node in ast.walk(tree)))
    return modules


def violations(modules: Mapping[str, Module]) -> list[str]:
    """One sentence for each rule that a module breaks."""
    return sorted(
        {
            *_of_handlers(modules),
            *_of_wiring(modules),
            *_of_purity(modules),
            *_of_cycles(modules),
            *_of_every_module(modules),
        }
    )


def _of_handlers(modules: Mapping[str, Module]) -> Iterator[str]:
    for name, imported in _edges(modules):
        own = name.partition(".")[0]
        if own != PACKAGE and imported in modules and imported.partition(".")[0] != own:
            if imported not in FOR_HANDLERS | ALSO_FOR.get(own, frozenset()):
                yield f"{name} imports {imported}, which is not a handler's business"
        elif own == PACKAGE and imported in modules and imported.partition(".")[0] != PACKAGE:
            yield f"{name} imports {imported}: calls go down only"


def _of_wiring(modules: Mapping[str, Module]) -> Iterator[str]:
    for name, imported in _edges(modules):
        in_package = name.partition(".")[0] == PACKAGE
        if imported in CONCRETE and name not in CONCRETE[imported]:
            yield f"{name} imports {imported}, a concrete class: only bootstrap knows it"
        if imported.startswith(f"{_LEDGER}.") and not name.startswith(f"{_LEDGER}.") and name != BOOTSTRAP:
            yield f"{name} imports {imported}, a part of the ledger's inside"
        if imported == BOOTSTRAP and in_package:
            yield f"{name} imports {BOOTSTRAP}, which only handlers do"


def _of_purity(modules: Mapping[str, Module]) -> Iterator[str]:
    for pure in PURE:
        for name in (pure, *_reachable(pure, modules)):
            for imported in modules[name].imports:
                if imported.partition(".")[0] in _IMPURE or imported in _IMPURE or imported.startswith(_LEDGER):
                    yield f"{name} imports {imported}, but {pure} has to be pure"
    for name in INNERMOST:
        for imported in modules[name].imports:
            if imported in modules:
                yield f"{name} imports {imported}, but has to stand alone"


def _of_cycles(modules: Mapping[str, Module]) -> Iterator[str]:
    for name in modules:
        if name in _reachable(name, modules):
            yield f"{name} imports itself through others"


def _of_every_module(modules: Mapping[str, Module]) -> Iterator[str]:
    for name, module in modules.items():
        if module.reads_environment and name not in READS_ENVIRONMENT:
            yield f"{name} reads the environment, which only bootstrap and settings do"
        for imported in module.imports:
            if imported.partition(".")[0] in NOT_DEPLOYED:
                yield f"{name} imports {imported}, which is not deployed"


def _edges(modules: Mapping[str, Module]) -> Iterator[tuple[str, str]]:
    return ((name, imported) for name, module in modules.items() for imported in module.imports)


def _reachable(start: str, modules: Mapping[str, Module]) -> set[str]:
    """What `start` imports, and what that imports, and so on; of these modules alone."""
    found: set[str] = set()
    left = [start]
    while left:
        new = modules[left.pop()].imports & modules.keys() - found
        found |= new
        left += new
    return found


def _imported(tree: ast.Module, package: str) -> Iterator[tuple[str, str | None]]:
    """Each import as (module, name in it or None), wherever in the module it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - (node.level - 1)] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def _resolved(imported: tuple[str, str | None], texts: Mapping[str, str]) -> str:
    module, name = imported
    return f"{module}.{name}" if name is not None and f"{module}.{name}" in texts else module


def _is_environment(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr=attribute):
            return attribute in _ENVIRONMENT
        case ast.ImportFrom(module="os", names=names):
            return any(alias.name in _ENVIRONMENT for alias in names)
        case _:
            return False
