"""Faults that a test asks the stand-in for: whom they befall, and the late calls that they leave."""

import http.client
from contextlib import closing
from typing import Any

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError, StandIn
from snapshot_tuner.model import TaskRef
from tests.polling import until
from tests.rtc_standin.calls import TASK, Signing, update


def test_faults_befall_the_calls_they_name_and_no_others(stand_in: StandIn) -> None:
    """One task, the next n calls, in the order they were added."""
    other = TaskRef("app", "room", "other")
    stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR, task=other, times=2))
    stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.QPS_OVER_LIMIT))
    tasks = ["task", "other", "task", "other", "other"]
    assert [update(stand_in, TaskId=task)[0] for task in tasks] == [429, 500, 200, 500, 200]


def test_the_same_seed_gives_the_same_faults(stand_in: StandIn) -> None:
    """A fault with a probability can be replayed."""

    def statuses() -> list[int]:
        stand_in.reset()
        stand_in.add_fault(
            Fault(kind=FaultKind.HTML_PAGE, status=502, apply_after=0.0, times=None, probability=0.5, seed=3)
        )
        return [stand_in_status(stand_in) for _ in range(12)]

    first = statuses()
    assert set(first) == {200, 502}
    assert statuses() == first


def stand_in_status(stand_in: StandIn) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", stand_in.port, timeout=5)) as connection:
        request = Signing().request(f"127.0.0.1:{stand_in.port}")
        connection.request("POST", f"/?{request.query}", request.body, dict(request.headers))
        return connection.getresponse().status


def test_a_late_call_is_applied_after_its_caller_has_gone_and_over_a_newer_one(stand_in: StandIn) -> None:
    """What only the reconciler can put right: an old call that takes effect after a newer one."""
    stand_in.add_fault(Fault(kind=FaultKind.CUT, apply_after=0.3))
    with pytest.raises((http.client.HTTPException, OSError)):
        update(stand_in, ImageConfig={"Interval": 1})
    update(stand_in, ImageConfig={"Interval": 2})
    assert stand_in.intervals() == {TASK: 2}
    until(lambda: stand_in.intervals() == {TASK: 1})
    late, newer = stand_in.calls()
    assert (late.outcome, newer.outcome) == ("cut", "ok")
    assert late.applied is not None
    assert late.applied - late.arrived >= 0.3


def test_a_late_call_for_a_task_that_has_ended_meanwhile_changes_nothing(stand_in: StandIn) -> None:
    """An ended task is beyond reach, for late calls as well."""
    stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_SERVICE_TIMEOUT, apply_after=0.05))
    stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_SERVICE_TIMEOUT, apply_after=0.06))
    assert [update(stand_in)[0], update(stand_in, TaskId="other")[0]] == [504, 504]
    stand_in.end_task(TASK)
    until(lambda: stand_in.calls()[1].applied is not None)
    assert stand_in.intervals() == {TaskRef("app", "room", "other"): 7}
    assert stand_in.calls()[0].applied is None


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": FaultKind.ERROR},
        {"kind": FaultKind.CUT, "error": ProviderError.INTERNAL_ERROR},
        {"kind": FaultKind.CUT, "status": 500},
        {"kind": FaultKind.LATENCY},
        {"kind": FaultKind.CUT, "delay": 1.0},
        {"kind": FaultKind.SLOW_BODY, "delay": 1.0, "apply_after": 1.0},
        {"kind": FaultKind.CUT_BEFORE_BODY, "task": TASK},
        {"kind": FaultKind.CUT, "times": 0},
        {"kind": FaultKind.CUT, "probability": 0.0},
    ],
)
def test_a_fault_that_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    """A fault that would do nothing hides a mistake in the test that asked for it."""
    with pytest.raises(ValueError, match=r"`|task"):
        Fault(**fields)
