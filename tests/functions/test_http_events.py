"""POST /events: every form an event may come in, and the key that tells a retry from a new one."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from devkit.rtc_standin import Fault, FaultKind
from snapshot_tuner.errors import EventNotSettled
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import TASK, Deployment
from tests.functions.http_sender import JSON, USER, send

BATCH = {"Content-Type": "application/cloudevents-batch+json"}
CLAIMED = "source: must not begin with caller:, rtc: or /events/: these are given"
OTHER = "arn:aws:iam::123456789012:user/z"


def plain(deployment: Deployment, interval: int = 30, **members: object) -> dict[str, Any]:
    event = deployment.wanted("", interval)
    return {"type": event["type"], "data": event["data"], "time": event["time"], **members}


def key(text: str) -> dict[str, str]:
    return {**JSON, "Idempotency-Key": text}


@pytest.mark.parametrize("form", [to_structured, to_binary])
def test_what_the_cloudevents_package_sends_is_one_event_in_either_form(
    deployment: Deployment, form: Callable[[CloudEvent, JSONFormat], HTTPMessage]
) -> None:
    """Structured or binary: the same event, which the queue's copy of it is a duplicate of."""
    event = deployment.wanted("sdk", 30)
    attributes = {name: value for name, value in event.items() if name not in ("data", "time", "specversion")}
    message = form(CloudEvent({**attributes, "time": deployment.started}, event["data"]), JSONFormat())
    reply = send(deployment, "POST", "/events", message.body, message.headers)
    assert (reply.status, reply.outcomes) == (200, ["applied"])
    assert deployment.queue(event) == []
    assert deployment.sent() == [30]


def test_a_batch_is_many_events_and_a_bad_one_harms_no_other(deployment: Deployment) -> None:
    """Outcomes in the order of the events; the bad one decides the status."""
    tasks = [TaskRef("app", f"room-{number}", "task") for number in range(3)]
    events = [deployment.wanted(f"e-{number}", 30 + number, task=task) for number, task in enumerate(tasks)]
    del events[1]["source"]
    reply = send(deployment, "POST", "/events", events, BATCH)
    assert (reply.status, reply.problem) == (400, "malformed")
    assert reply.outcomes == ["applied", "rejected", "applied"]
    assert reply.json["outcomes"][1] == {
        "id": "e-1",
        "outcome": "rejected",
        "rule": None,
        "task": None,
        "interval": None,
        "reason": "source: is missing",
    }
    assert deployment.standin.intervals() == {tasks[0]: 30, tasks[2]: 32}


def test_a_batch_of_one_task_is_one_call(deployment: Deployment) -> None:
    """With the newest event's interval."""
    events = [deployment.wanted(f"e-{number}", 30 + number, seconds=-number) for number in range(20)]
    reply = send(deployment, "POST", "/events", events, BATCH)
    assert (reply.status, reply.outcomes) == (200, ["applied", *["superseded"] * 19])
    assert deployment.sent() == [30]


def test_an_empty_batch_has_no_outcomes(deployment: Deployment) -> None:
    assert send(deployment, "POST", "/events", [], BATCH).json == {"outcomes": []}


def test_a_batch_that_is_no_list_is_malformed(deployment: Deployment) -> None:
    reply = send(deployment, "POST", "/events", deployment.event(), BATCH)
    assert (reply.status, reply.problem) == (400, "malformed")


