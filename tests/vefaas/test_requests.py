"""What the platform sends to the process that it has started, and what it is answered."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devkit.local_runtime.processes import free_ports
from devkit.rtc_standin import Fault, FaultKind, KeyPair, StandIn
from devkit.serving import LOOPBACK
from devkit.tuner.__main__ import main
from devkit.tuner.exits import Exit
from devkit.vefaas.instance import Instance
from devkit.vefaas.triggers import KafkaMessage, packed, request, send_batch, send_message, send_tick
from snapshot_tuner.model import TaskRef
from tests.polling import until
from tests.vefaas.conftest import Start
from tests.vefaas.platform import OPERATOR, applied, body, environment, lines, signed, status


def test_a_signed_request_reaches_the_routes(http_function: Instance, standin: StandIn) -> None:
    answer = request(http_function.port, "POST", "/events", body(1), signed(1))
    assert answer.status == 200
    (outcome,) = json.loads(answer.body)["outcomes"]
    assert (outcome["id"], outcome["outcome"], outcome["interval"]) == ("e-1", "applied", 35)
    assert applied(standin)["room-1"] == 1


def test_an_operator_steps_in_beside_what_else_waits(http_function: Instance) -> None:
    """Through the same tuners; by a token alone, as a sender's signature covers neither method nor path."""
    task = "/tasks/app/room-6/task"
    assert request(http_function.port, "POST", "/events", body(6), signed(6)).status == 200
    wanted = json.dumps({"max": 3, "for": "10m", "reason": "incident"}).encode()
    proof = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
    assert request(http_function.port, "PUT", f"{task}/bounds", wanted, signed(6)).status == 401
    answer = request(http_function.port, "PUT", f"{task}/bounds", wanted, proof)
    assert (answer.status, json.loads(answer.body)["reason"]) == (200, "set to 3 s")
    assert json.loads(answer.body)["bounds"]["caller"] == "alice"
    cleared = request(http_function.port, "DELETE", f"{task}/bounds", b"", proof)
    assert (cleared.status, json.loads(cleared.body)["reason"]) == (200, "set to 35 s")


def test_each_part_of_the_deployment_can_be_tried(http_function: Instance) -> None:
    """The role's key or the environment's, the route to the provider, the ledger, the policy."""
    assert request(http_function.port, "GET", "/health").status == 200
    answer = request(http_function.port, "POST", "/health/check", body(4), signed(4))
    checks = {each["check"]: each["ok"] for each in json.loads(answer.body)["checks"]}
    assert checks == dict.fromkeys(("secrets", "ledger", "policy", "provider"), True)


def test_the_page_of_the_routes_is_not_deployed_and_their_description_is(http_function: Instance) -> None:
    """The page is Powertools'."""
    proof = signed(5)
    assert request(http_function.port, "GET", "/openapi.json", body(5), proof).status == 200
    answer = request(http_function.port, "GET", "/docs", body(5), proof)
    # From the sources Powertools can be found.
    assert answer.status == (404 if http_function.is_packaged else 200)


def test_an_events_header_opens_no_door_of_http(http_function: Instance, standin: StandIn) -> None:
    """Otherwise whoever reaches the public address would need no proof."""
    assert send_message(http_function.port, KafkaMessage(2, body(2))).status == 404
    headers = {"X-Faas-Event-Type": "cloudevent", **KafkaMessage(2, b"").headers}
    assert request(http_function.port, "POST", "/events", body(2), headers).status == 401
    assert applied(standin)["room-2"] == 0


def test_a_request_is_no_event(events: Instance) -> None:
    answer = request(events.port, "POST", "/events", body(3), signed(3))
    assert (answer.status, answer.headers["x-faas-response-error-code"]) == (400, "invalid_event_type")


def test_a_message_is_applied_and_its_line_names_the_request(events: Instance, standin: StandIn) -> None:
    assert send_message(events.port, KafkaMessage(10, body(10)), "request-10").status == 200
    assert applied(standin)["room-10"] == 1
    until(lambda: any(line.get("event_id") == "e-10" for line in lines(events, "adjustment_applied")))
    (line,) = [line for line in lines(events, "adjustment_applied") if line["event_id"] == "e-10"]
    assert line["request_id"] == "request-10"


def test_a_batch_of_a_hundred_is_applied_once(events: Instance, standin: StandIn) -> None:
    """What was applied is a duplicate when the platform sends it again."""
    batch = packed([KafkaMessage(number, body(number)) for number in range(100, 200)])
    assert [send_batch(events.port, batch).status for _ in range(2)] == [200, 200]
    assert [applied(standin)[f"room-{number}"] for number in range(100, 200)] == [1] * 100


def test_one_message_of_a_batch_that_cannot_be_settled_fails_it_and_is_written_down(
    events: Instance, standin: StandIn
) -> None:
    """The others are applied. There is no dead-letter queue: the line has the body."""
    batch = packed([KafkaMessage(300, body(300)), KafkaMessage(301, b"nonsense")])
    answer = send_batch(events.port, batch)
    assert answer.status == 503
    assert answer.headers["x-faas-response-error-code"] == "function_execution_error"
    assert applied(standin)["room-300"] == 1
    until(lambda: lines(events, "message_not_settled") != [])
    (line,) = [each for each in lines(events, "message_not_settled") if each["messageId"] == "rooms-0-301"]
    assert line["body"] == "nonsense"
    assert any(line.get("MessagesNotSettled") for line in lines(events, "metrics"))


