"""The RTC service's callbacks: signed as its documentation says, and one signal each."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from itertools import islice, permutations
from typing import Any

import pytest

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.rtc_callback import Callback
from snapshot_tuner.model import Signal
from tests.effort import EFFORT
from tests.one_signal import one

SECRET = "callback secret"
SIGNED = {
    "EventType": "UserJoinRoom",
    "EventData": '{"RoomId": "room-1", "UserId": "u",  "Timestamp": 1.50}',
    "EventTime": "2026-03-01T17:00:00+08:00",
    "EventId": "event-1",
    "AppId": "app",
    "Version": "2020-12-01",
    "Nonce": "n0nce",
}


def signature(members: dict[str, str], secret: str = SECRET) -> str:
    """As the provider documents it: the values and the secret, sorted as strings, joined, in SHA-256."""
    return sha256("".join(sorted([*members.values(), secret])).encode()).hexdigest()


def body(unsigned: dict[str, Any] | None = None, **signed: Any) -> bytes:  # noqa: ANN401 - members of the callback
    whole: dict[str, Any] = {**SIGNED, **signed}
    return json.dumps({**whole, "Signature": signature(whole), **(unsigned or {})}).encode()


def test_a_callback_of_the_service_is_genuine() -> None:
    """With the secret that signed it, whichever of several it is, and with no other."""
    callback = Callback.read(body())
    assert callback.is_signed_with([SECRET])
    assert callback.is_signed_with(["new secret", SECRET])
    assert not callback.is_signed_with(["new secret"])
    assert not callback.is_signed_with([])


@pytest.mark.parametrize("name", [*SIGNED, "Signature"])
def test_every_altered_character_of_a_signed_member_is_refused(name: str) -> None:
    """Each in turn; the event data as they were received, not as they would be written again."""
    text = {**SIGNED, "Signature": signature(SIGNED)}[name]
    for at, character in enumerate(text):
        altered = text[:at] + ("x" if character != "x" else "y") + text[at + 1 :]
        assert not Callback.read(body({name: altered})).is_signed_with([SECRET])


def test_the_signature_is_in_small_letters() -> None:
    """One spelling of it is right."""
    assert not Callback.read(body({"Signature": signature(SIGNED).upper()})).is_signed_with([SECRET])


def test_a_misspelt_nonce_is_taken() -> None:
    """Some senders write Noce."""
    members = {("Noce" if name == "Nonce" else name): value for name, value in SIGNED.items()}
    text = json.dumps({**members, "Signature": signature(members)}).encode()
    assert Callback.read(text).is_signed_with([SECRET])


def test_a_callback_becomes_a_signal() -> None:
    """Its type and source say where it comes from; its data are those of EventData, with the AppId."""
    assert one(Callback.read(body({"BusinessId": "business"})).events()) == Signal(
        id=sha256(signature(SIGNED).encode()).hexdigest()[:32],
        source="rtc:app",
        type="rtc.UserJoinRoom",
        time_us=1_772_355_600_000_000,
        data={
            "AppId": "app",
            "BusinessId": "business",
            "RoomId": "room-1",
            "UserId": "u",
            "Timestamp": Decimal("1.5"),
        },
        attributes={"eventid": "event-1"},
    )


def test_what_event_data_says_itself_stays() -> None:
    """Only what is absent there is taken from around it."""
    text = '{"AppId": "inner", "BusinessId": "own"}'
    data = one(Callback.read(body({"BusinessId": "outer"}, EventData=text)).events()).data
    assert data == {"AppId": "inner", "BusinessId": "own"}


@pytest.mark.parametrize("name", [*SIGNED, "Signature"])
def test_a_missing_member_is_named(name: str) -> None:
    """And so is one that is no string."""
    whole = json.loads(body())
    del whole[name]
    with pytest.raises(EventRejected, match=f"^{name}: is missing$"):
        Callback.read(json.dumps(whole).encode())
    with pytest.raises(EventRejected, match=f"^{name}: must be a string, not a number$"):
        Callback.read(body({name: 1}))


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"EventData": "not JSON"}, "EventData"),
        ({"EventData": "[]"}, "EventData"),
        ({"EventData": '{"a": 1, "a": 2}'}, "EventData.a"),
        ({"EventTime": "1709258400"}, "time"),
    ],
)
def test_a_genuine_callback_that_cannot_be_read_names_the_field(members: dict[str, Any], field: str) -> None:
    """It is rejected like any other event."""
    with pytest.raises(EventRejected) as rejected:
        one(Callback.read(body(**members)).events())
    assert rejected.value.field == field


NOW_US = 1_772_355_600_000_000
NAMES = tuple(SIGNED)


def forged(values: Sequence[str]) -> bytes:
    """The original's signature, over other values."""
    return json.dumps({**dict(zip(NAMES, values, strict=True)), "Signature": signature(SIGNED)}).encode()


