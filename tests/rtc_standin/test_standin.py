"""The stand-in is worth its tests: it refuses what the provider would refuse, and counts what it has seen."""

import http.client
import threading
import time
from contextlib import closing

import pytest

from devkit.rtc_standin import Fault, FaultKind, StandIn
from devkit.rtc_standin.call_log import CallLog
from tests.polling import until
from tests.rtc_standin.calls import TASK, Signing, code, send, update


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
