"""Standard Webhooks signatures: who sent a body, and that nobody has changed it.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. HMAC-SHA256
over `{webhook-id}.{webhook-timestamp}.{body}`, in base64 after `v1,`; a sender may give several signatures, separated
by spaces. The signature covers neither method nor path nor any other header.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

TOLERANCE_SECONDS: Final = 300
"""How far a timestamp may be from now, either way; a replay inside it is the ledger's to find."""

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"

UNNAMED_SENDER: Final = "webhook"

_PREFIX: Final = "whsec_"
_SECRET: Final = re.compile(r"(?:([A-Za-z0-9_.-]{1,64}):)?(?:whsec_)?([A-Za-z0-9+/]+={0,2})")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,15}")
_SECRET_BYTES_LEAST: Final = 24


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret, and the sender that it proves."""

    sender: str
    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """`whsec_BASE64`, or `name:whsec_BASE64` to tell senders apart.

        Secrets with the same name prove one sender, so that they can be rotated one after the other; those without a
        name prove one sender together. Raises ValueError with a reason that does not repeat the text.
        """
        parts = _SECRET.fullmatch(text)
        if parts is None:
            raise ValueError(f"must be {_PREFIX} and base64, with name: in front where there are several senders")
        sender, encoded = parts.groups()
        try:
            secret = base64.b64decode(encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4), validate=True)
        except binascii.Error:
            raise ValueError(f"is not base64 after {_PREFIX}") from None
        if len(secret) < _SECRET_BYTES_LEAST:
            raise ValueError(f"must have at least {_SECRET_BYTES_LEAST} bytes, which are 32 characters of base64")
        return cls(sender or UNNAMED_SENDER, secret)


@dataclass(frozen=True, slots=True)
class Proof:
    """Whose message it is, its id and its time (microseconds since the Unix epoch): all that is signed but the body."""

    sender: str
    message_id: str
    sent_us: int


def verify(keys: Sequence[SigningKey], headers: Mapping[str, str], body: bytes, now: float) -> Proof | None:
    """Who signed the body, None if no known sender did; `now` is seconds since the Unix epoch.

    `headers` have lower-case names. Signatures are compared as they are written, in constant time:
    base64 has several spellings of the same bytes, and only one of them was sent.
    """
    message_id, timestamp = headers.get(ID_HEADER, ""), headers.get(TIMESTAMP_HEADER, "")
    if not message_id or not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return None
    given = [signature.encode(errors="replace") for signature in headers.get(SIGNATURE_HEADER, "").split(" ")]
    signed = f"{message_id}.{timestamp}.".encode(errors="replace") + body
    found = None
    for key in keys:
        expected = b"v1," + base64.b64encode(hmac.digest(key.secret, signed, "sha256"))
        # Every one of them, even after one was right: so the time taken reveals nothing.
        if any([hmac.compare_digest(expected, signature) for signature in given]):  # noqa: C419 - none is left out
            found = found or key.sender
    return Proof(found, message_id, int(timestamp) * 1_000_000) if found is not None else None
