"""The stand-in is worth its tests: it refuses what the provider would refuse, and counts what it has seen."""

import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from devkit.rtc_standin import Credentials, Fault, FaultKind, ProviderError, StandIn
from devkit.rtc_standin.call_log import CallLog
from devkit.rtc_standin.http_wire import Request
from devkit.rtc_standin.provider_errors import Refused
from devkit.rtc_standin.signature import canonical_request, signing_key, verify
from snapshot_tuner.model import TaskRef

ROOT = Path(__file__).resolve().parents[2]
TASK = TaskRef("app", "room", "task")
BODY = {"AppId": "app", "RoomId": "room", "TaskId": "task", "ImageConfig": {"Interval": 7}}

# Published in the provider's documentation as samples (REFERENCE, "Request signature"); not secrets.
K2 = Credentials(
    "AKLTYWViMTVmZGYzM2E0NDI5Mzk2MDZjNjFmMjc2MjRjMzg",
    "WkRZeE1EQmxPVGhsWWpWak5HVmtNbUUxTXpZeU9UVXlOMlE1TmpZeVlqTQ==",
)


@dataclass(frozen=True)
class Published:
    """A request whose signature the provider's documentation prints; signed headers host;x-date."""

    method: str
    service: str
    query: str
    body: bytes
    date: str
    signature: str

    def request(self, signature: str) -> Request:
        scope = f"{K2.access_key}/{self.date[:8]}/cn-beijing/{self.service}/request"
        headers = {
            "host": f"{self.service}.volcengineapi.com",
            "x-date": self.date,
            "authorization": f"HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-date, Signature={signature}",
        }
        return Request(self.method, "/", self.query, MappingProxyType(headers), self.body)


PUBLISHED = [
    Published(
        "GET",
        "iam",
        "Action=ListUsers&Limit=10&Offset=0&Version=2018-01-01",
        b"",
        "20240619T071306Z",
        "e31c4558bcfe08a286001f59cedbf0791ffd0b2362f10e55ee2627467bcdde93",
    ),
    Published(
        "GET",
        "billing",
        "Action=QueryBalanceAcct&Version=2022-01-01",
        b"",
        "20250329T180937Z",
        "1eda9e7e6b1728151a8e8791fdaf67cfbd28bd5c80d0fce2eb208746cf483105",
    ),
    Published(
        "POST",
        "billing",
        "Action=ListBill&Version=2022-01-01",
        b'{"Limit":10,"BillPeriod":"2023-08"}',
        "20250329T180937Z",
        "5e8480ceea12d0000a23c054151c50dd02c1a7dec835004057d19f13d53a7658",
    ),
]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


