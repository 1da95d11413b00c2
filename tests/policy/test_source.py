"""Which policy is in force: the parameter's, what was good last, or the file's."""

from pathlib import Path

import pytest

from snapshot_tuner.errors import PolicyError, SettingsError
from snapshot_tuner.policy.source import Parameter, PolicySource

FILE = "version: 1\nbounds: {min: 2, max: 300}\nrules: [{name: of-file, interval: 5}]\n"
NEW = FILE.replace("of-file", "new")
NEWER = FILE.replace("of-file", "newer")
TASK_TTL = 7200


class StandingClock:
    """Stands still until told otherwise."""

    now = 1_000_000.0

    def monotonic(self) -> float:
        return self.now

    def wall_us(self) -> int:
        return int(self.now * 1e6)


class World:
    """A source with a parameter whose text, or what reading it raises, can be changed."""

    def __init__(self, folder: Path, file: str | None = FILE) -> None:
        self.clock = StandingClock()
        self.says: str | SettingsError = NEW
        self.readings = 0
        path = folder / "policy.yaml"
        if file is not None:
            path.write_text(file, encoding="utf-8")
        self.source = PolicySource(path, Parameter("/policy", self._read, 60), task_ttl=TASK_TTL, clock=self.clock)

    def _read(self) -> str:
        self.readings += 1
        if isinstance(self.says, SettingsError):
            raise self.says
        return self.says

    def rule(self, says: str | SettingsError | None = None, *, seconds: float = 60) -> str:
        """What is in force so many seconds later, by the name of its only rule."""
        self.says = self.says if says is None else says
        self.clock.now += seconds
        if self.source.is_due():
            self.source.refresh()
        return self.source.required().rules[0].name


def test_the_parameter_goes_before_the_file(tmp_path: Path) -> None:
    """Nothing is read before somebody asks: at INIT nobody answers."""
    world = World(tmp_path)
    assert (world.readings, world.source.required().rules[0].name, world.source.origin) == (0, "of-file", "file")
    assert (world.rule(), world.source.origin, world.source.age()) == ("new", "parameter /policy", 0)


def test_it_is_asked_again_when_the_refresh_is_due_and_no_sooner(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.rule() == "new"
    assert world.rule(NEWER, seconds=59) == "new"
    assert world.rule(seconds=1) == "newer"
    assert world.readings == 2


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("rules: [", "parameter /policy: line 2: "),
        (NEWER + "order: sequence\n", "parameter /policy: order: must be time, like the ledger's"),
        (
            NEWER.replace("interval: 5", "interval: 5, for: 3h"),
            "TASK_TTL_SECONDS: must be at least the policy",
        ),
        (SettingsError("POLICY_PARAMETER", "no extension"), "POLICY_PARAMETER: no extension"),
    ],
)
def test_what_cannot_be_used_leaves_what_was_good_last(tmp_path: Path, bad: str | SettingsError, why: str) -> None:
    """It says why, ages, and takes the next good one; at first there is the file alone."""
    world = World(tmp_path)
    assert world.rule(bad) == "of-file"
    assert world.rule(NEW) == "new"
    assert [world.rule(bad), world.rule(bad)] == ["new", "new"]
    assert str(world.source.refusal).startswith(why)
    assert world.source.age() == 120
    assert (world.rule(NEWER), world.source.refusal, world.source.age()) == ("newer", None, 0)


def test_without_a_file_the_parameter_is_enough_whatever_its_order(tmp_path: Path) -> None:
    """No ledger has been made for another order yet."""
    world = World(tmp_path, file=None)
    assert world.source.in_force is None
    assert world.rule(NEW + "order: sequence\n") == "new"
    assert world.source.required().order == "sequence"


def test_without_either_there_is_an_error_that_says_what_is_wrong_with_the_parameter(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="parameter /policy: line 1: the file is empty"):
        World(tmp_path, file=None).rule("")


def test_without_a_parameter_a_bad_file_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        PolicySource(tmp_path / "policy.yaml", None, task_ttl=TASK_TTL, clock=StandingClock())
