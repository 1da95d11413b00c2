"""Every form in which an event reaches a function is read, and by the function's own code."""

import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.exits import Exit
from tests.tuner.explain.explaining import EVENTS, SHIPPED, Explainer, cloud_event

EVENT = json.loads(cloud_event("e1", 0, load=0.9))
DATA = EVENT["data"]
IN_REASON = "load 0.9 -> curve 35 s"


def request(body: str, path: str = "/events", **headers: str) -> str:
    """A Function URL request of a caller whom Lambda has checked."""
    document = json.loads((EVENTS / "http" / "cloudevent.json").read_text("utf-8"))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return json.dumps({**document, "rawPath": path, "headers": named, "body": body})


def bus_event(**detail: object) -> dict[str, Any]:
    return {"id": "e1", "source": "s", "detail-type": "rtc.room.load", "time": EVENT["time"], "detail": detail}


BINARY = {f"ce_{name}": value for name, value in EVENT.items() if name != "data"}
PLAIN = json.dumps({"type": "rtc.room.load", "data": DATA, "time": EVENT["time"]})
SNS = {"Type": "Notification", "MessageId": "m", "TopicArn": "arn", "Message": json.dumps(EVENT)}
SQS = {"messageId": "m", "eventSource": "aws:sqs", "attributes": {}, "body": json.dumps(EVENT)}


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        (json.dumps(EVENT), "e1"),
        (json.dumps(EVENT, indent=2), "e1"),
        (json.dumps([EVENT]), "e1"),
        (json.dumps(bus_event(**DATA)), "e1"),
        (json.dumps(SNS), "e1"),
        (json.dumps(SQS), "e1"),
        (json.dumps({"Records": [SQS]}), "e1"),
        (json.dumps({"received": EVENT["time"], "event": EVENT}), "e1"),
        (json.dumps({"received": EVENT["time"], "event": SQS}), "e1"),
        (request(json.dumps(EVENT), content_type="application/cloudevents+json"), "e1"),
        (request(json.dumps([EVENT]), content_type="application/cloudevents-batch+json"), "e1"),
        (request(json.dumps(DATA), content_type="application/json", **BINARY), "e1"),
        (request(PLAIN, content_type="application/json", idempotency_key="k1"), "k1"),
        (request(json.dumps(SNS), content_type="application/json"), "e1"),
    ],
)
def test_an_event_is_read_in_whatever_envelope(explainer: Explainer, text: str, id_: str) -> None:
    """The same decision about the same event."""
    (event,) = explainer.events(SHIPPED, explainer.file("event.json", text))
    assert event["event"]["id"] == id_
    assert event["event"]["data"] == DATA
    assert (event["rule"], event["reason"]) == ("room-load-high", IN_REASON)


def test_a_callback_of_the_service_is_read_on_its_route(explainer: Explainer) -> None:
    """Its signature is not looked at: whoever explains has no secret."""
    callback = {
        "EventType": "UserJoinRoom",
        "EventData": '{"RoomId": "room-1", "UserId": "u"}',
        "EventTime": "2026-03-01T17:00:00+08:00",
        "EventId": "c1",
        "AppId": "app",
        "Version": "2020-12-01",
        "Nonce": "n",
        "Signature": "of somebody",
    }
    path = explainer.file("event.json", request(json.dumps(callback), path="/callbacks/rtc"))
    (event,) = explainer.events(SHIPPED, path)
    assert (event["event"]["type"], event["event"]["source"]) == ("rtc.UserJoinRoom", "rtc:app")
    assert event["event"]["data"] == {"AppId": "app", "RoomId": "room-1", "UserId": "u"}
    assert (event["verdict"], event["outcomes"][0]["outcome"]) == ("unmatched", "unmatched")


def test_all_events_of_a_batch_are_explained(explainer: Explainer) -> None:
    """Also those beside one that is rejected, which decides the exit code."""
    path = explainer.file("event.json", json.dumps({"Records": [SQS, {**SQS, "body": "no JSON"}, 7]}))
    events = explainer.events(SHIPPED, path, exit_code=Exit.REJECTED)
    assert [event["outcomes"][0]["outcome"] for event in events] == ["applied", "rejected", "rejected"]
    assert [event["reason"] for event in events[1:]] == [
        "body: is not JSON: Expecting value at line 1, column 1",
        "Records: must hold objects, not a number",
    ]