def other_callbacks() -> Iterator[bytes]:
    """Whatever has the signature of the original: values exchanged, then borders moved between sorted neighbours.

    With each border one in seven of the exchanges, other ones each time; with EFFORT=10 all of them.
    """
    one_in = max(1, 7 // EFFORT)
    for values in permutations(SIGNED.values()):
        yield forged(values)
    order = sorted([*SIGNED.values(), SECRET])
    for at in range(len(order) - 1):
        joined = order[at] + order[at + 1]
        for cut in range(len(joined) + 1):
            moved = [*order[:at], joined[:cut], joined[cut:], *order[at + 2 :]]
            if moved != sorted(moved) or SECRET not in moved:
                continue
            moved.remove(SECRET)
            for values in islice(permutations(moved), cut % one_in, None, one_in):
                yield forged(values)


def test_nothing_but_the_original_passes_for_a_new_event() -> None:
    """Of all that can be made from one captured callback without the secret: refused, or known by the same id."""
    taken: set[tuple[str, str]] = set()
    genuine = 0
    for text in other_callbacks():
        callback = Callback.read(text)
        if callback.is_signed_with([SECRET]):
            genuine += 1
            try:
                callback.check(app_ids=["app"], now_us=NOW_US, skew_seconds=300)
                signal = one(callback.events())
            except EventRejected:
                continue
            taken.add((signal.source, signal.id))
    assert genuine > 5000  # the scheme itself tells none of them from the original
    assert taken == {("rtc:app", one(Callback.read(body()).events()).id)}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"EventType": "event-1"}, "EventType"),
        ({"EventType": ""}, "EventType"),
        ({"EventId": ""}, "EventId"),
        ({"EventId": "a b"}, "EventId"),
        ({"EventId": "a\0"}, "EventId"),
        ({"AppId": "other"}, "AppId"),
        ({"AppId": "a/b"}, "AppId"),
        ({"Version": "2020-12-02"}, "Version"),
        ({"Nonce": ""}, "Nonce"),
        ({"Nonce": "x" * 129}, "Nonce"),
        ({"EventTime": "n0nce"}, "EventTime"),
        ({"EventTime": "2026-03-01T17:05:01+08:00"}, "EventTime"),
        ({"EventTime": "2026-03-01T16:54:59+08:00"}, "EventTime"),
    ],
)
def test_every_value_has_the_form_of_its_own_name(changes: dict[str, Any], field: str) -> None:
    """Whoever signed it; the error names the member."""
    with pytest.raises(EventRejected) as rejected:
        Callback.read(body(**changes)).check(app_ids=["app"], now_us=NOW_US, skew_seconds=300)
    assert rejected.value.field == field


def test_without_app_ids_every_app_is_taken() -> None:
    """The secret is the application's own."""
    Callback.read(body(AppId="other")).check(app_ids=(), now_us=NOW_US + 300_000_000, skew_seconds=300)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b'"text"'])
def test_what_is_no_object_is_rejected(text: bytes) -> None:
    with pytest.raises(EventRejected) as rejected:
        Callback.read(text)
    assert rejected.value.field == "body"
