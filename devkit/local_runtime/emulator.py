"""AWS's own parts of the runtime, from their packages: the interface emulator, and the client for Python."""

import platform
import shutil
from pathlib import Path

from devkit.build import BUILD_FOLDER, Interpreter, interpreters, tools
from devkit.build.step import BuildFailed, Step

_HERE = Path(__file__).resolve().parent
_BINARY_OF_MACHINE = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64"}


def interface_emulator() -> Path:
    """The emulator's binary, which the `aws-sam-cli` wheel carries; Linux only. Raises BuildFailed."""
    name = _BINARY_OF_MACHINE.get(platform.machine())
    if platform.system() != "Linux" or name is None:
        raise BuildFailed(f"there is no Lambda runtime emulator for {platform.system()} on {platform.machine()}")

    def install(target: Path) -> None:
        package = target / "package"
        tools.pip_install(_HERE / "rie-requirements.txt", package, interpreters.own())
        binary = target / "aws-lambda-rie"
        shutil.move(package / "samcli" / "local" / "rapid" / name, binary)
        binary.chmod(0o755)
        # 30 MB of a command-line tool that nobody runs.
        shutil.rmtree(package)

    step = Step(BUILD_FOLDER / "rie", [_HERE / "rie-requirements.txt"], [name], install)
    step.bring_up_to_date()
    return step.folder / "aws-lambda-rie"


def runtime_client(interpreter: Interpreter) -> Path:
    """The import root of `awslambdaric`; on Lambda that is /var/runtime, apart from the layers. Raises BuildFailed."""

    def install(target: Path) -> None:
        tools.pip_install(_HERE / "ric-requirements.txt", target, interpreter)
        tools.compile_bytecode(target, "/var/runtime", interpreter)

    folder = BUILD_FOLDER / f"ric-{interpreter.version}"
    step = Step(folder, [_HERE / "ric-requirements.txt"], [str(interpreter)], install)
    step.bring_up_to_date()
    return folder