def test_a_hundred_events_are_a_batch_and_one_more_is_too_many(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is handled; the limit is a setting."""
    events = [deployment.event(f"e-{number}", type="nothing") for number in range(101)]
    assert send(deployment, "POST", "/events", events[:100], BATCH).status == 200
    reply = send(deployment, "POST", "/events", events, BATCH)
    assert (reply.status, reply.problem) == (413, "too-large")
    monkeypatch.setenv("HTTP_MAX_EVENTS", "101")
    assert send(deployment, "POST", "/events", events, BATCH).status == 200


@pytest.mark.parametrize("path", ["/events", "/explain", "/callbacks/rtc"])
def test_a_body_may_have_256_kib(deployment: Deployment, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Not a byte more, on any route, unless the setting says so."""
    assert send(deployment, "POST", path, b" " * 262_144).status != 413
    reply = send(deployment, "POST", path, b" " * 262_145)
    assert (reply.status, reply.problem) == (413, "too-large")
    monkeypatch.setenv("HTTP_MAX_BODY_BYTES", "300000")
    larger = deployment.event(type="nothing", data={"padding": "x" * 280_000})
    assert send(deployment, "POST", path, larger).status == (401 if path == "/callbacks/rtc" else 200)


def test_plain_json_is_an_event_under_its_key(deployment: Deployment) -> None:
    """The same request again changes nothing; the quotes of the IETF draft make no difference."""
    event = plain(deployment)
    first = send(deployment, "POST", "/events", event, key("key-1"))
    again = send(deployment, "POST", "/events", event, key('"key-1"'))
    assert (first.status, first.outcomes, first.json["outcomes"][0]["id"]) == (200, ["applied"], "key-1")
    assert (again.status, again.outcomes) == (200, ["duplicate"])
    assert deployment.sent() == [30]


def test_a_key_with_another_payload_is_422(deployment: Deployment) -> None:
    """The first event stands."""
    assert send(deployment, "POST", "/events", plain(deployment), key("key-1")).status == 200
    reply = send(deployment, "POST", "/events", plain(deployment, 90), key("key-1"))
    assert (reply.status, reply.problem) == (422, "conflict")
    assert deployment.stands_at() == 30


def test_without_key_and_id_it_is_400(deployment: Deployment) -> None:
    """Nobody could tell its retry from a new event; an id of its own will do, or the id of a webhook's message."""
    reply = send(deployment, "POST", "/events", plain(deployment))
    assert (reply.status, reply.problem) == (400, "key-missing")
    assert send(deployment, "POST", "/events", plain(deployment), key("")).problem == "key-missing"
    assert send(deployment, "POST", "/events", plain(deployment, id="own")).outcomes == ["applied"]
    webhook = send(deployment, "POST", "/events", plain(deployment, 40), {**JSON, "webhook-id": "msg-1"})
    assert webhook.json["outcomes"][0]["id"] == "msg-1"


@pytest.mark.parametrize(
    ("header", "id_"),
    [
        ("key-1", "key-1"),
        ('"key-1"', "key-1"),
        ('"a, b"', "a, b"),
        (r'"a \"b\" \\c"', r'a "b" \c'),
        ('"key-1";v=1;w="a;b"', "key-1"),
        ('"key-1"; v', "key-1"),
    ],
)
def test_a_key_is_a_string_of_structured_fields(deployment: Deployment, header: str, id_: str) -> None:
    """With its escapes, and without its parameters, which the draft has none of; or bare, as many send it."""
    reply = send(deployment, "POST", "/events", plain(deployment), key(header))
    assert [outcome["id"] for outcome in reply.json["outcomes"]] == [id_]


@pytest.mark.parametrize(
    "header", ["key-1,key-2", '"key-1","key-2"', '"key-1", "key-1"', '"open', r'"a\b"', '"a"b', '"é"', 'a"b']
)
def test_two_keys_or_half_a_string_are_400(deployment: Deployment, header: str) -> None:
    """Two headers arrive joined: nobody can tell which of them is the event's."""
    reply = send(deployment, "POST", "/events", plain(deployment), key(header))
    assert (reply.status, reply.problem) == (400, "malformed")
    assert reply.json["detail"] == "Idempotency-Key: must be one string in quotes (RFC 8941, 3.3.3)"
    assert deployment.sent() == []


def test_the_key_goes_before_the_id(deployment: Deployment) -> None:
    """One key is one request, whatever the body calls it."""
    reply = send(deployment, "POST", "/events", plain(deployment, id="own"), key("key-1"))
    assert reply.json["outcomes"][0]["id"] == "key-1"


def test_plain_json_has_its_time_under_either_name(deployment: Deployment) -> None:
    """`time`, or `timestamp` as Standard Webhooks recommends: the older event loses, whenever it comes."""
    assert send(deployment, "POST", "/events", plain(deployment), key("newer")).outcomes == ["applied"]
    older = plain(deployment, 90)
    older["timestamp"] = deployment.wanted("", 0, seconds=-10)["time"]
    del older["time"]
    assert send(deployment, "POST", "/events", older, key("older")).outcomes == ["superseded"]


@pytest.mark.parametrize("member", ["type", "data"])
def test_plain_json_that_lacks_something_is_told(deployment: Deployment, member: str) -> None:
    """Type: not readable as an event. Data: readable, but its rule needs them."""
    event = plain(deployment)
    del event[member]
    reply = send(deployment, "POST", "/events", event, key("key-1"))
    assert (reply.status, reply.outcomes) == (400 if member == "type" else 422, ["rejected"])


def test_two_callers_with_the_same_key_do_not_meet(deployment: Deployment) -> None:
    """Another payload under the same key is no conflict, and the same one no duplicate: it is another's event."""
    event, another = plain(deployment), plain(deployment, 40)
    mine = send(deployment, "POST", "/events", event, key("key-1"))
    same = send(deployment, "POST", "/events", event, key("key-1"), principal=OTHER)
    different = send(deployment, "POST", "/events", another, key("key-1"), principal=OTHER + "z")
    assert [reply.outcomes for reply in (mine, same, different)] == [["applied"]] * 3
    assert deployment.sent() == [30, 30, 40]


def test_nobody_can_claim_the_scope_of_another(deployment: Deployment) -> None:
    """A CloudEvent names its source itself; those of proven senders are given, not claimed."""
    for source in ("caller:" + USER, "caller:" + OTHER, "caller:", "rtc:app", "/events/monitor"):
        reply = send(deployment, "POST", "/events", deployment.event(source=source))
        assert (reply.status, reply.problem) == (400, "malformed")
        assert reply.json["detail"] == CLAIMED
    assert deployment.sent() == []


@pytest.mark.parametrize("source", ["caller:" + USER, "rtc:app", "/events/monitor"])
def test_no_message_of_a_queue_or_bus_can_claim_it_either(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, source: str
) -> None:
    """Rejected, under whatever envelopes; the real one's id then is no conflict."""
    claimed = deployment.wanted("key-1", 90) | {"source": source}
    bus_event = {"id": "key-1", "source": source, "detail-type": "wanted", "detail": claimed["data"]}
    assert deployment.queue(claimed, {"Type": "Notification", "Message": json.dumps(claimed)}) == ["m-0", "m-1"]
    with pytest.raises(EventNotSettled, match="source: must not begin with"):
        deployment.bus({**bus_event, "time": claimed["time"]})
    reasons = [vars(record)["reason"] for record in caplog.records if record.getMessage() == "event_rejected"]
    assert reasons == [CLAIMED] * 3
    assert send(deployment, "POST", "/events", plain(deployment), key("key-1")).outcomes == ["applied"]


def test_the_data_from_plain_json_cannot_claim_it(deployment: Deployment) -> None:
    """An event inside an event is the event: that one has not been given its source."""
    inside = plain(deployment, data=deployment.event(source="caller:" + OTHER))
    reply = send(deployment, "POST", "/events", inside, key("key-1"))
    assert (reply.status, reply.json["detail"]) == (400, CLAIMED)


def test_two_sessions_of_a_role_are_one_caller(deployment: Deployment) -> None:
    """A retry may come from another instance, which has a session of its own."""
    event = plain(deployment)
    role = "arn:aws:sts::123456789012:assumed-role/monitor/"
    assert send(deployment, "POST", "/events", event, key("key-1"), principal=role + "i-1").outcomes == ["applied"]
    assert send(deployment, "POST", "/events", event, key("key-1"), principal=role + "i-2").outcomes == ["duplicate"]


def test_while_the_first_is_in_flight_its_key_is_409(deployment: Deployment) -> None:
    """Its call takes a second; asked again meanwhile, then afterwards."""
    deployment.standin.add_fault(Fault(kind=FaultKind.LATENCY, delay=1.0))
    event = plain(deployment)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, deployment, "POST", "/events", event, key("key-1"))
        while not deployment.standin.calls():
            assert not wait([first], timeout=0.01).done
        second = send(deployment, "POST", "/events", event, key("key-1"))
        assert (second.status, second.problem, second.headers["retry-after"]) == (409, "in-flight", "1")
        assert first.result(timeout=10).outcomes == ["applied"]
    assert send(deployment, "POST", "/events", event, key("key-1")).outcomes == ["duplicate"]
    assert deployment.sent() == [30]


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"Content-Type": "text/plain"}, "content-type"),
        ({"Content-Type": "application/cloudevents+avro"}, "content-type"),
    ],
)
def test_another_content_type_is_415(deployment: Deployment, headers: dict[str, str], problem: str) -> None:
    reply = send(deployment, "POST", "/events", deployment.event(), headers)
    assert (reply.status, reply.problem) == (415, problem)


