"""The CloudEvents HTTP binding: which mode a request is in, and what its headers say."""

import pytest
from cloudevents.core.bindings.http import to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.cloudevents_http import Mode, binary_document, mode

MARK = {"ce-specversion": "1.0"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"content-type": "application/cloudevents+json; charset=utf-8"}, Mode.STRUCTURED),
        ({"content-type": "Application/CloudEvents+JSON", **MARK}, Mode.STRUCTURED),
        ({"content-type": "application/cloudevents-batch+json"}, Mode.BATCH),
        ({"content-type": "application/cloudevents+avro"}, None),
        ({"content-type": "application/cloudevents+xml", **MARK}, None),
        ({"content-type": "application/json", **MARK}, Mode.BINARY),
        ({"content-type": "application/geo+json", **MARK}, Mode.BINARY),
        (MARK, Mode.BINARY),
        ({"content-type": "application/json"}, Mode.JSON),
        ({}, Mode.JSON),
        ({"content-type": "application/geo+json"}, None),
        ({"content-type": "text/plain", **MARK}, Mode.BINARY),
        ({"content-type": "image/png", **MARK}, Mode.BINARY),
        ({"content-type": "text/plain"}, None),
    ],
)
def test_content_type_and_specversion_tell_the_mode(headers: dict[str, str], expected: Mode | None) -> None:
    """Section 3 of the binding: the CloudEvents media types come first, then the mark of the binary mode."""
    assert mode(headers) is expected


@given(subject=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), number=st.integers())
def test_what_their_package_writes_is_read_again(subject: str, number: int) -> None:
    """Any attribute in any script, percent-encoded by another author's code."""
    event = CloudEvent({"id": "1", "source": "/s", "type": "t", "subject": subject}, {"number": number})
    message = to_binary(event, JSONFormat())
    headers = {name.lower(): value for name, value in message.headers.items()}
    document = binary_document(headers, message.body, at_most=262_144)
    assert document["subject"] == subject
    assert document["data"] == {"number": number}


def test_a_value_in_quotes_is_unquoted() -> None:
    """Section 3.1.3.2: first the quotes and their escapes, then the percent signs."""
    headers = {**MARK, "ce-subject": r'"a \"b\" %E2%82%AC"'}
    assert binary_document(headers, b"", at_most=9) == {"specversion": "1.0", "subject": 'a "b" €'}


@pytest.mark.parametrize("name", ["ce-data", "ce-datacontenttype", "ce-a-b", "ce-", "ce-data_base64"])
def test_a_header_that_is_no_attribute_is_rejected_by_name(name: str) -> None:
    """Data and its content type have places of their own."""
    with pytest.raises(EventRejected) as rejected:
        binary_document({**MARK, name: "x"}, b"", at_most=9)
    assert rejected.value.field == name


def test_what_is_not_utf8_is_rejected_by_name() -> None:
    """In a header and in the body."""
    with pytest.raises(EventRejected, match=r"^ce-id: is not percent-encoded UTF-8$"):
        binary_document({**MARK, "ce-id": "%ff"}, b"", at_most=9)
    with pytest.raises(EventRejected, match=r"^ce-subject: is not percent-encoded UTF-8$"):
        binary_document({**MARK, "ce-subject": "\udc001"}, b"", at_most=9)
    with pytest.raises(EventRejected, match=r"^data: is not UTF-8"):
        binary_document(MARK, b"\xff", at_most=9)
