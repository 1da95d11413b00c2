"""A package without its `__init__`: what is used of it is there, nothing else is, and nobody else notices."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from snapshot_tuner.lean_import import without_init


def fresh(program: str) -> object:
    """What the program prints as JSON, in a Python that has imported nothing yet."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package whose `__init__` has a name and an expensive module, and a module that is wanted."""
    folder = tmp_path / "costly"
    folder.mkdir()
    (folder / "__init__.py").write_text("from costly import heavy\nNAME = 'whole'\n")
    (folder / "heavy.py").write_text("")
    (folder / "wanted.py").write_text("class Wanted: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("costly", "costly.heavy", "costly.wanted"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "costly"


def test_only_what_is_asked_for_is_imported(package: str) -> None:
    with without_init(package):
        import costly.wanted  # type: ignore[import-not-found] # noqa: PLC0415 - made above
    assert "costly.heavy" not in sys.modules
    assert costly.wanted.Wanted


def test_whoever_imports_it_later_gets_the_whole_with_the_same_classes(package: str) -> None:
    with without_init(package):
        from costly.wanted import Wanted  # noqa: PLC0415 - made above
    import costly  # noqa: PLC0415 - made above
    from costly.wanted import Wanted as Again  # noqa: PLC0415 - made above

    assert (costly.NAME, Again) == ("whole", Wanted)


def test_a_package_that_is_there_already_stays_as_it_is(package: str) -> None:
    import costly  # noqa: PLC0415 - made above

    with without_init(package):
        assert sys.modules[package] is costly
    assert sys.modules[package] is costly


def test_a_failing_import_leaves_nothing_bare_behind(package: str) -> None:
    def import_what_is_not_there() -> None:
        with without_init(package):
            importlib.import_module("costly.missing")

    with pytest.raises(ModuleNotFoundError, match=r"costly\.missing"):
        import_what_is_not_there()
    assert package not in sys.modules


def test_the_ledger_imports_no_client_of_redis() -> None:
    """Only its connections; what the tests do with the whole package goes on beside that."""
    found = fresh(
        "import json, sys\n"
        "from snapshot_tuner.ledger.redis import redis_py\n"
        "early = sorted({'redis', 'redis.client', 'redis.cluster', 'redis.asyncio'} & sys.modules.keys())\n"
        "import redis\n"
        "print(json.dumps([early, redis.Redis.__name__, redis.Connection is redis_py.Connection]))"
    )
    assert found == [[], "Redis", True]
