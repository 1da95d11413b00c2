"""HTTP_AUTH=signature: nobody comes in without a proof, and what is proved is all that counts."""

import base64
import hmac
import io
import json
import urllib.request

import pytest

from snapshot_tuner.model import TaskRef
from tests.docs.pages import ROOT, code_blocks
from tests.functions.conftest import TASK, Deployment
from tests.functions.http_sender import JSON, RTC_SECRET, SECRET, HttpReply, callback, send, signed

OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret of 24 byte").decode()
TASK_PATH = f"/tasks/{TASK.app_id}/{TASK.room_id}/{TASK.task_id}"
PROVED = [
    ("POST", "/events"),
    ("POST", "/explain"),
    ("POST", "/callbacks/rtc"),
    ("GET", TASK_PATH),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
]


@pytest.fixture
def public(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment whose URL anybody can reach, with a secret for each kind of sender."""
    monkeypatch.setenv("HTTP_AUTH", "signature")
    monkeypatch.setenv("WEBHOOK_SECRETS", SECRET)
    monkeypatch.setenv("RTC_CALLBACK_SECRETS", RTC_SECRET)
    return deployment


def refused(reply: HttpReply) -> bool:
    return (reply.status, reply.problem) == (401, "unauthenticated") and "www-authenticate" in reply.headers


def test_who_signs_with_the_secret_comes_in_everywhere(public: Deployment) -> None:
    """With the package of the specification's authors: an event, its explanation, its task, and the documents."""
    body = public.event()
    assert send(public, "POST", "/events", body, signed(body)).outcomes == ["applied"]
    assert send(public, "POST", "/explain", body, signed(body)).json["rule"] == "room-load-high"
    assert send(public, "GET", TASK_PATH, b"", signed()).json["desired"]["interval"] == 20
    assert send(public, "GET", "/openapi.json", b"", signed()).json["openapi"] == "3.1.0"
    assert send(public, "GET", "/docs", b"", signed()).headers["content-type"] == "text/html"


def test_what_the_documentation_signs_comes_in(public: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender without a library, as its page prints it; sent twice it is the same event."""

    def urlopen(request: urllib.request.Request) -> io.BytesIO:
        assert isinstance(request.data, bytes)
        reply = send(public, request.get_method(), request.selector, request.data, dict(request.header_items()))
        answers.append(reply.outcomes)
        return io.BytesIO(reply.text.encode())

    answers: list[list[str]] = []
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    [sender] = code_blocks((ROOT / "docs/http.md").read_text("utf-8"), "python")
    for _ in range(2):
        exec(sender, {})  # noqa: S102 - our own page
    assert answers == [["applied"], ["duplicate"]]


@pytest.mark.parametrize(("method", "path"), PROVED)
def test_without_a_proof_nobody_comes_in(public: Deployment, method: str, path: str) -> None:
    """Nor with one of somebody else's secrets."""
    body = public.event() if method == "POST" else b""
    assert refused(send(public, method, path, body))
    assert refused(send(public, method, path, body, signed(body, secret=OTHER_SECRET)))
    assert public.sent() == []


@pytest.mark.parametrize(("method", "path"), PROVED)
def test_without_a_secret_everybody_is_refused(
    public: Deployment, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    """There is no mode without authentication."""
    monkeypatch.delenv("WEBHOOK_SECRETS")
    monkeypatch.delenv("RTC_CALLBACK_SECRETS")
    body: object = callback(public, {}) if path == "/callbacks/rtc" else public.event() if method == "POST" else b""
    assert refused(send(public, method, path, body, signed(body)))


def test_health_is_for_everybody(public: Deployment) -> None:
    assert send(public, "GET", "/health").status == 200


def test_each_altered_byte_and_header_is_refused(public: Deployment) -> None:
    """Of an event that is accepted as it was signed."""
    body = json.dumps(public.event()).encode()
    headers = signed(body)
    for at in range(0, len(body), 7):
        altered = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert refused(send(public, "POST", "/events", altered, headers))
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        for altered_value in (headers[name][:-1], headers[name] + "1", headers[name].swapcase() + "0"):
            assert refused(send(public, "POST", "/events", body, {**headers, name: altered_value}))
    assert public.sent() == []
    assert send(public, "POST", "/events", body, headers).outcomes == ["applied"]


def test_a_body_is_verified_before_it_is_parsed(public: Deployment) -> None:
    """What is not JSON is malformed for a sender who is known, and just refused for anybody else."""
    assert refused(send(public, "POST", "/events", b"{", JSON))
    assert refused(send(public, "POST", "/callbacks/rtc", b"{", JSON))
    assert send(public, "POST", "/events", b"{", signed(b"{")).problem == "malformed"


def test_bytes_that_are_no_text_can_be_signed_and_are_malformed(public: Deployment) -> None:
    """The signature is over bytes, whatever they are; the package signs text only."""
    headers = signed()
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + b"\xff"
    headers["webhook-signature"] = "v1," + base64.b64encode(hmac.digest(key, text, "sha256")).decode()
    assert send(public, "POST", "/events", b"\xff", headers).problem == "malformed"


def test_a_replay_is_a_duplicate(public: Deployment) -> None:
    """The same bytes and headers again, inside the tolerance: plain JSON, whose key is the signed webhook-id."""
    event = public.wanted("", 30)
    body = {"type": event["type"], "data": event["data"], "timestamp": event["time"]}
    headers = signed(body)
    assert send(public, "POST", "/events", body, headers).outcomes == ["applied"]
    assert send(public, "POST", "/events", body, headers).outcomes == ["duplicate"]
    assert public.sent() == [30]


def test_a_replay_cannot_be_passed_off_as_new(public: Deployment) -> None:
    """No header that the signature does not cover may say which event it is, or what is in it."""
    event = public.wanted("", 30)
    body = {"type": event["type"], "data": event["data"], "timestamp": event["time"]}
    headers = signed(body)
    assert refused(send(public, "POST", "/events", body, {**headers, "Idempotency-Key": "new"}))
    assert refused(send(public, "POST", "/events", body, {**headers, "ce-specversion": "1.0", "ce-id": "new"}))
    assert send(public, "POST", "/events", body, {**headers, "Idempotency-Key": "msg-1"}).outcomes == ["applied"]


def test_a_replay_under_another_key_undoes_nothing(public: Deployment) -> None:
    """Plain JSON with an id of its own and no time, sent again with Idempotency-Key after a newer event."""
    event = public.wanted("", 30)
    body = {"type": event["type"], "data": event["data"], "id": "own"}
    captured = signed(body, seconds=-20)
    assert send(public, "POST", "/events", body, captured).outcomes == ["applied"]
    newer = public.wanted("newer", 60, seconds=-10)
    assert send(public, "POST", "/events", newer, signed(newer, message_id="msg-2")).outcomes == ["applied"]
    for key in ("msg-1", '"msg-1"', '"msg-1";v=2'):
        again = send(public, "POST", "/events", body, {**captured, "Idempotency-Key": key})
        assert [outcome["id"] for outcome in again.json["outcomes"]] == ["own"]
        assert again.outcomes in (["duplicate"], ["superseded"])
    assert public.stands_at() == 60


@pytest.mark.parametrize("form", ["plain", "cloudevent", "batch"])
def test_the_signed_time_stands_in_for_one_that_is_missing(public: Deployment, form: str) -> None:
    """Not the time of arrival: held back on the way, an older message still loses."""
    event = public.wanted("older", 90)
    del event["time"]
    body: object = {
        "plain": {name: event[name] for name in ("type", "data")},
        "cloudevent": event,
        "batch": [event],
    }[form]
    newer = public.wanted("newer", 60, seconds=-10)
    assert send(public, "POST", "/events", newer, signed(newer, message_id="msg-2")).outcomes == ["applied"]
    content_type = "application/cloudevents-batch+json" if form == "batch" else "application/json"
    headers = {**signed(body, seconds=-20), "Content-Type": content_type}
    assert send(public, "POST", "/events", body, headers).outcomes == ["superseded"]
    assert public.stands_at() == 60


@pytest.mark.parametrize("content_type", ["application/json", "application/cloudevents+json", "", "text/plain"])
def test_no_unsigned_header_makes_another_event_of_a_body(public: Deployment, content_type: str) -> None:
    """Whatever is said about it besides, it is the same event, or none."""
    event = public.wanted("e-1", 30)
    headers = signed(event)
    assert send(public, "POST", "/events", event, headers).outcomes == ["applied"]
    again = send(public, "POST", "/events", event, {**headers, "Content-Type": content_type, "Prefer": "x"})
    assert again.status == 415 or again.outcomes == ["duplicate"]
    assert public.sent() == [30]


def test_two_named_senders_with_the_same_id_do_not_meet(public: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a secret of its own; a third one is the second's next, and proves the same sender."""
    third = "whsec_" + base64.b64encode(b"a third secret of 24 byte").decode()
    monkeypatch.setenv("WEBHOOK_SECRETS", f"a:{SECRET},b:{OTHER_SECRET},b:{third}")
    event = public.wanted("", 30)
    body = {"type": event["type"], "data": event["data"], "timestamp": event["time"]}
    replies = [
        send(public, "POST", "/events", body, signed(body, secret=each)) for each in (SECRET, OTHER_SECRET, third)
    ]
    assert [reply.outcomes for reply in replies] == [["applied"], ["applied"], ["duplicate"]]


def test_a_malformed_secret_is_the_deployments_fault(
    public: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Named by its variable, never by its text: nobody comes in with half of the secrets."""
    monkeypatch.setenv("WEBHOOK_SECRETS", f"{SECRET},not base64!")
    reply = send(public, "POST", "/events", public.event(), signed(public.event()))
    assert (reply.status, reply.problem) == (500, "deployment")
    assert "WEBHOOK_SECRETS" in reply.json["detail"]
    assert "not base64!" not in reply.text + caplog.text + repr([vars(record) for record in caplog.records])


@pytest.mark.parametrize("secret", [23, 8, 1])
def test_a_short_secret_is_the_deployments_fault(
    public: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, secret: int
) -> None:
    """At least 24 bytes, as the specification says; the variable is named, the value is not."""
    short = base64.b64encode(b"\x5a" * secret).decode()
    monkeypatch.setenv("WEBHOOK_SECRETS", f"{SECRET},next:whsec_{short}")
    reply = send(public, "POST", "/events", public.event(), signed(public.event()))
    assert (reply.status, reply.problem) == (500, "deployment")
    told = reply.text + repr([vars(record) for record in caplog.records])
    assert "WEBHOOK_SECRETS: each secret must have at least 24 bytes" in told
    assert short.rstrip("=") not in told


@pytest.mark.parametrize(("method", "path"), [each for each in PROVED if each[1] != "/callbacks/rtc"])
def test_with_iam_a_request_that_says_nobody_was_checked_is_refused(
    deployment: Deployment, method: str, path: str
) -> None:
    """As when the URL's AuthType was set to NONE by hand: the function has nothing but Lambda's word."""
    body = deployment.event() if method == "POST" else b""
    assert refused(send(deployment, method, path, body, principal=None))
    assert refused(send(deployment, method, path, body, {**JSON, "Authorization": "AWS4-HMAC-SHA256 x"}, principal=""))
    assert deployment.sent() == []


def test_a_callback_needs_its_signature_behind_iam_too(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever Lambda let in is not the RTC service."""
    body = callback(deployment, {"RoomId": "room-1"})
    assert refused(send(deployment, "POST", "/callbacks/rtc", body))
    monkeypatch.setenv("RTC_CALLBACK_SECRETS", f"next, {RTC_SECRET}")
    assert send(deployment, "POST", "/callbacks/rtc", body).outcomes == ["unmatched"]


def test_no_secret_signature_header_or_path_is_in_an_answer_or_a_log_line(
    public: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever was sent, and whatever came of it."""
    body = public.event(task=TaskRef("app", "room", "task"))
    good, bad = signed(body), signed(body, secret=OTHER_SECRET) | {"x-marked": "sent-header"}
    replies = [
        send(public, "POST", "/events", body, good),
        send(public, "POST", "/events", body, bad),
        send(public, "POST", "/callbacks/rtc", callback(public, {}, secret="wrong")),
        send(public, "GET", "/nowhere/else", b"", bad),
        send(public, "GET", "/health"),
    ]
    leaked = "".join(reply.text for reply in replies) + repr([vars(record) for record in caplog.records])
    signatures = (
        good["webhook-signature"],
        bad["webhook-signature"],
        callback(public, {}, secret="wrong")["Signature"],
    )
    for hidden in (
        *signatures,
        SECRET,
        SECRET[6:],
        RTC_SECRET,
        "sent-header",
        "/nowhere/else",
        "Traceback",
        "ledger.db",
    ):
        assert hidden not in leaked.replace("/snapshot_tuner/", "")
