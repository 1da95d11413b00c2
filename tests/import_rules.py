"""Who may import whom, as a check over the source text of modules: nothing is imported to find out."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "snapshot_tuner"
BOOTSTRAP = f"{PACKAGE}.bootstrap"
WIRING = f"{PACKAGE}.wiring"
_LEDGER = f"{PACKAGE}.ledger"

DIRECTION = (
    "bootstrap",
    "wiring",
    "tuning",
    "settings",
    "policy",
    "policy.patterns",
    "aws",
    "telemetry",
    "rtc",
    "rtc.http",
    "events",
    "ledger.redis",
    "ledger.sqlite",
    "ledger.in_process",
    "ledger",
    "formats",
    "lean_import",
    "clock",
    "errors",
    "model",
    "version",
)
"""The folders of the package, and the modules at its root: each imports only what stands below it."""

FOR_HANDLERS = frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        "bootstrap",
        "events.signals",
        "aws.invocation",
        "aws.sources",
        "errors",
        "model",
        "formats.strict_json",
    )
)
"""All that a handler needs: to open the envelope, to get the tuner, and to answer."""

ALSO_FOR = {
    "queue_worker": frozenset(
        f"{PACKAGE}.events.{name}"
        for name in ("queues.kafka", "queues.kinesis", "queues.message", "queues.message_broker", "readings.reading")
    ),
    "http_endpoint": frozenset(
        f"{PACKAGE}.{name}"
        for name in (
            "clock",
            "events.attributes",
            "events.bearer_tokens",
            "events.cloudevents_http",
            "events.readings.reading",
            "events.rtc_callback",
            "events.standard_webhooks",
            "formats.rfc3339",
            "formats.times",
            "ledger.listing",
            "ledger.types",
            "policy.explanation",
            "policy.targets",
            "settings",
            "tuning.bounds",
            "tuning.deployment_check",
            "tuning.inspection",
            "version",
        )
    ),
    # The same routes as on Lambda, behind another server.
    "vefaas": frozenset(
        {"http_endpoint.routes", "http_endpoint.request"}
        | {
            f"{PACKAGE}.{name}"
            for name in ("clock", "events.readings.reading", "formats.rfc3339", "telemetry.json_lines", "version")
        }
    ),
}
"""By function: what it needs besides. Queues and streams have records of their own; HTTP has
signatures to check, modes of its own, and questions to answer."""

CONCRETE = {
    f"{PACKAGE}.rtc.client": {WIRING, f"{PACKAGE}.rtc.call_pool"},  # what carries them out is concrete, too
    f"{PACKAGE}.rtc.call_pool": {WIRING},
    f"{PACKAGE}.telemetry.emf": {f"{PACKAGE}.telemetry.outputs"},
    f"{PACKAGE}.telemetry.json_lines": {f"{PACKAGE}.telemetry.outputs", "vefaas.server"},  # which names the request
    f"{PACKAGE}.aws.secrets_extension": {f"{PACKAGE}.aws.secrets", f"{PACKAGE}.aws.policy_parameter"},
    f"{_LEDGER}.sqlite.ledger": {WIRING},
    f"{_LEDGER}.redis.ledger": {WIRING},
}
"""The classes that only the place which wires them knows, and who that is."""

OPEN_OF_THE_LEDGER = frozenset(f"{_LEDGER}.{name}" for name in ("types", "ports", "timing", "listing"))
"""All that anybody but wiring may know of the ledger."""

READS_ENVIRONMENT = frozenset({BOOTSTRAP, f"{PACKAGE}.settings", "vefaas.__main__"})

PURE = tuple(
    f"{PACKAGE}.{name}"
    for name in (
        "events.readings.reading",
        "events.signals",
        "ledger.precedence",
        "ledger.shift",
        "ledger.transitions",
        "policy.curves",
        "policy.engine",
        "policy.explanation",
        "policy.limits",
        "policy.paths",
        "policy.patterns.attributes",
        "policy.patterns.compiler",
        "policy.patterns.leaves",
        "policy.patterns.operators",
        "policy.rules",
        "policy.targets",
        "policy.windows",
        "rtc.responses",
        "rtc.task_status",
        "tuning.batch",
        "tuning.outcomes",
    )
)
"""What is decided from values alone, and says so."""

_IMPURE = frozenset(
    {
        BOOTSTRAP,
        WIRING,
        *(
            f"{PACKAGE}.{name}"
            for name in (
                "aws.iam_token",
                "aws.keys",
                "aws.loopback",
                "aws.policy_parameter",
                "aws.secrets",
                "aws.secrets_extension",
                "aws.snapstart",
                "clock",
                "rtc.call_pool",
                "rtc.client",
                "rtc.http.connections",
                "rtc.http.event_loop",
                "rtc.http.exchange",
                "rtc.http.tasks",
                "settings",
                "telemetry.emf",
                "tuning.dispatch",
                "tuning.instrumentation",
                "tuning.tuner",
            )
        ),
        *("asyncio", "http.client", "logging", "os", "random", "socket", "sqlite3", "subprocess", "threading", "time"),
        "urllib",
    }
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
        imported, reads_environment = _read(text, name if name in inside else name.rpartition(".")[0])
        modules[name] = Module(frozenset(_resolved(each, texts) for each in imported) - {name}, reads_environment)
    return modules


@cache  # a planted violation changes one module of all
def _read(text: str, package: str) -> tuple[frozenset[tuple[str, str | None]], bool]:
    tree = ast.parse(text)
    return frozenset(_imported(tree, package)), any(_is_environment(node) for node in ast.walk(tree))


def violations(modules: Mapping[str, Module]) -> list[str]:
    """One sentence for each rule that a module breaks."""
    return sorted(
        {
            *_direction_mistakes(modules),
            *_handler_mistakes(modules),
            *_wiring_mistakes(modules),
            *_purity_mistakes(modules),
            *_cycle_mistakes(modules),
            *_module_mistakes(modules),
        }
    )


def folder(name: str) -> str:
    """Where in DIRECTION a module of the package stands."""
    inside = name.removeprefix(f"{PACKAGE}.")
    return max((each for each in DIRECTION if inside == each or inside.startswith(f"{each}.")), key=len, default=inside)


def imported_folders(modules: Mapping[str, Module]) -> dict[str, list[str]]:
    """What each folder imports of the others, in the order of DIRECTION."""
    found: dict[str, set[str]] = {name: set() for name in DIRECTION}
    for name, imported in _edges(modules):
        if name.startswith(f"{PACKAGE}.") and imported.startswith(f"{PACKAGE}.") and imported in modules:
            found.setdefault(folder(name), set()).add(folder(imported))
    return {name: [other for other in DIRECTION if other in others - {name}] for name, others in found.items()}


def _direction_mistakes(modules: Mapping[str, Module]) -> Iterator[str]:
    down = " > ".join(DIRECTION)
    for name, imported in _edges(modules):
        if name.startswith(f"{PACKAGE}.") and imported.startswith(f"{PACKAGE}.") and imported in modules:
            above, below = folder(name), folder(imported)
            if above not in DIRECTION:
                yield f"{name} stands in no folder of {down}"
            elif below in DIRECTION and DIRECTION.index(above) > DIRECTION.index(below):
                yield f"{name} imports {imported}, which is above it: {down}"


def _handler_mistakes(modules: Mapping[str, Module]) -> Iterator[str]:
    for name, imported in _edges(modules):
        own = name.partition(".")[0]
        if own != PACKAGE and imported in modules and imported.partition(".")[0] != own:
            if imported not in FOR_HANDLERS | ALSO_FOR.get(own, frozenset()):
                yield f"{name} imports {imported}, which is not a handler's business"
        elif own == PACKAGE and imported in modules and imported.partition(".")[0] != PACKAGE:
            yield f"{name} imports {imported}: calls go down only"


def _wiring_mistakes(modules: Mapping[str, Module]) -> Iterator[str]:
    for name, imported in _edges(modules):
        in_package = name.partition(".")[0] == PACKAGE
        if imported in CONCRETE and name not in CONCRETE[imported]:
            yield f"{name} imports {imported}, a concrete class: only wiring knows it"
        is_inside = imported.startswith(f"{_LEDGER}.") and imported not in OPEN_OF_THE_LEDGER
        if is_inside and not name.startswith(f"{_LEDGER}.") and name != WIRING:
            yield f"{name} imports {imported}, a part of the ledger's inside"
        if imported == BOOTSTRAP and in_package:
            yield f"{name} imports {BOOTSTRAP}, which only handlers do"


def _purity_mistakes(modules: Mapping[str, Module]) -> Iterator[str]:
    for pure in PURE:
        for name in (pure, *_reachable(pure, modules)):
            for imported in modules[name].imports:
                if imported.partition(".")[0] in _IMPURE or imported in _IMPURE:
                    yield f"{name} imports {imported}, but {pure} has to be pure"
    for name in INNERMOST:
        for imported in modules[name].imports:
            if imported in modules:
                yield f"{name} imports {imported}, but has to stand alone"


def _cycle_mistakes(modules: Mapping[str, Module]) -> Iterator[str]:
    for name in modules:
        if name in _reachable(name, modules):
            yield f"{name} imports itself through others"


def _module_mistakes(modules: Mapping[str, Module]) -> Iterator[str]:
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
