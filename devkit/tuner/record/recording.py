"""All inputs into one file of recorded events, and what there is to say about it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO, assert_never

from devkit.tuner.record.documents import NoDocument, documents
from devkit.tuner.record.parsers import (
    Failure,
    Form,
    Item,
    LogLine,
    Other,
    Place,
    QueueMessage,
    StreamFailure,
    parse_items,
)
from devkit.tuner.record.reading import LogReader, NotRecorded, Reason, Recorded, from_failure, from_message
from devkit.tuner.record.sorting import SortedLines
from snapshot_tuner.formats import rfc3339

_SHOWN_MOST = 5
_REASONS = {NoDocument.BROKEN: Reason.BROKEN, NoDocument.TOO_LONG: Reason.DOCUMENT_TOO_LONG}


@dataclass(slots=True)
class Loss:
    """How many were not recorded for one reason, and the first places, each with what is wrong there."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, place: Place, detail: str) -> None:
        self.count += 1
        if len(self.first) < _SHOWN_MOST:
            self.first.append(f"{place}: {detail}" if detail else str(place))


@dataclass(slots=True)
class Summary:
    """What came of the input. Of what is passed over nothing is missing in the recording."""

    events: int = 0
    first_us: int | None = None
    last_us: int | None = None
    losses: dict[Reason, Loss] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)

    def count(self, received_us: int) -> None:
        self.events += 1
        self.first_us = received_us if self.first_us is None else min(received_us, self.first_us)
        self.last_us = received_us if self.last_us is None else max(received_us, self.last_us)

    def lose(self, place: Place, loss: NotRecorded) -> None:
        self.losses.setdefault(loss.reason, Loss()).add(place, loss.detail)

    def describe(self) -> list[str]:
        """For people: what is missing in the recording first."""
        found = []
        for reason, loss in self.losses.items():
            found.append(f"not recorded: {loss.count:,} {reason.value}")
            found += [f"  {first}" for first in loss.first]
            if loss.first and loss.count > len(loss.first):
                found.append(f"  and {loss.count - len(loss.first):,} more")
        return found + [f"nothing to record in {count:,} {what}" for what, count in self.passed_over.items()]

    def as_json(self) -> dict[str, object]:
        return {
            "events": self.events,
            "first": None if self.first_us is None else rfc3339.from_microseconds(self.first_us),
            "last": None if self.last_us is None else rfc3339.from_microseconds(self.last_us),
            "not_recorded": [
                {
                    "reason": reason.name.lower().replace("_", "-"),
                    "meaning": reason.value,
                    "count": loss.count,
                    "first": loss.first,
                }
                for reason, loss in self.losses.items()
            ],
            "passed_over": dict(self.passed_over),
        }


class Recording:
    """Takes one input after the other, and puts the lines of what is recorded into `lines`."""

    def __init__(self, forms: frozenset[Form], lines: SortedLines) -> None:
        self._forms = forms
        self._lines = lines
        self._log = LogReader()
        self._messages_seen: set[str] = set()
        self._summary = Summary()

    def take(self, file: str, text: TextIO) -> None:
        for document in documents(text):
            for item in parse_items(document, file, self._forms):
                try:
                    recorded = self._recorded(item)
                except NotRecorded as loss:
                    self._summary.lose(item.place, loss)
                else:
                    if recorded is not None:
                        self._lines.add(recorded.received_us, recorded.line)
                        self._summary.count(recorded.received_us)

    def summary(self) -> Summary:
        """When everything was taken."""
        for body in self._log.bodies():
            if isinstance(body, NotRecorded):
                self._summary.lose(Place("", 0), body)
            else:
                self._lines.add(body.received_us, body.line)
                self._summary.count(body.received_us)
        missing = self._log.first_lines_missing()
        if missing:
            self._summary.losses[Reason.FIRST_LINE_MISSING] = Loss(missing)
        return self._summary

    def _recorded(self, item: Item) -> Recorded | None:
        match item:
            case LogLine():
                recorded = self._log.read(item)
                if recorded is None and "record_id" not in item.members:
                    self._summary.passed_over["lines about further tasks of an event"] += 1
                return recorded
            case QueueMessage(message_id=str(message_id)) if message_id in self._messages_seen:
                self._summary.passed_over["messages that were read before"] += 1
                return None
            case QueueMessage():
                if item.message_id is not None:
                    self._messages_seen.add(item.message_id)
                return from_message(item)
            case Failure():
                return from_failure(item)
            case StreamFailure():
                raise NotRecorded(Reason.IN_ITS_STREAM)
            case Other():
                if item.no_document in _REASONS:
                    raise NotRecorded(_REASONS[item.no_document])
                self._summary.passed_over["lines that are not outcomes"] += 1
                return None
            case _:
                assert_never(item)