@dataclass(frozen=True)
class Signing:
    """A signed UpdateSnapshot whose parts a test can change, before (fields) or after signing (`tampered`)."""

    credentials: Credentials = field(default_factory=Credentials)
    region: str = "cn-north-1"
    service: str = "rtc"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    query: str = "Action=UpdateSnapshot&Version=2023-11-01"
    body: bytes = field(default_factory=lambda: json.dumps(BODY).encode())
    signed: tuple[str, ...] = ("content-type", "host", "x-content-sha256", "x-date")
    extra: tuple[tuple[str, str], ...] = ()

    def request(self, host: str = "localhost") -> Request:
        date = self.at.strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(self.body).hexdigest()
        headers = {"host": host, "content-type": "application/json", "x-date": date, "x-content-sha256": digest}
        headers |= dict(self.extra)
        request = Request("POST", "/", self.query, MappingProxyType(headers), self.body)
        scope = f"{date[:8]}/{self.region}/{self.service}/request"
        canonical = canonical_request(request, list(self.signed), digest)
        text = "\n".join(["HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = signing_key(self.credentials.secret_key, date[:8], self.region, self.service)
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        authorization = (
            f"HMAC-SHA256 Credential={self.credentials.access_key}/{scope}, "
            f"SignedHeaders={';'.join(self.signed)}, Signature={signature}"
        )
        return tampered(request, authorization=authorization)


def tampered(request: Request, **headers: str | None) -> Request:
    changed = {**request.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
    kept = {name: text for name, text in changed.items() if text is not None}
    return replace(request, headers=MappingProxyType(kept))


def refusal(request: Request, credentials: Credentials | None = None) -> ProviderError | None:
    try:
        verify(request, credentials or Credentials(), region="cn-north-1", service="rtc", now=datetime.now(UTC))
    except Refused as refused:
        return refused.error
    return None


def send(stand_in: StandIn, request: Request) -> tuple[int, dict[str, Any]]:
    with closing(http.client.HTTPConnection("127.0.0.1", stand_in.port, timeout=5)) as connection:
        target = f"{request.path}?{request.query}" if request.query else request.path
        connection.request(request.method, target, request.body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def update(stand_in: StandIn, **changes: object) -> tuple[int, dict[str, Any]]:
    body = {name: content for name, content in (BODY | changes).items() if content is not None}
    return send(stand_in, Signing(body=json.dumps(body).encode()).request(f"127.0.0.1:{stand_in.port}"))


def code(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["ResponseMetadata"]["Error"]["Code"]


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.query)
def test_the_published_signatures_verify(published: Published) -> None:
    """The verifier is independent of the SDK and agrees with the provider's documentation; one bit off, and not."""
    now = datetime.strptime(published.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    request = published.request(published.signature)
    verify(request, K2, region="cn-beijing", service=published.service, now=now)
    one_bit_off = published.request(f"{int(published.signature, 16) ^ 1:064x}")
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        verify(one_bit_off, K2, region="cn-beijing", service=published.service, now=now)


MISMATCH = ProviderError.SIGNATURE_DOES_NOT_MATCH
SIGNED = Signing().request()


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (SIGNED, None),
        (tampered(SIGNED, authorization=None), ProviderError.MISSING_AUTHENTICATION_TOKEN),
        (tampered(SIGNED, authorization="Bearer x"), ProviderError.MISSING_SIGNATURE),
        (tampered(SIGNED, x_date=None), ProviderError.MISSING_REQUEST_INFO),
        (tampered(SIGNED, x_date="yesterday"), ProviderError.INVALID_TIMESTAMP),
        (tampered(SIGNED, host="elsewhere"), MISMATCH),
        (tampered(SIGNED, content_type="text/plain"), MISMATCH),
        (tampered(SIGNED, x_content_sha256="0" * 64), MISMATCH),
        (replace(SIGNED, body=SIGNED.body + b" "), MISMATCH),
        (replace(SIGNED, query=SIGNED.query + "&More=1"), MISMATCH),
        (replace(SIGNED, path="/other"), MISMATCH),
        (replace(SIGNED, method="PUT"), MISMATCH),
        (Signing(region="cn-beijing").request(), MISMATCH),
        (Signing(service="vod").request(), MISMATCH),
        (Signing(credentials=Credentials(secret_key="another")).request(), MISMATCH),
        (Signing(credentials=Credentials(access_key="another")).request(), ProviderError.INVALID_ACCESS_KEY),
        (Signing(signed=("host",)).request(), MISMATCH),
        (Signing(signed=("x-date",)).request(), MISMATCH),
        (Signing(signed=("host", "x-date")).request(), None),
        (tampered(Signing(signed=("host", "x-date")).request(), x_content_sha256="0" * 64), MISMATCH),
        (Signing(signed=("x-date", "host")).request(), MISMATCH),
        (Signing(extra=(("x-security-token", "T"),)).request(), ProviderError.INVALID_ACCESS_KEY),
    ],
)  # fmt: skip
def test_a_request_with_any_part_changed_is_refused(request_: Request, error: ProviderError | None) -> None:
    """Each signed part, the scope and both keys matter; the untouched request passes."""
    assert refusal(request_) is error


@pytest.mark.parametrize(("minutes", "error"), [(14, None), (16, ProviderError.INVALID_TIMESTAMP)])
@pytest.mark.parametrize("sign", [1, -1], ids=["ahead", "behind"])
def test_a_date_may_be_a_quarter_of_an_hour_off(minutes: int, sign: int, error: ProviderError | None) -> None:
    """The tolerance is 15 minutes in both directions."""
    assert refusal(Signing(at=datetime.now(UTC) + sign * timedelta(minutes=minutes)).request()) is error


def test_a_temporary_key_needs_its_token_and_the_token_signed() -> None:
    """`x-security-token` is sent, is the right one, and stands among the signed headers."""
    temporary = Credentials(session_token="T")
    signed = ("content-type", "host", "x-content-sha256", "x-date", "x-security-token")
    token = (("x-security-token", "T"),)
    assert refusal(Signing(extra=token, signed=signed).request(), temporary) is None
    assert refusal(Signing().request(), temporary) is ProviderError.INVALID_ACCESS_KEY
    other = (("x-security-token", "U"),)
    assert refusal(Signing(extra=other, signed=signed).request(), temporary) is ProviderError.INVALID_ACCESS_KEY
    assert refusal(Signing(extra=token).request(), temporary) is MISMATCH


def test_a_valid_call_sets_the_interval_and_is_answered_in_the_providers_shape(stand_in: StandIn) -> None:
    """State, answer and record agree on what happened."""
    status, answer = update(stand_in, BusinessId="biz")
    request_id = answer["ResponseMetadata"].pop("RequestId")
    assert request_id
    assert (status, answer) == (
        200,
        {
            "ResponseMetadata": {
                "Action": "UpdateSnapshot", "Version": "2023-11-01", "Service": "rtc", "Region": "cn-north-1",
            },
            "Result": "ok",
        },
    )  # fmt: skip
    assert stand_in.intervals() == {TASK: 7}
    (call,) = stand_in.calls()
    assert (call.task, call.interval, call.business_id, call.outcome) == (TASK, 7, "biz", "ok")
    assert call.applied is not None
    assert call.ended is not None
    assert call.arrived <= call.applied <= call.ended <= time.monotonic()
    assert abs(call.arrived_at - time.time()) < 5


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"RoomId": None}, "MissingParameter"),
        ({"ImageConfig": None}, "MissingParameter"),
        ({"RoomId": "a room"}, "InvalidParameter"),
        ({"RoomId": ""}, "InvalidParameter"),
        ({"RoomId": "x" * 129}, "InvalidParameter"),
        ({"TaskId": 7}, "InvalidParameter"),
        ({"BusinessId": "a/b"}, "InvalidParameter"),
        ({"ImageConfig": {"Interval": 0}}, "InvalidParameter"),
        ({"ImageConfig": {"Interval": 601}}, "InvalidParameter"),
        ({"ImageConfig": {"Interval": 5.0}}, "InvalidParameter"),
        ({"ImageConfig": {"Interval": "5"}}, "InvalidParameter"),
        ({"ImageConfig": {"Interval": True}}, "InvalidParameter"),
        ({"ImageConfig": {}}, "InvalidParameter"),
        ({"ImageConfig": {"Interval": 5, "Format": 1}}, "InvalidParameter"),
        ({"ImageConfig": []}, "InvalidParameter"),
        ({"Extra": 1}, "InvalidParameter"),
    ],
)
def test_a_body_that_the_provider_would_refuse_or_guess_at_is_refused(
    stand_in: StandIn, changes: dict[str, object], error: str
) -> None:
    """Older versions of the API replaced an illegal interval without a word; here it is an error, and no state."""
    assert code(update(stand_in, **changes)) == (400, error)
    assert stand_in.intervals() == {}
    assert [call.outcome for call in stand_in.calls()] == [error]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"AppId": "a", "AppId": "b"}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(stand_in: StandIn, body: bytes) -> None:
    """Signed or not: the body has to be one JSON object, each key once."""
    assert code(send(stand_in, Signing(body=body).request(f"127.0.0.1:{stand_in.port}"))) == (400, "InvalidParameter")


