"""The day as the text of a recording: one JSON object to a line, its numbers as they are."""

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from devkit.day.trace import BEGINS_MS, JOIN, LEAVE, DayEvent
from snapshot_tuner.formats.exact_json import encode
from snapshot_tuner.model import Json

_SHANGHAI: Final = timezone(timedelta(hours=8))
"""Where the callbacks' times are local: two spellings of time in one file."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def text(arrivals: Iterable[DayEvent]) -> str:
    """`{"received": …, "event": …}`, the event a CloudEvent, one to a line."""
    return "".join(f"{encode(_line(arrival))}\n" for arrival in arrivals)


def write(content: str, path: Path) -> None:
    """Packed with gzip; without a time or a name of the file in it, so that the same text gives the same bytes."""
    path.write_bytes(gzip.compress(content.encode(), compresslevel=9, mtime=0))


def _line(arrival: DayEvent) -> dict[str, Json]:
    happened = _moment(arrival.at)
    is_callback = arrival.type in (JOIN, LEAVE)
    event: dict[str, Json] = {
        "specversion": "1.0",
        "id": arrival.id,
        "source": arrival.source,
        "type": arrival.type,
        "time": happened.astimezone(_SHANGHAI).isoformat() if is_callback else _zulu(happened),
        "data": arrival.data,
    }
    return {"received": _zulu(_moment(arrival.received)), "event": event}


def _moment(since_begin_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=BEGINS_MS + since_begin_ms)


def _zulu(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