def test_lines_of_a_recording_are_explained_one_by_one(explainer: Explainer) -> None:
    """Packed or not; a line that cannot be read is a rejected event."""
    lines = [cloud_event("e1", 0, load=0.9), "", "{broken", cloud_event("e2", 1, load=0.2)]
    path = explainer.file("lines.ndjson", *lines)
    packed = explainer.folder / "lines.ndjson.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for file in (path, packed):
        events = explainer.events(SHIPPED, file, exit_code=Exit.REJECTED)
        assert [event["event"]["id"] for event in events] == ["e1", None, "e2"]
        assert events[1]["reason"].startswith("line 3: line: is not JSON")


def test_standard_input_is_read(explainer: Explainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever form it has."""
    for text in (json.dumps({"Records": [SQS]}), f"{json.dumps(EVENT)}\n{cloud_event('e2', 1, load=0.9)}\n"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert explainer.events(SHIPPED, "-")[0]["reason"] == IN_REASON


def test_numbers_are_those_that_the_function_would_see(explainer: Explainer) -> None:
    """Exact in the text of a body; a bus event has been through the runtime's floats."""
    exact = json.dumps(EVENT).replace("0.9", "0.90")
    (event,) = explainer.events(SHIPPED, explainer.file("event.json", exact))
    assert event["reason"] == "load 0.90 -> curve 35 s"
    through_floats = json.dumps(bus_event(**DATA)).replace("0.9", "0.90")
    (event,) = explainer.events(SHIPPED, explainer.file("event.json", through_floats))
    assert event["reason"] == IN_REASON


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "body: is empty; expected a JSON text"),
        ("null", "body: must be a JSON object, the envelope of an event, not null"),
        ('{"id": "e"}', "specversion: is missing; a CloudEvent has specversion, id, source, type; members found: 'id'"),
        ("[" * 100_000, "body: is nested deeper than 64 levels"),
        (request("{}", content_type="text/plain"), "request: is refused with 415: Content-Type must be"),
        (request(PLAIN, content_type="application/json"), "request: is refused with 400: plain JSON needs the header"),
        (request("x" * 262_145), "request: is refused with 413: a body has at most 262144 bytes"),
        (request("no JSON", path="/callbacks/rtc"), "body: is not JSON"),
    ],
)
def test_what_no_function_could_read_is_rejected(explainer: Explainer, text: str, reason: str) -> None:
    """With the function's own reason."""
    (event,) = explainer.events(SHIPPED, explainer.file("event.json", text), exit_code=Exit.REJECTED)
    assert event["reason"].startswith(reason)
    assert (event["verdict"], event["rules"]) == ("reject", [])
    assert [(outcome["outcome"], outcome["reason"]) for outcome in event["outcomes"]] == [("rejected", event["reason"])]


def test_a_file_that_is_not_there_is_a_usage_error(explainer: Explainer, tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    assert explainer.complaint(SHIPPED, missing, exit_code=Exit.USAGE) == f"{missing}: No such file or directory\n"


def test_a_recording_that_is_cut_off_is_a_usage_error(explainer: Explainer, tmp_path: Path) -> None:
    """As is one in which there is nothing."""
    cut = tmp_path / "cut.ndjson.gz"
    cut.write_bytes(gzip.compress(json.dumps(EVENT).encode())[:-12])
    assert explainer.complaint(SHIPPED, cut, exit_code=Exit.USAGE).startswith(f"{cut}: Compressed file ended")
    empty = tmp_path / "empty.ndjson.gz"
    empty.write_bytes(gzip.compress(b"\n\n"))
    for nothing in (empty, explainer.file("list.json", "[]"), explainer.file("batch.json", '{"Records": []}')):
        assert explainer.complaint(SHIPPED, nothing, exit_code=Exit.USAGE) == f"{nothing}: no event in it\n"


def test_a_moment_that_is_none_is_a_usage_error(explainer: Explainer, capsys: pytest.CaptureFixture[str]) -> None:
    """As argparse ends a command: 2."""
    path = explainer.file("event.json", json.dumps(EVENT))
    with pytest.raises(SystemExit) as ended:
        explainer.events(SHIPPED, path, "--at", "nine")
    assert ended.value.code == Exit.USAGE
    assert "--at: 'nine' must be an RFC 3339 time with a zone" in capsys.readouterr().err