@pytest.mark.parametrize("query", ["Action=UpdateSnapshot", "Action=Other&Version=2023-11-01", ""])
def test_another_action_or_version_is_not_found(stand_in: StandIn, query: str) -> None:
    """The version is part of the contract: older ones behave differently."""
    request = Signing(query=query).request(f"127.0.0.1:{stand_in.port}")
    assert code(send(stand_in, request)) == (404, "InvalidActionOrVersion")


def test_a_task_that_has_ended_or_never_ran_is_not_found() -> None:
    """With a set of running tasks the others are unknown; an ended one is unknown from then on."""
    with StandIn(tasks=[TASK]) as stand_in:
        assert update(stand_in)[1]["Result"] == "ok"
        not_found = (400, "InvalidParameter.ErrorActiveTaskNotFound")
        assert code(update(stand_in, TaskId="other")) == not_found
        stand_in.end_task(TASK)
        assert code(update(stand_in, ImageConfig={"Interval": 9})) == not_found
        assert stand_in.intervals() == {TASK: 7}


def test_over_the_quota_a_call_is_throttled() -> None:
    """The quota counts the calls that pass within a second; the one over it changes nothing."""
    with StandIn(max_qps=2) as stand_in:
        answers = [update(stand_in, ImageConfig={"Interval": interval}) for interval in (1, 2, 3)]
        assert [status for status, _ in answers] == [200, 200, 429]
        assert code(answers[2]) == (429, "FlowLimitExceeded.QPSOverLimit")
        assert stand_in.intervals() == {TASK: 2}


