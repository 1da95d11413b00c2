"""Figures as one line that CloudWatch takes metrics from."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.telemetry.emf import EmfRecorder, _sample
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_batch_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The counts and times, by deployment, and by deployment and function; nothing of one batch is in the next."""
    recorder = EmfRecorder("tuner", "tuner-QueueWorker-1")
    before_ms = time.time_ns() // 1_000_000
    recorder.record(BatchFigures({Metric.EVENTS_APPLIED: 2, Metric.CALLS_SENT: 3}, (120, 450)))
    recorder.record(BatchFigures({Metric.EVENTS_HELD: 1}))
    first, second = lines(capsys)
    envelope = first.pop("_aws")
    assert before_ms - 1 <= envelope["Timestamp"] <= time.time_ns() // 1_000_000
    assert envelope["CloudWatchMetrics"] == [
        {
            "Namespace": "SnapshotTuner",
            "Dimensions": [["function_name", "service"], ["service"]],
            "Metrics": [
                {"Name": "EventsApplied", "Unit": "Count"},
                {"Name": "CallsSent", "Unit": "Count"},
                {"Name": "EventToApplied", "Unit": "Milliseconds"},
            ],
        }
    ]
    assert first == {
        "function_name": "tuner-QueueWorker-1",
        "service": "tuner",
        "EventsApplied": [2.0],
        "CallsSent": [3.0],
        "EventToApplied": [120.0, 450.0],
    }
    assert second.pop("_aws")["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "EventsHeld", "Unit": "Count"}]
    assert second == {"function_name": "tuner-QueueWorker-1", "service": "tuner", "EventsHeld": [1.0]}


def test_a_batch_in_which_nothing_happened_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty batch leaves no trace in the metrics."""
    EmfRecorder("tuner", "f").record(BatchFigures({}))
    assert lines(capsys) == []


def test_a_large_batch_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    """EMF takes a hundred values of a metric; of a thousand, 99 stand for all."""
    EmfRecorder("tuner", "f").record(BatchFigures({Metric.EVENTS_APPLIED: 1000}, tuple(range(1000))))
    (line,) = lines(capsys)
    assert line["EventsApplied"] == [1000.0]
    assert len(line["EventToApplied"]) == 99
    assert (line["EventToApplied"][0], line["EventToApplied"][49], line["EventToApplied"][-1]) == (0.0, 499.0, 999.0)


@given(st.lists(st.integers(0, 10**9), max_size=400))
def test_a_sample_keeps_the_extremes_and_the_order_of_ranks(values: list[int]) -> None:
    """Few values are all there; of many the least, the greatest and the middle are among them."""
    sample = list(_sample(values))
    if len(values) < 100:
        assert sample == values
        return
    ranked = sorted(values)
    assert (sample[0], sample[49], sample[-1]) == (ranked[0], ranked[(len(ranked) - 1) // 2], ranked[-1])
    assert (len(sample), sample) == (99, sorted(sample))
