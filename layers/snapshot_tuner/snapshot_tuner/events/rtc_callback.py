"""The RTC service's own webhooks ("server callbacks", Version 2020-12-01): their signature, and their events.

The signature covers seven members and the secret, and it is inside the JSON object that it proves, so the outer object
has to be read first. Its payload, `EventData`, is only read once the signature is right.
`BusinessId` is not among the seven; it is taken as the service sends it.

It covers the sorted values without their names and separators: from one callback one can make others with the same
signature, with two values swapped or the border between two neighbours moved. So the signature itself identifies a
callback, and every value must have the form of its own name.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.events.attributes import RTC_PREFIX
from snapshot_tuner.events.readings.reading import Event
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.strict_json import decode, describe
from snapshot_tuner.model import Json

TYPE_PREFIX: Final = "rtc."

_SIGNED: Final = ("EventType", "EventData", "EventTime", "EventId", "AppId", "Version")
_VERSION: Final = "2020-12-01"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.:+/=@-]{1,128}")
_FORMS: Final = {
    "EventType": re.compile(r"[A-Z][A-Za-z0-9]{2,63}"),
    "EventId": _TOKEN,
    "AppId": re.compile(r"[A-Za-z0-9_@.-]{1,128}"),
    "Nonce": _TOKEN,
}
_ID_DIGITS: Final = 32

_NONCES: Final = ("Nonce", "Noce")
"""Some senders misspell it."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback as it came: strings, and `event_data` a JSON text that has not been read yet."""

    event_type: str
    event_data: str
    event_time: str
    event_id: str
    app_id: str
    version: str
    nonce: str
    business_id: str | None
    signature: str = field(repr=False)

    @classmethod
    def read(cls, body: bytes) -> "Callback":
        """Raises EventRejected that names the member at fault."""
        document = decode(body)
        if not isinstance(document, dict):
            raise EventRejected("body", f"must be a JSON object, not {describe(document)}")
        nonce = next((name for name in _NONCES if name in document), _NONCES[0])
        *signed, nonce_text, signature = (_text(document, name) for name in (*_SIGNED, nonce, "Signature"))
        event_type, event_data, event_time, event_id, app_id, version = signed
        return cls(
            event_type=event_type,
            event_data=event_data,
            event_time=event_time,
            event_id=event_id,
            app_id=app_id,
            version=version,
            nonce=nonce_text,
            business_id=_text(document, "BusinessId") if document.get("BusinessId") is not None else None,
            signature=signature,
        )

    def is_signed_with(self, secrets: Sequence[str]) -> bool:
        """Whether one of the secrets made the signature; compared in constant time. Without secrets, False."""
        given = self.signature.encode()
        return any([hmac.compare_digest(self._signature(secret), given) for secret in secrets])  # noqa: C419 - none is left out

    def check(self, *, app_ids: Sequence[str], now_us: int, skew_seconds: int) -> None:
        """Raises EventRejected for a value without its form, another AppId, or a time that is not now.

        `app_ids` are the accepted ones; if there are none, all are.
        """
        values = {"EventType": self.event_type, "EventId": self.event_id, "AppId": self.app_id, "Nonce": self.nonce}
        for name, form in _FORMS.items():
            if not form.fullmatch(values[name]):
                raise EventRejected(name, "does not have the form that the RTC service gives it")
        if self.version != _VERSION:
            raise EventRejected("Version", f"must be {_VERSION!r}, not {describe(self.version)}")
        if app_ids and self.app_id not in app_ids:
            raise EventRejected("AppId", "is not in RTC_APP_IDS")
        try:
            time_us = rfc3339.to_microseconds(self.event_time)
        except ValueError as error:
            raise EventRejected("EventTime", str(error)) from None
        if abs(time_us - now_us) > skew_seconds * 1_000_000:
            raise EventRejected("EventTime", f"is not within {skew_seconds} s of now")

    @property
    def source(self) -> str:
        return RTC_PREFIX + self.app_id

    def events(self) -> list[Event]:
        """`UserJoinRoom` of an AppId becomes type `rtc.UserJoinRoom` of the source `rtc:AppId`.

        Its id is made of the signature, which is the same whichever way its values are exchanged, and does not show it;
        EventId is the attribute `eventid`. Its data are the members of EventData, with AppId and BusinessId added if
        missing. Raises EventRejected.
        """
        data = decode(self.event_data, within="EventData")
        if not isinstance(data, dict):
            raise EventRejected("EventData", f"must hold a JSON object, not {describe(data)}")
        outer: dict[str, Json] = {"AppId": self.app_id}
        if self.business_id is not None:
            outer["BusinessId"] = self.business_id
        event: dict[str, Json] = {
            "specversion": "1.0",
            "id": sha256(self.signature.encode()).hexdigest()[:_ID_DIGITS],
            "eventid": self.event_id,
            "source": self.source,
            "type": TYPE_PREFIX + self.event_type,
            "time": self.event_time,
            "data": outer | data,
        }
        return signals.from_document(event, sent_us=None)

    def _signature(self, secret: str) -> bytes:
        values = (
            self.event_type,
            self.event_data,
            self.event_time,
            self.event_id,
            self.app_id,
            self.version,
            self.nonce,
            secret,
        )
        return sha256("".join(sorted(values)).encode()).hexdigest().encode()


def _text(document: Mapping[str, Json], name: str) -> str:
    if name not in document:
        raise EventRejected(name, "is missing")
    value = document[name]
    if not isinstance(value, str):
        raise EventRejected(name, f"must be a string, not {describe(value)}")
    return value
