"""`make build-vefaas`: the package for Volcengine's function service, as a folder and as a zip.

run.sh                            what the platform starts
functions/                        vefaas, and the HTTP routes
python/                           dependencies, and the package that all functions share
policy.yaml                       with its checked form beside it

One package for both functions; VEFAAS_TAKES says which one it is. It has no requirements.txt: the platform would
install that, and everything is in it.
"""

import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devkit.build import interpreters, tools
from devkit.build.interpreters import InterpreterMissing
from devkit.build.policies import keep_form
from devkit.build.step import BUILD_FOLDER, ROOT, BuildFailed, Step, copy_sources, size_bytes

TARGET_PYTHON: Final = "3.12"
"""The platform's native-python3.12/v1, on x86-64."""

ZIP_MOST_BYTES: Final = 15_000_000
"""Of a package that is uploaded as it is; from an object store the platform takes 256 MB."""

_FUNCTIONS: Final = ("vefaas", "http_endpoint")
_NOT_DEPLOYED: Final = ("boto3", "botocore", "aws_lambda_powertools")
_NOT_PACKED: Final = ("requirements.*", "*.yaml", "*.tf")
_REQUIREMENTS: Final = ROOT / "functions" / "vefaas" / "requirements.txt"
_POLICY: Final = ROOT / "layers" / "policy" / "policy.yaml"
_PACKAGE: Final = ROOT / "layers" / "snapshot_tuner" / "snapshot_tuner"
_BEFORE_ZIP: Final = (1980, 1, 1, 0, 0, 0)
"""The same content makes the same zip."""


@dataclass(frozen=True, slots=True)
class VefaasPackage:
    """What is deployed, unpacked and packed."""

    folder: Path
    zip: Path


def vefaas_package() -> VefaasPackage:
    """Built from any host; with bytecode where this machine has a Python of the target's version.

    Raises BuildFailed, also for what must not be deployed.
    """
    try:
        compiler = interpreters.find(TARGET_PYTHON)
    except InterpreterMissing:
        compiler = None

    def make(target: Path) -> None:
        _make(target)
        if compiler is not None:
            tools.compile_bytecode(target, ".", compiler)

    folder = BUILD_FOLDER / "vefaas" / "package"
    sources = [*(ROOT / "functions" / name for name in _FUNCTIONS), _PACKAGE, _POLICY]
    is_new = Step(folder, sources, [str(compiler), *_NOT_PACKED], make).bring_up_to_date()
    package = VefaasPackage(folder, folder.with_name("snapshot-tuner.zip"))
    if is_new or not package.zip.exists():
        _pack(package)
    return package


def _make(target: Path) -> None:
    python = target / "python"
    tools.pip_install_for(_REQUIREMENTS, python, TARGET_PYTHON, ("manylinux2014_x86_64", "manylinux_2_28_x86_64"))
    found = sorted(path.name for path in python.iterdir() if path.name.partition("-")[0] in _NOT_DEPLOYED)
    if found:
        raise BuildFailed(f"the package for veFaaS holds {', '.join(found)}; nothing of AWS belongs in it")
    copy_sources(_PACKAGE, python / _PACKAGE.name)
    for name in _FUNCTIONS:
        copy_sources(ROOT / "functions" / name, target / "functions" / name, without=_NOT_PACKED)
    run = target / "run.sh"
    (target / "functions" / "vefaas" / "run.sh").replace(run)
    run.chmod(0o755)
    shutil.copyfile(_POLICY, target / "policy.yaml")
    keep_form(target / "policy.yaml")


def _pack(package: VefaasPackage) -> None:
    unfinished = package.zip.with_name(f".unfinished-{package.zip.name}")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(package.folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(str(path.relative_to(package.folder)), _BEFORE_ZIP)
                entry.external_attr = (path.stat().st_mode & 0o777) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, path.read_bytes())
    unfinished.replace(package.zip)
    if package.zip.stat().st_size > ZIP_MOST_BYTES:
        raise BuildFailed(f"{package.zip} is too large to be uploaded as it is: at most {ZIP_MOST_BYTES:,} bytes")


def main() -> None:
    """Build, and say what came of it."""
    try:
        package = vefaas_package()
    except BuildFailed as failure:
        sys.exit(str(failure))
    rows = {package.zip: package.zip.stat().st_size}
    rows |= {part: size_bytes(package.folder / part) for part in (Path("functions"), Path("python"))}
    print("\n".join(f"  {part!s:52}  {size / 1_000_000:5.1f} MB" for part, size in rows.items()))


if __name__ == "__main__":
    main()
