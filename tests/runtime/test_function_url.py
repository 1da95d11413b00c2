"""Requests as the events of a Function URL, and answers as responses."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devkit.demo.sample_events import SampleMessage
from devkit.local_runtime.function_url import BAD_GATEWAY, HttpRequest, UrlResponse, to_event, to_response
from devkit.local_runtime.sandbox import InvocationResult

NOW = datetime(2026, 3, 1, 9, 2, 1, tzinfo=UTC)


def requested(*headers: tuple[str, str], target: str = "/events", body: bytes = b"") -> dict[str, object]:
    return to_event(HttpRequest("POST", target, headers, body, "203.0.113.7"), NOW)


def responded(value: object) -> UrlResponse:
    return to_response(InvocationResult(json.dumps(value).encode(), failed=False))


def test_an_event_has_the_members_of_a_real_one(samples: dict[str, list[SampleMessage]]) -> None:
    """The same names at every level of the context as in the sample that is taken from the documentation."""
    (sample,) = samples["http/cloudevent.json"]
    event = requested(("Content-Type", "application/json"), body=b"{}")
    context = event["requestContext"]

    assert event.keys() == sample.payload.keys()
    assert isinstance(context, dict)
    assert context.keys() == sample.payload["requestContext"].keys()
    assert context["http"].keys() == sample.payload["requestContext"]["http"].keys()
    assert context["authorizer"]["iam"].keys() == sample.payload["requestContext"]["authorizer"]["iam"].keys()
    assert (context["time"], context["timeEpoch"]) == ("01/Mar/2026:09:02:01 +0000", 1772355721000)


def test_repeated_headers_are_joined_and_their_names_in_small_letters() -> None:
    """Payload 2.0 has one string per header."""
    headers = requested(("X-Tag", "a"), ("x-tag", "b"))["headers"]
    assert isinstance(headers, dict)
    assert headers["x-tag"] == "a,b"


def test_cookies_are_a_list_of_their_own() -> None:
    """They are not among the headers."""
    event = requested(("Cookie", "a=1; b=2"), ("Cookie", "c=3"))
    assert event["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in event["headers"]  # type: ignore[operator] # a dict, as the test above shows


def test_repeated_parameters_are_joined_and_decoded() -> None:
    """The raw query string stays beside them as it was sent."""
    event = requested(target="/events?a=1&a=2&b=x%20y&c=")
    assert event["queryStringParameters"] == {"a": "1,2", "b": "x y", "c": ""}
    assert (event["rawPath"], event["rawQueryString"]) == ("/events", "a=1&a=2&b=x%20y&c=")


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "text/plain", "Application/XML"]
)
def test_text_stays_text(kind: str) -> None:
    """JSON, XML, JavaScript and text/* are passed as they are."""
    event = requested(("Content-Type", kind), body="ä".encode())
    assert (event["body"], event["isBase64Encoded"]) == ("ä", False)


@pytest.mark.parametrize("headers", [[("Content-Type", "application/cloudevents+json")], []])
@given(body=st.binary(min_size=1, max_size=64))
def test_everything_else_arrives_in_base64(headers: list[tuple[str, str]], body: bytes) -> None:
    """Every byte arrives, also of a body without a content type."""
    event = requested(*headers, body=body)
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(str(event["body"])) == body


def test_a_request_without_a_body_has_none() -> None:
    """The member is left out."""
    assert "body" not in requested()


def test_an_answer_becomes_status_headers_cookies_and_body() -> None:
    """Each cookie is a header of its own."""
    value = {"statusCode": 429, "headers": {"Retry-After": "1"}, "cookies": ["a=1", "b=2"], "body": "slow down"}
    assert responded(value) == UrlResponse(
        429,
        [("Retry-After", "1"), ("Content-Type", "application/json"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")],
        b"slow down",
    )


def test_a_body_in_base64_is_sent_as_bytes() -> None:
    """As `isBase64Encoded` says."""
    value = {"statusCode": 200, "body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True}
    assert responded(value).body == b"\x00\xff"


@pytest.mark.parametrize("value", [{"message": "hello"}, "hello", ["a"], None])
def test_an_answer_without_a_status_is_the_body_of_a_200(value: object) -> None:
    """Lambda takes it for JSON."""
    assert responded(value) == UrlResponse(200, [("Content-Type", "application/json")], json.dumps(value).encode())


@pytest.mark.parametrize(
    "value",
    [
        {"statusCode": "200"},
        {"statusCode": 99},
        {"statusCode": 200, "body": {}},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
    ],
)
def test_an_answer_that_cannot_be_sent_is_a_bad_gateway(value: object) -> None:
    """Nothing of it reaches the sender."""
    assert responded(value) == BAD_GATEWAY


def test_a_failed_invocation_is_a_bad_gateway() -> None:
    """Its stack trace does not reach the sender."""
    assert (
        to_response(InvocationResult(b'{"errorMessage": "secret", "errorType": "ValueError"}', failed=True))
        == BAD_GATEWAY
    )
