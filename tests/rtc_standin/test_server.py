"""The stand-in as a server: its connections, its control routes, a process of its own, and when a call has arrived."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from devkit.rtc_standin import Fault, FaultKind, StandIn
from tests.polling import until
from tests.rtc_standin.calls import Signing, code, update

ROOT = Path(__file__).resolve().parents[2]


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
        exports = [process.stdout.readline().strip() for _ in range(6)]
        assert control(endpoint, "GET", "state")[0] == 200
        process.send_signal(ending)
        assert process.wait(timeout=10) == 0
    assert exports == [
        f"export RTC_ENDPOINT={endpoint}",
        "export RTC_REGION=cn-north-1",
        "export RTC_API_VERSION=2023-11-01",
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
