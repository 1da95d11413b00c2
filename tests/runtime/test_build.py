"""What is built is what was pinned, with bytecode that is taken as it is, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devkit.build import Interpreter, InterpreterMissing, Tree, deployed, step
from devkit.build.artifacts import DEPENDENCIES_MOST_BYTES, TARGET_PYTHON
from devkit.build.interpreters import EXTRA_VARIABLE, find
from devkit.build.step import BuildFailed, Step
from devkit.local_runtime.sandbox import Code
from snapshot_tuner.policy import compiled

UNCHECKED_HASH = 1
"""PEP 552: the flags of bytecode that is used without a look at its source."""


@pytest.fixture(scope="module")
def tree() -> Tree:
    return deployed()


def modules(tree: Tree) -> list[Path]:
    return [path for root in tree.python_path for path in root.rglob("*.py")]


def tag(version: str) -> str:
    return "cpython-" + version.replace(".", "")


def test_what_is_deployed_has_the_shape_of_the_template(tree: Tree) -> None:
    """The template's CodeUri and ContentUri hold in the built tree as well."""
    assert (tree.root / "template.yaml").read_text() == (step.ROOT / "template.yaml").read_text()
    assert (tree.functions / "queue_worker" / "handler.py").is_file()
    assert (tree.snapshot_tuner / "python" / "snapshot_tuner" / "py.typed").is_file()
    assert tree.policy.read_text() == (step.ROOT / "layers" / "policy" / "policy.yaml").read_text()
    assert compiled.kept(tree.policy.read_text(), tree.policy) is not None


def test_neither_boto3_nor_tests_nor_tools_are_deployed(tree: Tree) -> None:
    """The layer holds the pinned packages, one to one."""
    pinned = (step.ROOT / "layers" / "dependencies" / "requirements.txt").read_text().splitlines()
    names = {line.partition("==")[0] for line in pinned if "==" in line and " ; " not in line}
    installed = {
        path.name.partition("-")[0].replace("_", "-").lower()
        for path in (tree.dependencies / "python").glob("*.dist-info")
    }
    assert names <= installed
    assert not installed & {"boto3", "botocore", "pip", "setuptools", "pytest"}


def test_native_code_is_of_the_functions_processor_and_python(tree: Tree) -> None:
    """Whatever the host is."""
    libraries = [path.name for path in tree.dependencies.rglob("*.so")]
    assert libraries
    assert {name for name in libraries if "aarch64" not in name} == set()
    assert {name for name in libraries if ".cpython-" in name and tag(TARGET_PYTHON) + "-" not in name} == set()


def test_the_dependencies_stay_small(tree: Tree) -> None:
    """Under 30 MB unpacked, its bytecode included."""
    assert 1_000_000 < tree.sizes()["layers/dependencies"] < DEPENDENCIES_MOST_BYTES


def test_all_bytecode_is_of_the_target_and_used_without_a_check(tree: Tree) -> None:
    """Every module has it where this machine has that Python; nowhere is bytecode of another one."""
    others = [path for path in tree.root.rglob("*.pyc") if tag(TARGET_PYTHON) not in path.name]
    assert others == []
    if tree.bytecode_by is None:
        pytest.skip(f"no python{TARGET_PYTHON} runs here")
    for module in modules(tree):
        compiled = module.parent / "__pycache__" / f"{module.stem}.{tag(TARGET_PYTHON)}.pyc"
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == UNCHECKED_HASH, compiled


def test_a_local_build_has_bytecode_of_its_own_python(code: Code) -> None:
    """So that a cold start here compiles as little as on Lambda."""
    for module in modules(code.tree):
        compiled = module.parent / "__pycache__" / f"{module.stem}.{tag(code.interpreter.version)}.pyc"
        assert compiled.is_file()


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(step, "ROOT", tmp_path)
    monkeypatch.setattr(step, "BUILD_FOLDER", tmp_path / "build")
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "module.py").write_text("a = 1\n")
    return folder


def part(sources: Path, *settings: str) -> Step:
    return Step(
        sources.parent / "build" / "part", [sources], settings, lambda target: step.copy_sources(sources, target)
    )


def test_a_part_is_made_again_only_when_what_it_is_made_from_changes(sources: Path) -> None:
    """Content and names of sources, and the settings; bytecode beside the sources is not one of them."""
    assert part(sources).bring_up_to_date()
    (sources / "__pycache__").mkdir()
    (sources / "__pycache__" / "module.pyc").write_bytes(b"")
    assert not part(sources).bring_up_to_date()

    assert part(sources, "3.13").bring_up_to_date()
    (sources / "module.py").rename(sources / "renamed.py")
    assert part(sources, "3.13").bring_up_to_date()
    (sources / "renamed.py").write_text("a = 2\n")
    assert part(sources, "3.13").bring_up_to_date()
    assert sorted(path.name for path in (sources.parent / "build" / "part").iterdir()) == ["renamed.py"]


def test_a_part_that_fails_leaves_the_old_one_and_is_tried_again(sources: Path) -> None:
    """Half a layer never looks like a whole one."""
    part(sources).bring_up_to_date()

    def fail(target: Path) -> None:
        (target / "half.py").write_text("")
        raise BuildFailed("on purpose")

    folder = sources.parent / "build" / "part"
    for _ in range(2):
        with pytest.raises(BuildFailed, match="on purpose"):
            Step(folder, [sources], ["new"], fail).bring_up_to_date()
    assert [path.name for path in folder.iterdir()] == ["module.py"]


def launcher(folder: Path, script: str) -> Path:
    path = folder / "python9"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_launcher_without_a_python_behind_it_is_no_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version managers put launchers for every version on the PATH; only one that runs counts."""
    monkeypatch.setenv(EXTRA_VARIABLE, str(launcher(tmp_path, "echo not installed >&2; exit 127")))
    with pytest.raises(InterpreterMissing, match=EXTRA_VARIABLE):
        find("9.1")


def test_an_interpreter_is_what_it_says_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name may say anything; what is used is the bare Python behind it."""
    monkeypatch.setenv(EXTRA_VARIABLE, str(launcher(tmp_path, """echo '["/opt/nine", 9, 2]'""")))
    assert find("9.2") == Interpreter(Path("/opt/nine/bin/python9.2"), "9.2")


def test_make_build_says_what_it_made(tree: Tree) -> None:
    """Sizes of every part; the second build is quick."""
    done = subprocess.run(
        [sys.executable, "-m", "devkit.build"],
        cwd=step.ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(tree.root) in done.stdout
    for name in ("functions", "layers/dependencies", "layers/snapshot_tuner", "layers/policy"):
        assert name in done.stdout
