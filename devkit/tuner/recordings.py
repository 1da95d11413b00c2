"""Files of recorded events: one JSON object per line, `.gz` or plain.

A line is either any envelope that `snapshot_tuner.events.signals` opens, which then arrived at the event's own time, or

    {"received": "<RFC 3339>", "sent": "<RFC 3339>", "queued": "<RFC 3339>", "event": {…an envelope…}}

where `received` is when it arrived at the function, `sent` stands in for the time of an event without one, and `queued`
is when the nearest queue took it, where no envelope in the line says so.
Numbers are exact, as written. Blank lines mean nothing.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import NamedTuple, cast

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.strict_json import MAX_BODY_BYTES, decode, describe
from snapshot_tuner.model import Json, Signal

MAX_LINE_BYTES = 4 * MAX_BODY_BYTES
"""An event of the largest size, escaped into the body of a queue's record; a longer line is not read."""

_MEMBERS = {"received", "sent", "queued", "event"}
_TELL_EVERY = 1000
_BUFFER_BYTES = 262_144


class Arrival(NamedTuple):
    """An event that arrived at a function at `received_us` (microseconds since the epoch); `line` counts from 1."""

    line: int
    received_us: int
    signal: Signal


class Unreadable(NamedTuple):
    """A line that is no event, and why."""

    line: int
    reason: str


def read(path: Path, on_progress: Callable[[int], None] | None = None) -> Iterator[Arrival | Unreadable]:
    """Every line that is not blank, in the order of the file. Raises OSError; EOFError for a `.gz` that is cut off.

    `on_progress` is called now and then with how many bytes of the file have been read.
    """
    with ExitStack() as opened:
        file = opened.enter_context(path.open("rb"))
        lines = file
        if path.suffix == ".gz":
            # A buffer of its own inflates much at a time; that of gzip is small.
            inflated = cast("RawIOBase", opened.enter_context(gzip.open(file)))
            lines = opened.enter_context(BufferedReader(inflated, _BUFFER_BYTES))
        number = 0
        while line := lines.readline(MAX_LINE_BYTES + 1):
            number += 1
            if on_progress is not None and number % _TELL_EVERY == 0:
                on_progress(file.tell())
            if len(line) > MAX_LINE_BYTES:
                while line and not line.endswith(b"\n"):
                    line = lines.readline(MAX_LINE_BYTES)
                yield Unreadable(number, f"line: is longer than {MAX_LINE_BYTES:,} bytes")
            elif not line.isspace():
                try:
                    yield arrival(number, line)
                except EventRejected as rejected:
                    yield Unreadable(number, str(rejected))


def arrival(number: int, line: bytes | str) -> Arrival:
    """What one line says. Raises EventRejected."""
    document = decode(line, within="line", at_most=MAX_LINE_BYTES)
    if isinstance(document, dict) and document and _MEMBERS.issuperset(document):
        received_us = _time(document, "received")
        sent_us = _time(document, "sent") if "sent" in document else None
        signal = signals.from_document(document.get("event"), sent_us=sent_us)
        if "queued" in document:
            signal = replace(signal, sent_us=_time(document, "queued"))
        return Arrival(number, received_us, signal)
    signal = signals.from_document(document, sent_us=None)
    return Arrival(number, signal.time_us, signal)


def _time(wrapper: dict[str, Json], name: str) -> int:
    time = wrapper.get(name)
    if time is None:
        raise EventRejected(name, "is missing")
    if not isinstance(time, str):
        raise EventRejected(name, f"must be an RFC 3339 string, not {describe(time)}")
    try:
        return rfc3339.to_microseconds(time)
    except ValueError as error:
        raise EventRejected(name, str(error)) from None
