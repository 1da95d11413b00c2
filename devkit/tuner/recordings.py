"""Files of recorded events: one JSON object per line, `.gz` or plain.

A line is either any envelope that `snapshot_tuner.events.signals` opens, which then arrived at the event's own time, or

    {"received": "<RFC 3339>", "sent": "<RFC 3339>", "queued": "<RFC 3339>", "record": {…}, "event": {…an envelope…}}

where `received` is when it arrived at the function, `sent` stands in for the time of an event without one, and `queued`
is when the nearest queue took it, where no envelope in the line says so. `event` may also be a body for the readings of
a policy; `record` is then what its source said of it.
Numbers are exact, as written. Blank lines mean nothing.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import NamedTuple, cast

from devkit.tuner.exits import CommandFailed, Exit
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import NO_READINGS, NO_RECORD, Readings, record_of
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.strict_json import MAX_BODY_BYTES, decode, describe
from snapshot_tuner.model import Json, NoEvent, Signal

MAX_LINE_BYTES = 4 * MAX_BODY_BYTES
"""An event of the largest size, escaped into the body of a queue's record; a longer line is not read."""

_MEMBERS = {"received", "sent", "queued", "record", "event"}
_TELL_EVERY = 1000
_BUFFER_BYTES = 262_144


class Arrival(NamedTuple):
    """An event that arrived at a function at `received_us` (microseconds since the epoch); `line` counts from 1.

    `of` says which of several policies sees it so, where their readings make different events of a body; None is all.
    """

    line: int
    received_us: int
    signal: Signal
    of: int | None = None


class Unreadable(NamedTuple):
    """A line, or an element of its body, that is not an event, and why; `of` as in Arrival."""

    line: int
    reason: str
    of: int | None = None


def read(
    path: Path, on_progress: Callable[[int], None] | None = None, readings: Sequence[Readings] = (NO_READINGS,)
) -> Iterator[Arrival | Unreadable]:
    """Every line that is not blank, in the order of the file. Raises CommandFailed where it cannot be read.

    `readings` are those of the policies for which it is read.
    `on_progress` is called now and then with how many bytes of the file have been read.
    """
    with readable(path), ExitStack() as opened:
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
                    yield from arrivals(number, line, readings)
                except EventRejected as rejected:
                    yield Unreadable(number, str(rejected))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raises CommandFailed where what is done inside cannot read the file, or decompress it."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CommandFailed(Exit.USAGE, f"{path}: {reason}") from None


def arrivals(
    number: int, line: bytes | str, readings: Sequence[Readings] = (NO_READINGS,)
) -> list[Arrival | Unreadable]:
    """What one line says. Raises EventRejected for one that is not a line of a recording."""
    document = decode(line, within="line", at_most=MAX_LINE_BYTES)
    received_us = sent_us = queued_us = None
    event, record = document, NO_RECORD
    if isinstance(document, dict) and document and _MEMBERS.issuperset(document):
        event = document.get("event")
        received_us = _time(document, "received")
        sent_us = _time(document, "sent") if "sent" in document else None
        queued_us = _time(document, "queued") if "queued" in document else None
        if isinstance(said := document.get("record", {}), dict):
            record = record_of(**said)

    def seen(by: Readings) -> list[Signal | str]:
        """The reason instead of an event, for what is not one."""
        try:
            events = signals.from_document(event, sent_us=sent_us, readings=by, record=record)
        except EventRejected as rejected:
            return [str(rejected)]
        found: list[Signal | str] = []
        for each in events:
            match each:
                case Signal():
                    found.append(each if queued_us is None else replace(each, sent_us=queued_us))
                case EventRejected():
                    found.append(str(each))
                case NoEvent():
                    pass
        return found

    first, *others = map(seen, readings)
    if all(other == first for other in others):
        return _found(number, received_us, first, None)
    return [each for of, events in enumerate((first, *others)) for each in _found(number, received_us, events, of)]


def _found(
    number: int, received_us: int | None, events: Sequence[Signal | str], of: int | None
) -> list[Arrival | Unreadable]:
    return [
        Unreadable(number, each, of)
        if isinstance(each, str)
        else Arrival(number, each.time_us if received_us is None else received_us, each, of)
        for each in events
    ]


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
