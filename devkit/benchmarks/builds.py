"""What is compared, as built: ours as deployed, the usual handler with its own packages, and the floor."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from devkit.build import BUILD_FOLDER, Interpreter, Tree, local, tools
from devkit.build.step import Step
from devkit.local_runtime.emulator import runtime_client
from devkit.local_runtime.sandbox import Code

_HERE = Path(__file__).resolve().parent
_HANDLERS = _HERE / "baselines"
_REQUIREMENTS = _HERE / "peer-requirements.txt"


@dataclass(frozen=True, slots=True)
class Build:
    """A handler and all that it may import."""

    name: str
    code: Code
    handler: str

    @property
    def command(self) -> list[str]:
        """A bare interpreter; what it may import is `import_path`."""
        return [str(self.code.interpreter.path), "-S", "-s", "-P"]

    @property
    def import_path(self) -> str:
        """PYTHONPATH."""
        return ":".join(map(str, self.code.tree.python_path))


@dataclass(frozen=True, slots=True)
class Builds:
    """`usual` is peer (a); `empty` the floor."""

    queue_worker: Build
    http_endpoint: Build
    bus_listener: Build
    reconciler: Build
    usual: Build
    empty: Build

    @property
    def ours(self) -> tuple[Build, ...]:
        """The functions as deployed."""
        return self.queue_worker, self.http_endpoint, self.bus_listener, self.reconciler


def build(interpreter: Interpreter) -> Builds:
    """Each of them with bytecode, as it would be deployed. Raises BuildFailed."""
    runtime_client(interpreter)
    ours = Code(local(interpreter), interpreter)
    usual = Code(_usual(interpreter), interpreter)
    return Builds(
        queue_worker=_function("queue_worker", ours),
        http_endpoint=_function("http_endpoint", ours),
        bus_listener=_function("bus_listener", ours),
        reconciler=_function("reconciler", ours),
        usual=Build("usual handler", usual, "usual_handler.lambda_handler"),
        # Nothing that it imports is in that tree, so it costs the empty handler nothing.
        empty=Build("empty handler", usual, "empty_handler.lambda_handler"),
    )


def queue_worker(interpreter: Interpreter) -> Build:
    """The function alone, as in `build`."""
    runtime_client(interpreter)
    return _function("queue_worker", Code(local(interpreter), interpreter))


def _function(name: str, code: Code) -> Build:
    return Build(name, code, f"{name}.handler.lambda_handler")


def _usual(interpreter: Interpreter) -> Tree:
    tree = Tree(BUILD_FOLDER / f"benchmark-peer-{interpreter.version}", interpreter)

    def packages(target: Path) -> None:
        tools.pip_install(_REQUIREMENTS, target / "python", interpreter)
        tools.compile_bytecode(target, "/opt", interpreter)

    def handlers(target: Path) -> None:
        for name in ("usual_handler.py", "empty_handler.py"):
            shutil.copyfile(_HANDLERS / name, target / name)
        tools.compile_bytecode(target, "/var/task", interpreter)

    Step(tree.dependencies, [_REQUIREMENTS], [str(interpreter)], packages).bring_up_to_date()
    Step(tree.functions, [_HANDLERS], [str(interpreter)], handlers).bring_up_to_date()
    return tree
