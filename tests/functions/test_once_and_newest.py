"""Promise: the newest event wins, once. A scenario is what happened at the sources and what the task stood at."""

from pathlib import Path

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import TASK, Deployment


def test_a_retry_of_an_applied_event_makes_no_call(deployment: Deployment) -> None:
    """The same event again, in another message, is acknowledged and nothing is sent."""
    event = deployment.event()
    assert deployment.queue(event) == []
    assert deployment.queue(event) == []
    assert deployment.sent() == [20]


def test_a_late_event_does_not_undo_a_newer_one(deployment: Deployment) -> None:
    """The event of 10 s ago arrives after the event of now: acknowledged, not applied."""
    assert deployment.queue(deployment.wanted("newer", 30, seconds=0)) == []
    assert deployment.queue(deployment.wanted("older", 90, seconds=-10)) == []
    assert deployment.sent() == [30]


def test_events_of_one_batch_make_one_call_with_the_newest(deployment: Deployment) -> None:
    """Ten events of one task in one batch, in any order: one call, with the newest one's interval."""
    order = [3, 9, 1, 4, 0, 8, 2, 7, 5, 6]
    assert deployment.queue(*[deployment.wanted(f"e-{n}", 100 + n, seconds=n) for n in order]) == []
    assert deployment.sent() == [109]


def test_the_same_record_twice_in_one_batch_is_one_call(deployment: Deployment) -> None:
    """SQS may deliver one message twice, even in one batch."""
    event = deployment.event()
    assert deployment.queue(event, event) == []
    assert deployment.sent() == [20]


def test_one_event_through_three_sources_is_one_call(deployment: Deployment) -> None:
    """The idempotency key is the event's own source and id, whichever way it came."""
    event = deployment.event()
    assert deployment.queue(event) == []
    status, body, _ = deployment.post(event)
    deployment.bus({"version": "0", "id": "x", "detail-type": "relayed", "source": "relay", "detail": event,
                    "time": deployment.started.isoformat()})  # fmt: skip
    assert (status, body["outcomes"][0]["outcome"]) == (200, "duplicate")
    assert deployment.sent() == [20]


def test_events_of_the_same_time_are_ordered_by_their_id(deployment: Deployment) -> None:
    """Any order will do, but it has to be the same for every instance: the greater id is the newer event."""
    assert deployment.queue(deployment.wanted("b", 30)) == []
    assert deployment.queue(deployment.wanted("a", 90)) == []
    assert deployment.stands_at() == 30


def test_an_event_whose_call_failed_is_tried_again(deployment: Deployment) -> None:
    """A 500 sends the record back; its redelivery is a call, not a duplicate."""
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR))
    event = deployment.event()
    assert deployment.queue(event) == ["m-0"]
    assert deployment.stands_at() is None
    assert deployment.queue(event) == []
    assert deployment.stands_at() == 20


def test_an_event_whose_call_was_refused_is_tried_again_when_it_comes_back(deployment: Deployment) -> None:
    """Redriven from the dead-letter queue after the task was started, it is applied."""
    fault = Fault(kind=FaultKind.ERROR, error=ProviderError.ACTIVE_TASK_NOT_FOUND)
    deployment.standin.add_fault(fault)
    event = deployment.event()
    assert deployment.queue(event) == ["m-0"]
    assert deployment.queue(event) == []
    assert deployment.stands_at() == 20


def test_an_unknown_outcome_comes_back_even_where_it_carried_nothing_newer(deployment: Deployment) -> None:
    """A cut connection: nobody knows. The redelivery calls again, whatever the first call did."""
    deployment.standin.add_fault(Fault(kind=FaultKind.CUT, apply_after=0.0))
    event = deployment.event()
    assert deployment.queue(event) == ["m-0"]
    assert deployment.queue(event) == []
    assert deployment.sent() == [20, 20]


def test_a_superseded_event_asserts_the_newest_interval_while_the_task_is_in_doubt(deployment: Deployment) -> None:
    """Its own first call may still arrive: it sends the newest interval again, and comes back until that is over."""
    deployment.standin.add_fault(Fault(kind=FaultKind.CUT))
    older = deployment.wanted("older", 90, seconds=-10)
    assert deployment.queue(older) == ["m-0"]
    assert deployment.queue(deployment.wanted("newer", 30)) == []
    assert deployment.queue(older) == ["m-0"]
    assert deployment.sent() == [90, 30, 30]


def test_a_known_id_with_another_payload_is_rejected(deployment: Deployment) -> None:
    """Not a retry, but somebody who numbers events wrongly: it must not pass for the first one, nor replace it."""
    assert deployment.queue(deployment.wanted("e", 30)) == []
    assert deployment.queue(deployment.wanted("e", 90)) == ["m-0"]
    status, body, _ = deployment.post(deployment.wanted("e", 90))
    assert (status, body["type"]) == (422, "urn:snapshot-tuner:problem:conflict")
    assert body["outcomes"][0]["reason"].endswith("id: already used with another payload")
    assert deployment.stands_at() == 30


def test_a_retry_keeps_the_time_of_its_first_delivery(deployment: Deployment) -> None:
    """Without a time it has the source's sent time. Sent again later, it is still older than what came between."""
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR))
    timeless = deployment.wanted("timeless", 90)
    del timeless["time"]
    assert deployment.queue(timeless) == ["m-0"]
    assert deployment.queue(deployment.wanted("between", 30, seconds=1)) == []
    again = deployment.record("again", timeless)
    again["attributes"]["SentTimestamp"] = str(int(deployment.started.timestamp() * 1000) + 5_000)
    assert deployment.queue(records=[again]) == []
    assert deployment.stands_at() == 30


def test_tasks_do_not_know_each_other(deployment: Deployment) -> None:
    """One event for two tasks: two calls; a later event of one of them leaves the other alone."""
    event = deployment.event("both", data={"TaskId": ["task", "other"]})
    assert deployment.queue(event) == []
    assert deployment.queue(deployment.wanted("one", 30, seconds=5)) == []
    other = TaskRef(TASK.app_id, TASK.room_id, "other")
    assert (deployment.stands_at(), deployment.stands_at(other)) == (30, 20)


@pytest.mark.parametrize("order", [["1", "2"], ["2", "1"]])
def test_by_sequence_the_greater_number_wins(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, environment: Path, order: list[str]
) -> None:
    """`order: sequence` compares integers, and no time: 10 is newer than 9, though it happened before."""
    environment.write_text("version: 1\norder: sequence\nrules: [{name: w, match: {type: [wanted]}, interval: "
                    "{of: data.interval, curve: [[1, 1], [600, 600]]}}]", encoding="utf-8")  # fmt: skip
    monkeypatch.setenv("LEDGER_NAMESPACE", "by-sequence")
    events = {
        "1": deployment.wanted("first", 90, seconds=9) | {"sequence": "9"},
        "2": deployment.wanted("second", 30, seconds=1) | {"sequence": "10"},
    }
    for number in order:
        assert deployment.queue(events[number]) == []
    assert deployment.stands_at() == 30