def test_faults_befall_the_calls_they_name_and_no_others(stand_in: StandIn) -> None:
    """One task, the next n calls, in the order they were added."""
    other = TaskRef("app", "room", "other")
    stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR, task=other, times=2))
    stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.QPS_OVER_LIMIT))
    tasks = ["task", "other", "task", "other", "other"]
    assert [update(stand_in, TaskId=task)[0] for task in tasks] == [429, 500, 200, 500, 200]


def test_the_same_seed_gives_the_same_faults(stand_in: StandIn) -> None:
    """A fault with a probability can be replayed."""

    def statuses() -> list[int]:
        stand_in.reset()
        stand_in.add_fault(
            Fault(kind=FaultKind.HTML_PAGE, status=502, apply_after=0.0, times=None, probability=0.5, seed=3)
        )
        return [stand_in_status(stand_in) for _ in range(12)]

    first = statuses()
    assert set(first) == {200, 502}
    assert statuses() == first


def stand_in_status(stand_in: StandIn) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", stand_in.port, timeout=5)) as connection:
        request = Signing().request(f"127.0.0.1:{stand_in.port}")
        connection.request("POST", f"/?{request.query}", request.body, dict(request.headers))
        return connection.getresponse().status


def test_a_late_call_is_applied_after_its_caller_has_gone_and_over_a_newer_one(stand_in: StandIn) -> None:
    """What only the reconciler can put right: an old call that takes effect after a newer one."""
    stand_in.add_fault(Fault(kind=FaultKind.CUT, apply_after=0.3))
    with pytest.raises((http.client.HTTPException, OSError)):
        update(stand_in, ImageConfig={"Interval": 1})
    update(stand_in, ImageConfig={"Interval": 2})
    assert stand_in.intervals() == {TASK: 2}
    until(lambda: stand_in.intervals() == {TASK: 1})
    late, newer = stand_in.calls()
    assert (late.outcome, newer.outcome) == ("cut", "ok")
    assert late.applied is not None
    assert late.applied - late.arrived >= 0.3


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        threading.Event().wait(0.005)


def test_a_late_call_for_a_task_that_has_ended_meanwhile_changes_nothing(stand_in: StandIn) -> None:
    """An ended task is beyond reach, for late calls as well."""
    stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_SERVICE_TIMEOUT, apply_after=0.05))
    stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_SERVICE_TIMEOUT, apply_after=0.06))
    assert [update(stand_in)[0], update(stand_in, TaskId="other")[0]] == [504, 504]
    stand_in.end_task(TASK)
    until(lambda: stand_in.calls()[1].applied is not None)
    assert stand_in.intervals() == {TaskRef("app", "room", "other"): 7}
    assert stand_in.calls()[0].applied is None


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": FaultKind.ERROR},
        {"kind": FaultKind.CUT, "error": ProviderError.INTERNAL_ERROR},
        {"kind": FaultKind.CUT, "status": 500},
        {"kind": FaultKind.LATENCY},
        {"kind": FaultKind.CUT, "delay": 1.0},
        {"kind": FaultKind.SLOW_BODY, "delay": 1.0, "apply_after": 1.0},
        {"kind": FaultKind.CUT_BEFORE_BODY, "task": TASK},
        {"kind": FaultKind.CUT, "times": 0},
        {"kind": FaultKind.CUT, "probability": 0.0},
    ],
)
def test_a_fault_that_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    """A fault that would do nothing hides a mistake in the test that asked for it."""
    with pytest.raises(ValueError, match=r"`|task"):
        Fault(**fields)


