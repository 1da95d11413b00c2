"""CloudEvents over HTTP: which content mode a request is in, and the event of a binary one as a document.

Source: CloudEvents 1.0.2, HTTP Protocol Binding, 3 ("HTTP message mapping").
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final
from urllib.parse import unquote

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.envelopes import is_json
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Json

HEADER_PREFIX: Final = "ce-"

STRUCTURED_TYPE: Final = "application/cloudevents+json"
BATCH_TYPE: Final = "application/cloudevents-batch+json"
JSON_TYPE: Final = "application/json"

_MARK: Final = "ce-specversion"
_ATTRIBUTE: Final = re.compile(r"[a-z0-9]+")
_IN_QUOTES: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")
_NOT_AS_HEADER: Final = frozenset({"data", "datacontenttype"})


class Mode(Enum):
    """How a request holds its events."""

    STRUCTURED = auto()  # one event, as a JSON object
    BATCH = auto()  # a JSON list of such objects
    BINARY = auto()  # attributes in headers, the data as the body
    JSON = auto()  # no word about CloudEvents: the object itself says what it is


def mode(headers: Mapping[str, str]) -> Mode | None:
    """The content mode, None if it cannot be read; header names are in lower case.

    A request without a content type counts as JSON: it can be nothing else.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == STRUCTURED_TYPE:
        return Mode.STRUCTURED
    if media_type == BATCH_TYPE:
        return Mode.BATCH
    if media_type.startswith("application/cloudevents"):
        return None
    if _MARK in headers:
        return Mode.BINARY
    return Mode.JSON if media_type in ("", JSON_TYPE) else None


def binary_document(headers: Mapping[str, str], body: bytes, *, at_most: int) -> dict[str, Json]:
    """The event of a request in binary mode, as its structured form would have it. Raises EventRejected."""
    document: dict[str, Json] = {}
    for header, value in headers.items():
        if header.startswith(HEADER_PREFIX):
            name = header.removeprefix(HEADER_PREFIX)
            if not _ATTRIBUTE.fullmatch(name) or name in _NOT_AS_HEADER:
                raise EventRejected(header[:64], "is not a valid attribute name (CloudEvents HTTP binding, 3.1.3)")
            document[name] = _decoded(header, value)
    content_type = headers.get("content-type")
    if content_type is not None:
        document["datacontenttype"] = content_type
    if body and is_json(content_type):
        document["data"] = decode(body, within="data", at_most=at_most)
    elif body:
        try:
            document["data"] = body.decode()
        except UnicodeDecodeError:
            document["data_base64"] = b64encode(body).decode()
    return document


def _decoded(header: str, value: str) -> str:
    """A header's value as section 3.1.3.2 writes it: percent-encoded UTF-8, perhaps in quotes."""
    if quoted := _IN_QUOTES.fullmatch(value):
        value = _ESCAPED.sub(r"\1", quoted[1])
    try:
        text = unquote(value, errors="strict")
        text.encode()  # a lone surrogate, which only a direct caller of the function could pass, is not text
    except UnicodeError:
        raise EventRejected(header, "is not percent-encoded UTF-8") from None
    return text
