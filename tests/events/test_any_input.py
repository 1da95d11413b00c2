"""Any input at all: what comes out of opening an event is a signal or an EventRejected, and nothing else."""

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from tests.one_signal import one

TIME = "2026-03-01T09:00:00.250Z"
SENT_US = 1_772_355_601_000_000
CLOUD_EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "load-1",
    "source": "/monitor",
    "type": "rtc.room.load",
    "time": TIME,
    "data": {"RoomId": "room-101", "load": 0.93},
}
EVENTBRIDGE: dict[str, Any] = {
    "id": "eb-1",
    "detail-type": "rtc.room.load",
    "source": "com.example.monitor",
    "time": TIME,
    "detail": {"RoomId": "room-101", "load": 0.93},
}


def record(event: object) -> dict[str, object]:
    attributes = {"SentTimestamp": "1772355601000"}
    return {"messageId": "m", "eventSource": "aws:sqs", "attributes": attributes, "body": json.dumps(event)}


_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1.0", "aws:sqs", TIME])
)
_names = st.sampled_from(
    [*CLOUD_EVENT, *EVENTBRIDGE, "Type", "Message", "body", "messageId", "eventSource", "data_base64"]
)
_anything = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names | st.text(max_size=3), inner, max_size=5),
    max_leaves=8,
)
_text_of_anything = _anything.map(json.dumps)


@given(_anything, st.none() | st.just(SENT_US))
def test_any_object_gives_a_signal_or_a_rejection(event: object, sent_us: int | None) -> None:
    """Nothing but EventRejected comes out, whatever the runtime passes."""
    with suppress(EventRejected):
        one(signals.from_object(event, sent_us=sent_us))
    with suppress(EventRejected):
        one(signals.from_sqs_record(event))


@given(
    st.sampled_from([CLOUD_EVENT, EVENTBRIDGE, record(CLOUD_EVENT), {"Type": "Notification", "Message": "{}"}]),
    _names,
    _anything | _text_of_anything,
)
def test_any_change_to_a_valid_event_gives_a_signal_or_a_rejection(
    event: dict[str, Any], name: str, value: object
) -> None:
    """One member replaced by anything, at the top and inside an event around it: a short rejection or a signal."""
    changed = copy.deepcopy(event) | {name: value}
    for document in (changed, {**EVENTBRIDGE, "detail": changed}, record(changed)):
        said = ""
        try:
            signal = one(signals.from_object(document))
        except EventRejected as rejected_event:
            said = str(rejected_event)
        else:
            assert signal.id
            assert signal.time_us >= 0
            assert len(signal.fingerprint()) == 64
        assert len(said.encode()) < 700


@given(st.binary())
def test_any_bytes_give_a_signal_or_a_rejection(body: bytes) -> None:
    """A body is never trusted to be text."""
    with pytest.raises(EventRejected):
        one(signals.from_body(body, sent_us=SENT_US))
