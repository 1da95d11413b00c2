"""Bearer tokens (RFC 6750): proof for senders that cannot sign, such as Alertmanager and Grafana.

A token proves the sender, and the connection, which is encrypted, all of the request: unlike a signature, whoever has
it can send it again with another body.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

SCHEME: Final = "bearer"

_NAMED: Final = re.compile(r"([A-Za-z0-9_.-]{1,64}):([A-Za-z0-9._~+/-]+=*)")
_CHARACTERS_LEAST: Final = 24


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token, and the sender that it proves."""

    sender: str
    token: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "BearerToken":
        """`name:token`; several of one name are a rotation. Raises ValueError with a reason that does not repeat it."""
        parts = _NAMED.fullmatch(text)
        if parts is None:
            raise ValueError("must be name:token, with only letters, digits and - . _ ~ + / in the token")
        sender, token = parts.groups()
        if len(token) < _CHARACTERS_LEAST:
            raise ValueError(f"must have at least {_CHARACTERS_LEAST} characters")
        return cls(sender, token)


def given(headers: Mapping[str, str]) -> str | None:
    """The token of a request, whose header names are in lower case; None if it has none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == SCHEME else None


def sender_of(tokens: Sequence[BearerToken], presented: str) -> str | None:
    """Whose token it is, None if it is nobody's; all are compared, in constant time."""
    found = None
    for each in tokens:
        if hmac.compare_digest(each.token.encode(), presented.encode(errors="replace")):
            found = found or each.sender
    return found
