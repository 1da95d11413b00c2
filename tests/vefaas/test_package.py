"""What is deployed: complete, of nothing but what it needs, and nothing of AWS."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.build import InterpreterMissing, interpreters
from devkit.build.vefaas import TARGET_PYTHON, vefaas_package
from devkit.rtc_standin import StandIn
from tests.vefaas.platform import environment

ROOT = Path(__file__).parents[2]

IMPORTED = """
import json, sys, vefaas.__main__
from pathlib import Path
from snapshot_tuner import bootstrap
try:
    bootstrap.serve_together(1, Path("nowhere"))
    bootstrap.inspector().check_ledger()
finally:
    bootstrap.close()
from http_endpoint import docs
print(json.dumps({name: getattr(module, "__file__", None) for name, module in sys.modules.items()}))
"""


def imported(python: Path, environ: dict[str, str]) -> dict[str, str | None]:
    """What the server and all that it prepares have imported, and from where."""
    done = subprocess.run(  # noqa: S603 - our own code
        [python, "-s", "-c", IMPORTED], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


@pytest.fixture
def variables(tmp_path: Path) -> Iterator[dict[str, str]]:
    with StandIn() as standin:
        yield environment(standin, tmp_path / "ledger.db")


def test_nothing_of_aws_is_imported(variables: dict[str, str]) -> None:
    """Where Powertools could be found."""
    roots = os.pathsep.join(str(ROOT / root) for root in ("layers/snapshot_tuner", "functions"))
    policy = str(ROOT / "layers" / "policy" / "policy.yaml")
    found = imported(Path(sys.executable), {"PYTHONPATH": roots, "POLICY_PATH": policy, **variables})
    assert "uvicorn" in found
    assert not {name.partition(".")[0] for name in found} & {"aws_lambda_powertools", "boto3", "botocore"}


def test_all_that_is_imported_is_in_the_package(variables: dict[str, str], tmp_path: Path) -> None:
    """Unpacked from the zip, with a Python that has nothing else."""
    try:
        python = interpreters.find(TARGET_PYTHON).path
    except InterpreterMissing as missing:
        pytest.skip(str(missing))
    with zipfile.ZipFile(vefaas_package().zip) as packed:
        packed.extractall(tmp_path / "code")
    roots = os.pathsep.join(str(tmp_path / "code" / name) for name in ("functions", "python"))
    policy = str(tmp_path / "code" / "policy.yaml")
    found = imported(python, {"PYTHONPATH": roots, "POLICY_PATH": policy, **variables})
    prefix = python.parents[1]
    files = {Path(file) for file in found.values() if file is not None}
    ours = {file for file in files if file.is_relative_to(tmp_path / "code")}
    assert tmp_path / "code" / "python" / "uvicorn" / "__init__.py" in ours
    assert [file for file in files - ours if "site-packages" in file.parts or not file.is_relative_to(prefix)] == []


def test_the_package_has_no_requirements_for_the_platform_to_install() -> None:
    """It has what they name in it; the example of a deployment stays here."""
    with zipfile.ZipFile(vefaas_package().zip) as packed:
        names = packed.namelist()
        run = packed.getinfo("run.sh")
    assert run.external_attr >> 16 & 0o111
    assert {name.partition("/")[0] for name in names} == {
        "functions",
        "policy.yaml",
        "policy.yaml.checked.json",
        "python",
        "run.sh",
    }
    assert [name for name in names if "requirements" in name or name.endswith(".tf")] == []


def test_nothing_of_aws_is_deployed() -> None:
    text = (ROOT / "functions" / "vefaas" / "requirements.txt").read_text("utf-8")
    names = {line.partition("==")[0] for line in text.splitlines() if "==" in line}
    assert "uvicorn" in names
    assert not {name for name in names if "aws" in name or "boto" in name}


def test_terraform_releases_each_function_again_whenever_it_changes() -> None:
    """Without that a new policy would be uploaded, and the revision before it would go on deciding."""
    terraform = (ROOT / "functions" / "vefaas" / "main.tf").read_text()
    release = terraform.partition('resource "volcenginecc_vefaas_release" "tuner" {')[2].partition("\n}\n")[0]
    assert "for_each              = local.functions" in release
    assert "replace_triggered_by = [volcenginecc_vefaas_function.tuner[each.key]]" in release
