"""Promise: what is over is over at once. Events that end what others asked for, through the real handlers."""

from pathlib import Path
from typing import Any

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from reconciler import handler as reconciler
from tests.functions.conftest import POLICY, Deployment
from tests.polling import eventually

ENDING = """
rules:
  - {name: firing, match: {type: [alert.firing]}, interval: 2, for: 10m, default: 30}
  - {name: crowded, match: {type: [room.crowded]}, interval: 4, for: 1h, then: 40}
  - {name: resolved, match: {type: [alert.resolved]}, hold: true, ends: [firing]}
  - {name: calm, match: {type: [room.calm]}, interval: 90, lengthen_after: 10m, ends: [crowded]}
  - {name: brief, match: {type: [brief]}, interval: 3, for: 2s, default: 7}
"""


@pytest.fixture(autouse=True)
def _policy(environment: Path) -> None:
    environment.write_text(POLICY.replace("\nrules:\n", ENDING), encoding="utf-8")


class Room:
    """One task; each step posts an event and returns (status, outcome, interval, reason)."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def happens(self, kind: str, at: float, name: str | None = None) -> tuple[int, str, int | None, str]:
        status, body, _ = self.deployment.post(self.event(kind, at, name))
        [outcome] = body["outcomes"]
        return status, outcome["outcome"], outcome["interval"], outcome["reason"]

    def event(self, kind: str, at: float, name: str | None = None) -> dict[str, Any]:
        return self.deployment.event(name or f"{kind}-{at}", type=kind, seconds=at)

    def wants(self, interval: int, at: float) -> None:
        self.deployment.post(self.deployment.wanted(f"wanted-{at}", interval, seconds=at))


@pytest.fixture
def room(deployment: Deployment) -> Room:
    return Room(deployment)


def test_when_an_alert_is_resolved_its_task_returns_to_what_it_was(room: Room) -> None:
    """At once, and the answer says to what."""
    room.wants(60, at=-100)
    assert room.happens("alert.firing", -20)[1:3] == ("applied", 2)
    assert room.happens("alert.resolved", -10) == (200, "applied", 60, "ends firing; set to 60 s")
    assert room.deployment.sent() == [60, 2, 60]


def test_when_another_adjustment_is_open_that_one_holds(room: Room) -> None:
    """What it asked for was waiting; when it is over too, what its rule says comes."""
    room.happens("alert.firing", -20)
    assert room.happens("room.crowded", -15)[1] == "deferred"
    assert room.happens("alert.resolved", -10)[1:3] == ("applied", 4)
    assert room.deployment.sent() == [2, 4]


def test_when_something_shorter_holds_the_end_waits(room: Room) -> None:
    """It is recorded, so the source may forget it; no call is made."""
    room.happens("room.crowded", -20)
    room.happens("alert.firing", -15)
    status, outcome, _, reason = room.happens("room.calm", -10)
    assert (status, outcome) == (200, "deferred")
    assert reason.startswith("fixed 90 s, ends crowded; rule firing keeps the task at 2 s until")
    assert room.happens("alert.resolved", -5)[1:3] == ("applied", 90)
    assert room.deployment.sent() == [4, 2, 90]


def test_when_an_alert_comes_after_its_end_nothing_happens(room: Room) -> None:
    """As a queue may deliver them; a newer one is another alert."""
    room.wants(60, at=-100)
    assert room.happens("alert.resolved", -10) == (200, "held", None, "ends firing; there is nothing to end")
    assert room.happens("alert.firing", -20)[1] == "superseded"
    assert room.deployment.stands_at() == 60
    assert room.happens("alert.firing", -5)[1:3] == ("applied", 2)


def test_when_an_end_comes_late_it_ends_nothing_newer(room: Room) -> None:
    room.wants(60, at=-100)
    room.happens("alert.firing", -10)
    assert room.happens("alert.resolved", -20)[1] == "held"
    assert room.deployment.stands_at() == 2


def test_when_an_older_end_comes_after_a_newer_one_it_is_superseded(room: Room) -> None:
    room.happens("alert.resolved", -10)
    assert room.happens("alert.resolved", -20)[1:3] == ("superseded", None)


def test_when_an_end_is_repeated_it_is_a_duplicate(room: Room) -> None:
    """Without a call."""
    room.wants(60, at=-100)
    room.happens("alert.firing", -20)
    room.happens("alert.resolved", -10, "again")
    assert room.happens("alert.resolved", -10, "again")[:2] == (200, "duplicate")
    assert room.deployment.sent() == [60, 2, 60]


def test_when_nothing_is_known_of_a_task_nothing_is_done_about_it(room: Room) -> None:
    """No call, no reading back, nothing to show; an older alert finds its end, and the default holds."""
    assert room.happens("alert.resolved", -10)[1:3] == ("held", None)
    reconciler.lambda_handler({}, room.deployment.context)
    assert room.deployment.sent() == []
    assert room.deployment.post("", method="GET", path="/tasks/app/room-1/task")[0] == 404
    status, outcome, interval, reason = room.happens("alert.firing", -20)
    assert (status, outcome, interval) == (200, "applied", 30)
    assert reason == "fixed 2 s, for 600 s, then previous or else 30 s; its time is over: set to 30 s"


@pytest.mark.slow
def test_when_nothing_else_was_ever_asked_for_the_default_comes(room: Room) -> None:
    """When the alert is resolved, or is over by itself: the reconciler sees to that."""
    room.happens("alert.firing", -20)
    assert room.happens("alert.resolved", -10)[1:3] == ("applied", 30)
    room.happens("brief", 0)

    def has_ended() -> bool:
        reconciler.lambda_handler({}, room.deployment.context)
        return room.deployment.stands_at() == 7

    eventually(has_ended, within=15)


def test_when_the_call_fails_the_event_comes_back(room: Room) -> None:
    """Its redelivery makes the call."""
    room.wants(60, at=-100)
    room.happens("alert.firing", -20)
    room.deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR))
    end = room.event("alert.resolved", -10)
    assert room.deployment.queue(end) == ["m-0"]
    assert room.deployment.queue(end) == []
    assert room.deployment.sent() == [60, 2, 60, 60]
    assert room.deployment.stands_at() == 60


def test_when_the_task_has_ended_that_is_no_rejection(room: Room) -> None:
    """A room that ends often takes its alerts with it."""
    room.wants(60, at=-100)
    room.happens("alert.firing", -20)
    room.deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.ACTIVE_TASK_NOT_FOUND))
    status, outcome, interval, reason = room.happens("alert.resolved", -10)
    assert (status, outcome, interval) == (200, "held", None)
    assert reason.startswith("ends firing; ")


def test_when_it_has_an_interval_of_its_own_that_waits_for_its_window(room: Room) -> None:
    """The end does not."""
    room.wants(60, at=-1000)
    room.happens("room.crowded", -20)
    status, outcome, _, reason = room.happens("room.calm", -10)
    assert (status, outcome, reason) == (
        200,
        "deferred",
        "fixed 90 s, ends crowded; rule crowded keeps the task at 40 s",
    )
    assert room.deployment.sent() == [60, 4, 40]


def test_when_both_come_in_one_batch_one_call_is_made(room: Room) -> None:
    """At most, to what holds after both; none where that was called before."""
    batch = [room.event("alert.firing", -20), room.event("alert.resolved", -10)]
    assert room.deployment.queue(*batch) == []
    assert room.deployment.sent() == [30]
    room.wants(60, at=-5)
    events = [room.event("alert.firing", -4), room.event("alert.resolved", -3)]
    status, body, _ = room.deployment.post(events, headers={"content-type": "application/cloudevents-batch+json"})
    told = [(each["outcome"], each["interval"]) for each in body["outcomes"]]
    assert (status, told) == (200, [("superseded", 2), ("applied", 60)])
    assert body["outcomes"][1]["reason"] == "ends firing; it is already at 60 s"
    assert room.deployment.sent() == [30, 60]


def test_what_an_end_would_do_can_be_asked(room: Room) -> None:
    """`POST /explain`: it asks for no interval."""
    status, body, _ = room.deployment.post(room.event("alert.resolved", -10), path="/explain")
    assert (status, body["verdict"], body["rule"], body["reason"]) == (200, "adjust", "resolved", "ends firing")
    assert (body["interval"]["asked"], body["interval"]["given"], body["interval"]["steps"]) == (None, None, [])
