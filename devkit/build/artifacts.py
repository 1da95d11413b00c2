"""What is deployed, as a tree that has the shape of the repository, so that the template's paths hold in it too.

template.yaml
functions/                        /var/task
layers/dependencies/python/       /opt/python
layers/snapshot_tuner/python/     /opt/python
layers/policy/policy.yaml         /opt/policy.yaml, with its checked form beside it
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devkit.build import interpreters, tools
from devkit.build.interpreters import Interpreter, InterpreterMissing
from devkit.build.policies import keep_form
from devkit.build.step import BUILD_FOLDER, ROOT, BuildFailed, Step, copy_file, copy_sources, size_bytes

TARGET_PYTHON = "3.13"
"""The functions' Runtime in template.yaml; the platform is in layers/dependencies/Makefile."""

DEPENDENCIES_MOST_BYTES = 30_000_000
"""Unpacked, bytecode included. All layers and the function together may have 250 MB; a cold start has less patience."""

_NOT_DEPLOYED = ("boto3", "botocore")
_LAYERS = ROOT / "layers"
_REQUIREMENTS = _LAYERS / "dependencies" / "requirements.txt"


@dataclass(frozen=True, slots=True)
class Tree:
    """`bytecode_by` is the Python that its bytecode was made by, None where it has none."""

    root: Path
    bytecode_by: Interpreter | None

    @property
    def functions(self) -> Path:
        return self.root / "functions"

    @property
    def dependencies(self) -> Path:
        return self.root / "layers" / "dependencies"

    @property
    def snapshot_tuner(self) -> Path:
        return self.root / "layers" / "snapshot_tuner"

    @property
    def policy(self) -> Path:
        return self.root / "layers" / "policy" / "policy.yaml"

    @property
    def python_path(self) -> tuple[Path, ...]:
        """The import roots, in Lambda's order: the function before its layers."""
        return self.functions, self.dependencies / "python", self.snapshot_tuner / "python"

    def sizes(self) -> dict[str, int]:
        """Bytes per part, unpacked."""
        parts = (self.functions, self.dependencies, self.snapshot_tuner, self.policy.parent)
        return {str(part.relative_to(self.root)): size_bytes(part) for part in parts}


def deployed() -> Tree:
    """For Lambda, from any host; with bytecode where this machine has a Python of the target's version.

    Raises BuildFailed, also for a dependencies layer that is too large or holds what must not be deployed.
    """
    try:
        compiler = interpreters.find(TARGET_PYTHON)
    except InterpreterMissing:
        compiler = None

    def install(target: Path) -> None:
        tools.make_layer(_LAYERS / "dependencies", "build-DependenciesLayer", target)

    tree = Tree(BUILD_FOLDER / "deploy", compiler)
    _bring_up_to_date(tree, install, [_REQUIREMENTS, _LAYERS / "dependencies" / "Makefile"])
    copy_file(ROOT / "template.yaml", tree.root / "template.yaml")
    return tree


def local(interpreter: Interpreter) -> Tree:
    """The same requirements and sources for a Python of this machine. Raises BuildFailed."""

    def install(target: Path) -> None:
        tools.pip_install(_REQUIREMENTS, target / "python", interpreter)

    tree = Tree(BUILD_FOLDER / f"python{interpreter.version}", interpreter)
    _bring_up_to_date(tree, install, [_REQUIREMENTS])
    return tree


def _bring_up_to_date(tree: Tree, install: Callable[[Path], None], pins: Sequence[Path]) -> None:
    compiler = tree.bytecode_by
    settings = [str(compiler)]

    def compiled(make: Callable[[Path], None], seen_as: str) -> Callable[[Path], None]:
        def make_and_compile(target: Path) -> None:
            make(target)
            if compiler is not None:
                tools.compile_bytecode(target, seen_as, compiler)

        return make_and_compile

    def dependencies(target: Path) -> None:
        install(target)
        _check_contents(target / "python")

    def snapshot_tuner(target: Path) -> None:
        tools.make_layer(_LAYERS / "snapshot_tuner", "build-SnapshotTunerLayer", target)

    def functions(target: Path) -> None:
        copy_sources(ROOT / "functions", target, without=["vefaas"])

    def policy(target: Path) -> None:
        shutil.copyfile(_LAYERS / "policy" / "policy.yaml", target / "policy.yaml")
        keep_form(target / "policy.yaml")

    for step in (
        Step(tree.dependencies, pins, settings, compiled(dependencies, "/opt")),
        Step(tree.snapshot_tuner, [_LAYERS / "snapshot_tuner"], settings, compiled(snapshot_tuner, "/opt")),
        Step(tree.functions, [ROOT / "functions"], settings, compiled(functions, "/var/task")),
        Step(tree.policy.parent, [_LAYERS / "policy" / "policy.yaml", _LAYERS / "snapshot_tuner"], settings, policy),
    ):
        step.bring_up_to_date()
    size = size_bytes(tree.dependencies)
    if size > DEPENDENCIES_MOST_BYTES:
        raise BuildFailed(f"the dependencies layer has {size:,} bytes unpacked; at most {DEPENDENCIES_MOST_BYTES:,}")


def _check_contents(python: Path) -> None:
    found = sorted(path.name for path in python.iterdir() if path.name.partition("-")[0] in _NOT_DEPLOYED)
    if found:
        raise BuildFailed(f"the dependencies layer holds {', '.join(found)}; neither belongs in what is deployed")