def test_a_batch_cut_short_is_refused_whole(events: Instance, standin: StandIn) -> None:
    answer = send_batch(events.port, packed([KafkaMessage(400, body(400)), KafkaMessage(401, body(401))])[:-1])
    assert (answer.status, answer.headers["x-faas-response-error-code"]) == (400, "invalid_cloud_event")
    assert applied(standin)["room-400"] == 0


def test_a_body_that_its_sender_left_in_the_middle_is_none(events: Instance, standin: StandIn) -> None:
    """However well the half of it reads."""
    head = "".join(f"{name}: {value}\r\n" for name, value in KafkaMessage(410, b"").headers.items())
    text = body(410)
    with socket.create_connection((LOOPBACK, events.port)) as connection:
        start_line = f"POST / HTTP/1.1\r\nHost: x\r\nX-Faas-Event-Type: cloudevent\r\n{head}"
        connection.sendall(f"{start_line}Content-Length: {len(text) + 1}\r\n\r\n".encode() + text)
    assert status(events, 411) == 200
    assert (applied(standin)["room-410"], applied(standin)["room-411"]) == (0, 1)


def test_the_timer_runs_the_reconciler(events: Instance) -> None:
    assert send_tick(events.port).status == 200
    until(lambda: lines(events, "reconciled") != [])


@pytest.mark.parametrize("path", ["/v1/initialize", "/v1/version"])
def test_the_platforms_own_questions_are_answered(events: Instance, http_function: Instance, path: str) -> None:
    for instance in (events, http_function):
        assert request(instance.port, "GET", path, headers={"X-Faas-Internal-Request": "true"}).status == 200


def test_a_hundred_at_once_are_joined(events: Instance, standin: StandIn) -> None:
    """One after the other they would take 3 s at 30 ms each, and several of the ledger's steps."""
    with ThreadPoolExecutor(100) as pool:
        began = time.monotonic()
        answers = pool.map(
            lambda number: send_message(events.port, KafkaMessage(number, body(number))), range(500, 600)
        )
        assert {answer.status for answer in answers} == {200}
        assert time.monotonic() - began < 2.5
    assert [applied(standin)[f"room-{number}"] for number in range(500, 600)] == [1] * 100


def test_a_rotated_key_is_taken_up(start: Start, tmp_path: Path) -> None:
    """The platform replaces the file; the next call is signed with what it holds then."""
    role = tmp_path / "credential"

    def write(keys: KeyPair) -> None:
        members = {"access_key_id": keys.access_key, "secret_access_key": keys.secret_key}
        role.write_text(json.dumps(members | {"session_token": keys.session_token}))

    first, second = KeyPair("first", "secret-1", "token-1"), KeyPair("second", "secret-2", "token-2")
    write(first)
    (port,) = free_ports(1)
    settings = {"LEDGER_URL": f"sqlite://{tmp_path}/ledger.db", "VEFAAS_IAM_CREDENTIAL_PATH": str(role)}
    settings |= {"RTC_ENDPOINT": f"http://127.0.0.1:{port}", "RTC_REGION": "cn-north-1"}
    with start("events", settings) as instance:
        with StandIn(credentials=first, port=port):
            assert status(instance, 1) == 200
        with StandIn(credentials=second, port=port) as renewed:
            assert status(instance, 2) == 503
            write(second)
            assert status(instance, 2) == 200
            assert applied(renewed) == {"room-2": 1}


def test_a_quick_one_does_not_wait_for_a_slow_one(events: Instance, standin: StandIn) -> None:
    """The provider takes 3 s for one task; a message that comes later is answered before it."""
    task = TaskRef("app", "room-701", "task")
    standin.add_fault(Fault(kind=FaultKind.LATENCY, task=task, delay=3))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(status, events, 701)
        until(lambda: any(call.task == task for call in standin.calls()))
        began = time.monotonic()
        assert status(events, 702) == 200
        assert time.monotonic() - began < 1.5
        assert not slow.done()
        assert slow.result() == 200


@pytest.fixture(scope="module")
def wrong(start: Start, standin: StandIn) -> Iterator[Instance]:
    """A deployment that is wrong, and has been sent one message three times."""
    settings = environment(standin, Path("unused")) | {"LEDGER_URL": "mysql://host"}
    with start("events", settings) as instance:
        assert [status(instance, 1) for _ in range(3)] == [500] * 3
        until(lambda: len(lines(instance, "message_not_settled")) == 3)
        yield instance


def test_a_deployment_that_is_wrong_answers_and_loses_nothing(wrong: Instance) -> None:
    """It says what is wrong in its log, and each message with its body."""
    assert any("LEDGER_URL" in str(line["error"]) for line in lines(wrong, "deployment_wrong"))
    assert [line["body"] for line in lines(wrong, "message_not_settled")] == [body(1).decode()] * 3


def test_record_makes_an_event_of_the_line_of_an_unsettled_message(
    wrong: Instance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, however often the platform tried."""
    log = tmp_path / "log.ndjson"
    log.write_text("\n".join(wrong.lines))
    assert main(["record", str(log)]) == Exit.FINE
    printed = capsys.readouterr().out
    assert printed.count('"e-1"') + printed.count('\\"e-1\\"') == 1