def test_the_peak_is_the_most_arrivals_in_any_half_open_second() -> None:
    """Two calls exactly a second apart are not in one second."""
    log = CallLog()
    for arrived in (0.0, 0.5, 1.0, 1.25, 1.5, 3.0):
        log.begin(arrived=arrived, arrived_at=0.0, connection=1)
    assert log.peaks().per_second == 3


def test_calls_in_flight_are_counted_over_all_and_per_task() -> None:
    """Three at once, two of them for one task."""
    with StandIn(latency=0.2) as stand_in:
        tasks = ["task", "task", "other"]
        threads = [threading.Thread(target=update, args=(stand_in,), kwargs={"TaskId": task}) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        peaks = stand_in.peaks()
        assert (peaks.per_second, peaks.in_flight, peaks.in_flight_per_task) == (3, 3, 2)


def test_a_caller_that_hangs_up_is_no_longer_in_flight(stand_in: StandIn) -> None:
    """A silent call ends with its connection, and keeps the fault's name."""
    stand_in.add_fault(Fault(kind=FaultKind.SILENCE))
    request = Signing().request(f"127.0.0.1:{stand_in.port}")
    with closing(http.client.HTTPConnection("127.0.0.1", stand_in.port)) as connection:
        connection.request("POST", f"/?{request.query}", request.body, dict(request.headers))
        until(lambda: [call.outcome for call in stand_in.calls()] == ["pending"])
    until(lambda: stand_in.calls()[0].ended is not None)
    assert stand_in.calls()[0].outcome == "silence"


def test_two_requests_in_one_piece_are_both_answered(stand_in: StandIn) -> None:
    """Pipelining: the second waits for the first, nothing is lost."""
    with socket.create_connection(("127.0.0.1", stand_in.port), timeout=5) as raw:
        raw.sendall(b"GET /_standin/state HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        received = b""
        while received.count(b"HTTP/1.1 200") < 2:
            received += raw.recv(4096)
    assert stand_in.calls() == ()


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_are_answered_with_400_and_the_end(stand_in: StandIn, raw: bytes) -> None:
    """The server survives them."""
    with socket.create_connection(("127.0.0.1", stand_in.port), timeout=5) as client:
        client.sendall(raw)
        received = b""
        while piece := client.recv(4096):
            received += piece
    assert received.startswith(b"HTTP/1.1 400 ")
    assert update(stand_in)[0] == 200


def test_closing_leaves_no_thread_and_no_connection_behind() -> None:
    """An idle client and a silent call are both cut; the records stay."""
    before = set(threading.enumerate())
    with StandIn() as stand_in:
        stand_in.add_fault(Fault(kind=FaultKind.SILENCE))
        request = Signing().request(f"127.0.0.1:{stand_in.port}")
        connection = http.client.HTTPConnection("127.0.0.1", stand_in.port, timeout=5)
        connection.request("POST", f"/?{request.query}", request.body, dict(request.headers))
        until(lambda: stand_in.calls() != ())
    with closing(connection), pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse()
    assert set(threading.enumerate()) <= before
    assert [call.outcome for call in stand_in.calls()] == ["silence"]


def test_a_port_that_is_taken_is_an_error_at_once(stand_in: StandIn) -> None:
    """The caller gets the OSError, not a server that nobody reaches."""
    with pytest.raises(OSError, match="in use"), StandIn(port=stand_in.port):
        pass


def control(endpoint: str, method: str, route: str, content: object = None) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=5)) as connection:
        connection.request(method, f"/_standin/{route}", json.dumps(content))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_another_process_can_steer_and_read_it_over_http(stand_in: StandIn) -> None:
    """The control routes do what the methods do, and are not counted as calls."""
    names = {"AppId": "app", "RoomId": "room", "TaskId": "task"}
    fault = {"kind": "error", "error": "FlowLimitExceeded.QPSOverLimit", "task": names, "times": 1}
    assert control(stand_in.endpoint, "POST", "faults", fault) == (200, {})
    assert [update(stand_in)[0], update(stand_in)[0]] == [429, 200]
    assert control(stand_in.endpoint, "GET", "state") == (
        200,
        {
            "tasks": [{**names, "Interval": 7, "BusinessId": None}],
            "peaks": {"per_second": 2, "in_flight": 1, "in_flight_per_task": 1},
        },
    )
    calls = control(stand_in.endpoint, "GET", "calls")[1]["calls"]
    assert [(call["number"], call["task"], call["outcome"]) for call in calls] == [
        (1, names, "FlowLimitExceeded.QPSOverLimit"),
        (2, names, "ok"),
    ]
    assert control(stand_in.endpoint, "POST", "end-task", names) == (200, {})
    assert code(update(stand_in))[1] == "InvalidParameter.ErrorActiveTaskNotFound"
    assert control(stand_in.endpoint, "POST", "reset") == (200, {})
    assert (stand_in.calls(), stand_in.intervals()) == ((), {})
    assert update(stand_in)[0] == 200


