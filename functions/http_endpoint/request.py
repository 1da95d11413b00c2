"""One request, out of a Function URL's event (payload format 2.0)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

_MOST_PRINCIPAL_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What was sent, by whom, and when.

    Header names are in small letters. `body` is the bytes that were sent, None where the event does not say
    which. `principal` is whom Lambda has checked by IAM, None where it has checked nobody. `received_us` is
    microseconds since the Unix epoch, on Lambda's clock.
    """

    method: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    principal: str | None
    received_us: int

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Lambda makes these events; only what a sender decides may be anything."""
        headers = event.get("headers") or {}
        context = event["requestContext"]
        return cls(
            method=context["http"]["method"].upper(),
            headers={name.lower(): value for name, value in headers.items() if isinstance(value, str)},
            body=_body(event.get("body") or "", is_base64=bool(event.get("isBase64Encoded"))),
            principal=_principal(context.get("authorizer")),
            received_us=context["timeEpoch"] * 1000,
        )


def _body(text: str, *, is_base64: bool) -> bytes | None:
    if not is_base64:
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _principal(authorizer: object) -> str | None:
    """The user's or role's ARN; else the account.

    A session's name is left out: the next session of the same role, in another instance, is the same caller.
    """
    match authorizer:
        case {"iam": {"userArn": str(arn)}} if 0 < len(arn) <= _MOST_PRINCIPAL_CHARACTERS and arn.isprintable():
            return arn.rpartition("/")[0] if ":assumed-role/" in arn else arn
        case {"iam": {"accountId": str(account)}} if account.isalnum():
            return account
        case _:
            return None