BINARY = {"ce-specversion": "1.0", "ce-id": "b-1", "ce-source": "/test", "ce-type": "snapshot.stored"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"\x89PNG\r\n", "image/png"), (b"hello", "text/plain"), (b'{"a": 1}', "application/json")],
)
def test_a_rule_sees_the_content_type_of_a_binary_event(
    deployment: Deployment, environment: Path, body: bytes, content_type: str
) -> None:
    """As it sees that of a structured one; what it needs nothing of may be of any type."""
    rule = f"{{name: by-type, match: {{datacontenttype: [{content_type}]}}, hold: true}}"
    environment.write_text(f"version: 1\nrules: [{rule}]", encoding="utf-8")
    reply = send(deployment, "POST", "/events", body, {**BINARY, "Content-Type": content_type})
    assert (reply.status, reply.outcomes) == (200, ["held"])


def test_an_image_is_no_data_for_a_rule_that_needs_some(deployment: Deployment) -> None:
    """The answer names the event, the field and what came in its place."""
    headers = {**BINARY, "ce-type": "moderation.alert", "Content-Type": "image/png"}
    reply = send(deployment, "POST", "/events", b"\x89PNG", headers)
    (outcome,) = reply.json["outcomes"]
    assert (reply.status, outcome["id"]) == (422, "b-1")
    assert outcome["reason"] == "data.AppId: missing (data is 'image/png', not JSON)"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/events", "POST, OPTIONS"),
        ("HEAD", "/events", "POST, OPTIONS"),
        ("PUT", "/tasks/a/b/c", "GET, HEAD"),
        ("OPTIONS", "/health", "GET, HEAD"),
    ],
)
def test_another_method_is_405_and_told_which_are_allowed(
    deployment: Deployment, method: str, path: str, allowed: str
) -> None:
    reply = send(deployment, method, path)
    assert (reply.status, reply.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/", "//", "/event", "/events/events", "/tasks/a", "/tasks/a/b", "/tasks/a/b/c/d"])
def test_another_path_is_404(deployment: Deployment, path: str) -> None:
    reply = send(deployment, "POST", path)
    assert (reply.status, reply.problem) == (404, "no-such-route")


def test_the_task_of_the_tests_is_the_one_they_look_at(deployment: Deployment) -> None:
    """So that no test above passes for having looked elsewhere."""
    assert send(deployment, "POST", "/events", deployment.wanted("e", 30)).json["outcomes"][0]["task"] == {
        "AppId": TASK.app_id,
        "RoomId": TASK.room_id,
        "TaskId": TASK.task_id,
    }
