"""The files of events/ as messages of their sources, with their times moved to now (events/README.md)."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[2] / "events"

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)((?:\.\d+)?Z)")
_MILLISECONDS = re.compile(r'((?:SentTimestamp|ApproximateFirstReceiveTimestamp|timeEpoch)\\*": (?:\\*")?)(\d{13})')
_FORMAT = "%Y-%m-%dT%H:%M:%S"
_UUID_LENGTH = 36


class Source(StrEnum):
    """The ways in, by the names of their folders in events/."""

    QUEUE = "sqs"
    HTTP = "http"
    BUS = "eventbridge"


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """What a source delivers, retries and gives up on as one: a queue's record, a request, an event of a bus.

    `name` is the file, with the number of the record where the file is a batch of several.
    """

    name: str
    source: Source
    payload: dict[str, Any]


def load(files: Sequence[str], now: datetime) -> dict[str, list[SampleMessage]]:
    """The messages of each file (`sqs/late.json`); the newest time of all files becomes `now`, to the second."""
    texts = {file: (EVENTS / file).read_text(encoding="utf-8") for file in files}
    newest = max(_parsed(time) for text in texts.values() for time, _ in _TIME.findall(text))
    shift = timedelta(seconds=int((now - newest).total_seconds()))
    return {file: _messages(file, _shifted(text, shift)) for file, text in texts.items()}


def short_id(event_id: str) -> str:
    """The id of an event, short enough for a column of 11: a UUID by its first part."""
    return f"{event_id[:8]}.." if len(event_id) == _UUID_LENGTH else event_id


def _messages(file: str, text: str) -> list[SampleMessage]:
    source = Source(file.partition("/")[0])
    payload = json.loads(text)
    if source is not Source.QUEUE:
        return [SampleMessage(file, source, payload)]
    records = payload["Records"]
    names = [file] if len(records) == 1 else [f"{file} record {number}" for number in range(1, len(records) + 1)]
    return [SampleMessage(name, source, record) for name, record in zip(names, records, strict=True)]


def _shifted(text: str, shift: timedelta) -> str:
    text = _TIME.sub(lambda found: (_parsed(found[1]) + shift).strftime(_FORMAT) + found[2], text)
    text = _MILLISECONDS.sub(lambda found: f"{found[1]}{int(found[2]) + int(shift.total_seconds()) * 1000}", text)
    if '"isBase64Encoded": true' in text:
        payload = json.loads(text)
        body = _shifted(base64.b64decode(payload["body"]).decode(), shift)
        text = json.dumps(payload | {"body": base64.b64encode(body.encode()).decode()})
    return text


def _parsed(time: str) -> datetime:
    return datetime.strptime(time, _FORMAT).replace(tzinfo=UTC)
