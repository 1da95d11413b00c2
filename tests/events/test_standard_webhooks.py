"""Standard Webhooks signatures: what another author's package signs is accepted, and nothing else is."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from snapshot_tuner.events.standard_webhooks import Proof, SigningKey, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 byte").decode()
NOW = 1_795_000_000
BODY = '{"type": "wanted", "name": "日本"}'


def signed(secret: str = SECRET, *, at: int = NOW, body: str = BODY, message_id: str = "msg_1") -> dict[str, str]:
    signature = Webhook(secret).sign(message_id, datetime.fromtimestamp(at, UTC), body)
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signature}


def sender(headers: dict[str, str], *secrets: str, body: bytes = BODY.encode(), now: float = NOW) -> str | None:
    proof = verify([SigningKey.parse(secret) for secret in secrets], headers, body, now)
    return proof.sender if proof is not None else None


def test_the_example_of_the_specification_is_accepted() -> None:
    """Its key, message and signature, as published by the authors of the specification's libraries."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert sender(headers, SECRET, body=b'{"test": 2432232314}', now=1614265330) == "webhook"


@given(body=st.text(), message_id=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
def test_whatever_their_package_signs_is_accepted(body: str, message_id: str) -> None:
    """Any text as the body, any printable id."""
    assert sender(signed(body=body, message_id=message_id), SECRET, body=body.encode()) == "webhook"


def test_every_altered_byte_of_the_body_is_refused() -> None:
    """Each byte in turn, one bit of it."""
    body = BODY.encode()
    for at in range(len(body)):
        altered = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert sender(signed(), SECRET, body=altered) is None
    assert sender(signed(), SECRET, body=body) == "webhook"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_altered_character_of_a_header_is_refused(name: str) -> None:
    """The last one of the signature too: base64 has several spellings of the same bytes."""
    headers = signed()
    for at, character in enumerate(headers[name]):
        for other in "1A=":
            if other != character:
                altered = headers[name][:at] + other + headers[name][at + 1 :]
                assert sender(headers | {name: altered}, SECRET) is None
    without = {key: value for key, value in headers.items() if key != name}
    assert sender(without, SECRET) is None


def test_the_proof_says_what_is_signed_besides_the_body() -> None:
    """The id and the time of the message: whoever asks for them need not look at a header again."""
    proof = verify([SigningKey.parse(f"monitor:{SECRET}")], signed(), BODY.encode(), NOW)
    assert proof == Proof("monitor", "msg_1", NOW * 1_000_000)


@pytest.mark.parametrize("size", [0, 1, 23])
def test_a_secret_has_at_least_24_bytes(size: int) -> None:
    """24 are enough; the reason does not repeat them."""
    encoded = base64.b64encode(b"\x5a" * size).decode()
    with pytest.raises(ValueError, match=r"^must ") as error:
        SigningKey.parse(f"whsec_{encoded}")
    assert not encoded or encoded not in str(error.value)
    assert SigningKey.parse("whsec_" + base64.b64encode(b"\x5a" * 24).decode()).secret == b"\x5a" * 24


def test_the_tolerance_is_five_minutes_either_way() -> None:
    """At 300 s it is accepted, at 301 s it is not; nor is a time that is not written in digits."""
    assert [sender(signed(at=NOW + off), SECRET) for off in (-301, -300, 300, 301)] == [
        None,
        "webhook",
        "webhook",
        None,
    ]
    assert sender(signed() | {"webhook-timestamp": f"{NOW}.0"}, SECRET) is None
    assert sender(signed() | {"webhook-timestamp": "9" * 400}, SECRET) is None


def test_during_rotation_old_and_new_secrets_are_the_same_sender() -> None:
    """Either side may be first: several secrets here, several signatures there."""
    assert sender(signed(OTHER), SECRET, OTHER) == "webhook"
    both = f"{signed(OTHER)['webhook-signature']} {signed()['webhook-signature']}"
    assert sender(signed() | {"webhook-signature": both}, SECRET) == "webhook"
    assert sender(signed() | {"webhook-signature": f"v1a,x {both}"}, SECRET) == "webhook"


def test_a_named_secret_proves_that_sender() -> None:
    """Two names are two callers; two secrets of one name are one."""
    secrets = (f"monitor:{SECRET}", f"alerts:{OTHER}")
    assert (sender(signed(), *secrets), sender(signed(OTHER), *secrets)) == ("monitor", "alerts")
    assert sender(signed(OTHER), f"monitor:{SECRET}", f"monitor:{OTHER}") == "monitor"


def test_without_a_secret_nobody_is_known() -> None:
    """Not even who signs with an empty one."""
    assert sender(signed()) is None


def test_a_surrogate_in_a_header_is_refused_like_any_other_character() -> None:
    """It cannot be written as bytes; that must be no crash."""
    assert sender(signed() | {"webhook-id": "\ud800", "webhook-signature": "v1,\ud800"}, SECRET) is None


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_?", "name:", ":whsec_MfKQ", "na me:whsec_MfKQ", "whsec_A", "A===="]
)
def test_what_is_no_secret_is_a_reason_that_does_not_repeat_it(text: str) -> None:
    """It stands in an error that is logged."""
    with pytest.raises(ValueError, match=r"base64") as error:
        SigningKey.parse(text)
    assert str(error.value) in (
        "must be whsec_ and base64, with name: in front where there are several senders",
        "is not base64 after whsec_",
    )


def test_a_key_does_not_show_its_secret() -> None:
    """In a traceback of a debugger, for one."""
    assert repr(SigningKey.parse(f"monitor:{SECRET}")) == "SigningKey(sender='monitor')"
