"""Which of two alerts are the same event, and which of two events came first."""

from snapshot_tuner.events.arrival import Arrivals
from snapshot_tuner.model import Order, Signal
from tests.events.readings.reading_policies import ALERTMANAGER, SENT_US, alert, group, read, read_one


def keys(*events: object) -> list[bytes | None]:
    """Their order keys, in one batch."""
    arrivals = Arrivals(SENT_US + 3_600_000_000, 86_400)
    return [event.order_key(Order.TIME, arrivals.sent_us(event)) for event in events if isinstance(event, Signal)]


def test_an_alert_repeated_with_another_annotation_is_the_same_event() -> None:
    """Id and fingerprint are the same, though endsAt moves while it fires."""
    first = read_one(group(alert()), ALERTMANAGER)
    again = read_one(group(alert(annotations={"load": "0.95"}, endsAt="2026-03-01T09:04:00Z")), ALERTMANAGER)
    assert (first.id, first.source, first.fingerprint()) == (again.id, again.source, again.fingerprint())
    assert first.data != again.data
    other = read_one(group(alert("f2")), ALERTMANAGER)
    assert first.id != other.id


def test_fires_resolved_and_fires_again_are_three_events_in_order() -> None:
    """However they are delivered: each has a time of its own."""
    fires = alert()
    resolved = alert(status="resolved", endsAt="2026-03-01T09:05:00Z")
    again = alert(startsAt="2026-03-01T09:07:00Z")
    events = read(group(again, fires, resolved), ALERTMANAGER)
    ids = {event.id for event in events if isinstance(event, Signal)}
    assert len(ids) == 3
    key_again, key_fires, key_resolved = (key or b"" for key in keys(*events))
    assert key_fires < key_resolved < key_again


def test_elements_of_one_time_count_by_their_position() -> None:
    """The last of them is the newest, whatever their ids sort like."""
    text = '- {name: own, match: {}, each: body.list, id: "{item}", type: t}'
    ordered = keys(*read({"list": ["c", "b", "a"]}, text))
    assert ordered == sorted(ordered, key=lambda key: key or b"")
    assert len(set(ordered)) == 3
