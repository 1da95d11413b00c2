"""What a document says about events, whichever tool wrote it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, auto
from io import StringIO
from typing import TypeAlias

from devkit.tuner.record.documents import Document, NoDocument, documents
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Json
from snapshot_tuner.tuning.tuner import LOG_NAMES


class Form(StrEnum):
    """Where the input comes from."""

    LOGS = auto()
    QUEUE = auto()


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, from 1, and in a list that begins there the item, from 1."""

    file: str
    line: int
    item: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f", item {self.item}" if self.item is not None else "")


@dataclass(frozen=True, slots=True)
class LogLine:
    """The line of an outcome, decoded."""

    place: Place
    members: dict[str, Json]


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message of a queue; its body as it is, its id and its SentTimestamp where the dump has them."""

    place: Place
    body: str
    message_id: str | None
    sent: Json


@dataclass(frozen=True, slots=True)
class Failure:
    """What Lambda sends to an on-failure destination: the event, and when it was given up."""

    place: Place
    payload: Json
    given_up: Json


@dataclass(frozen=True, slots=True)
class Other:
    """A line or document without an event; `no_document` if it may have had one but cannot be read."""

    place: Place
    no_document: NoDocument | None = None


@dataclass(frozen=True, slots=True)
class StreamFailure:
    """What Lambda sends about records of a stream that it gave up: where they stand, not what they are."""

    place: Place


Item: TypeAlias = LogLine | QueueMessage | Failure | StreamFailure | Other

_OUTCOMES = frozenset(LOG_NAMES.values())


def parse_items(document: Document, file: str, forms: frozenset[Form]) -> Iterator[Item]:
    """All that the document holds, in its order; of other forms than these everything is `Other`."""
    place = Place(file, document.line)
    if isinstance(document.value, NoDocument):
        yield Other(place, document.value)
    else:
        yield from _parse_value(document.value, place, forms)


def _parse_value(value: Json, place: Place, forms: frozenset[Form]) -> Iterator[Item]:
    match value:
        case {"Messages": list(listed)} | {"Records": list(listed)} if Form.QUEUE in forms:
            yield from _parse_list(listed, place, forms)  # aws sqs receive-message; what Lambda hands over
        case {"events": list(listed)} | {"logEvents": list(listed)} | {"results": list(listed)} if Form.LOGS in forms:
            yield from _parse_list(listed, place, forms)  # aws logs filter-log-events; a subscription; Logs Insights
        case list(listed) if (message := _insights_message(listed)) is not None:
            yield from _parse_value({"@message": message}, place, forms)
        case list(listed):
            yield from _parse_list(listed, place, forms)
        case dict(members):
            yield from _parse_object(members, place, forms)
        case str(text) if Form.LOGS in forms:  # aws logs … --query 'events[].message'
            yield from _parse_text(text, place, forms)
        case _:
            yield Other(place)


def _parse_list(listed: list[Json], place: Place, forms: frozenset[Form]) -> Iterator[Item]:
    for number, value in enumerate(listed, start=1):
        yield from _parse_value(value, Place(place.file, place.line, place.item or number), forms)


def _insights_message(row: list[Json]) -> Json:
    """The `@message` of a row of a Logs Insights result; None if it is not one."""
    for cell in row:
        match cell:
            case {"field": "@message", "value": message}:
                return message
            case _:
                pass
    return None


def _parse_object(members: dict[str, Json], place: Place, forms: frozenset[Form]) -> Iterator[Item]:
    match members:
        case {"requestContext": _, "requestPayload": payload} if Form.QUEUE in forms:
            yield from _failures(place, payload, members.get("timestamp"))
        case {"requestContext": _, "KafkaBatchInfo": _} | {"requestContext": _, "KinesisBatchInfo": _} if (
            Form.QUEUE in forms
        ):
            yield StreamFailure(place)
        case {"Body": str(body)} | {"body": str(body), "messageId": _} if Form.QUEUE in forms:
            yield from _parse_message(members, body, place)
        case {"message": str(name)} if name in _OUTCOMES and Form.LOGS in forms:
            yield LogLine(place, members)
        case {"message": str(text)} | {"@message": str(text)} if Form.LOGS in forms:
            yield from _parse_text(text, place, forms)
        case {"@message": dict(line)} if Form.LOGS in forms:  # the console's export decodes it
            yield from _parse_object(line, place, forms)
        case _:
            yield Other(place)


def _parse_text(text: str, place: Place, forms: frozenset[Form]) -> Iterator[Item]:
    """What is in a message of a log, which is mostly one document."""
    for document in documents(StringIO(text, newline="\n")):
        if isinstance(document.value, NoDocument):
            yield Other(place, document.value)
        else:
            yield from _parse_value(document.value, place, forms)


def _failures(place: Place, payload: Json, given_up: Json) -> Iterator[Failure]:
    """One; of a list of notifications of SNS each."""
    match payload:
        case {"Records": [*records]} if records:
            notifications = [record.get("Sns") for record in records if isinstance(record, dict)]
            for each in notifications if len(notifications) == len(records) and all(notifications) else [payload]:
                yield Failure(place, each, given_up)
        case _:
            yield Failure(place, payload, given_up)


def _parse_message(members: dict[str, Json], body: str, place: Place) -> Iterator[Item]:
    match _decoded(body):
        case {"requestContext": _, "requestPayload": payload, "timestamp": given_up}:
            yield from _failures(place, payload, given_up)
            return
        case {"requestContext": _, "KafkaBatchInfo": _} | {"requestContext": _, "KinesisBatchInfo": _}:
            yield StreamFailure(place)
            return
        case _:
            pass
    attributes = members.get("Attributes", members.get("attributes"))
    sent = attributes.get("SentTimestamp") if isinstance(attributes, dict) else None
    message_id = members.get("MessageId", members.get("messageId"))
    yield QueueMessage(place, body, message_id if isinstance(message_id, str) else None, sent)


def _decoded(body: str) -> Json:
    try:
        return decode(body)
    except EventRejected:
        return None
