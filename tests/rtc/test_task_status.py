"""What GetSnapshotTask's answers mean: no interval is taken from an odd one."""

import json

import pytest

from snapshot_tuner.errors import CallFailed, Throttled
from snapshot_tuner.rtc.task_status import TaskReading, TaskStatus, task_reading


def answer(task: object) -> bytes:
    return json.dumps({"ResponseMetadata": {"RequestId": "r"}, "Result": {"SnapshotTask": task}}).encode()


@pytest.mark.parametrize("status", list(TaskStatus))
def test_status_and_interval_are_read(status: TaskStatus) -> None:
    """Ended and failed tasks have ended; no other has."""
    reading = task_reading(200, answer({"Status": int(status), "StopReason": "", "ImageConfig": {"Interval": 7}}))
    assert reading == TaskReading(status, 7)
    assert reading.has_ended == (int(status) in (3, 4))


@pytest.mark.parametrize(
    "config", [None, {}, {"Interval": 0}, {"Interval": 601}, {"Interval": True}, {"Interval": "7"}]
)
def test_an_interval_that_cannot_be_is_none(config: object) -> None:
    assert task_reading(200, answer({"Status": 2, "ImageConfig": config})) == TaskReading(TaskStatus.RUNNING, None)


@pytest.mark.parametrize(
    "body",
    [
        answer(None),
        answer([]),
        answer({}),
        answer({"Status": 9}),
        answer({"Status": True}),
        answer({"Status": "2"}),
        b'{"Result": "ok"}',
        b"{}",
        b"<html>",
        b"[]",
    ],
)
def test_an_odd_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(CallFailed):
        task_reading(200, body)


def test_an_error_is_the_one_that_an_update_would_raise() -> None:
    body = json.dumps({"ResponseMetadata": {"Error": {"Code": "FlowLimitExceeded.QPSOverLimit", "Message": "m"}}})
    with pytest.raises(Throttled):
        task_reading(429, body.encode())