@pytest.mark.parametrize(
    "content", [None, [], {}, {"kind": "fire"}, {"kind": "error", "error": "Fire"}, {"kind": "cut", "x": 1}]
)
def test_a_control_request_that_makes_no_sense_says_so(stand_in: StandIn, content: object) -> None:
    """400 with a reason; a route that is none is 404."""
    status, answer = control(stand_in.endpoint, "POST", "faults", content)
    assert status == 400
    assert answer["error"]
    assert control(stand_in.endpoint, "GET", "nowhere")[0] == 404


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_it_prints_its_address_serves_and_ends_on_a_signal(ending: signal.Signals) -> None:
    """The first line is the address, the next ones the settings; the exit is clean."""
    path = os.pathsep.join([str(ROOT / "layers/snapshot_tuner"), str(ROOT)])
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "devkit.rtc_standin",
        "--task",
        "app/room/task",
        "--session-token",
        "T",
    ]
    with subprocess.Popen(command, env={"PYTHONPATH": path}, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 -- our own module
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip()
        exports = [process.stdout.readline().strip() for _ in range(5)]
        assert control(endpoint, "GET", "state")[0] == 200
        process.send_signal(ending)
        assert process.wait(timeout=10) == 0
    assert exports == [
        f"export RTC_ENDPOINT={endpoint}",
        "export RTC_REGION=cn-north-1",
        "export VOLCENGINE_ACCESS_KEY=AKLTstandin",
        "export VOLCENGINE_SECRET_KEY=standin-secret-key",
        "export VOLCENGINE_SESSION_TOKEN=T",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what arrives")
def test_a_call_arrives_when_the_kernel_has_it_not_when_the_stand_in_looks() -> None:
    """A busy machine may let the stand-in wait for its turn; the rate that it measures must not depend on that."""
    request = b"POST /?Action=UpdateSnapshot&Version=2023-11-01 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    with StandIn() as server, socket.create_connection(("127.0.0.1", server.port)) as caller:
        caller.sendall(request)  # what waits before the connection is accepted may have no stamp
        caller.recv(4096)
        busy, free = threading.Event(), threading.Event()

        def keep_the_loop_busy() -> None:
            busy.set()
            free.wait(5)

        server._loop.call_soon_threadsafe(keep_the_loop_busy)
        busy.wait(5)
        sent = time.monotonic()
        caller.sendall(request)
        threading.Event().wait(0.2)
        free.set()
        caller.recv(1)
        _, call = server.calls()
    assert abs(call.arrived - sent) < 0.1
