"""Promise: a recorded run gives the same events and the same decisions, bit for bit."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devkit.demo import oracle, sample_events
from devkit.demo.scenario import FILES
from devkit.demo.sources import ATTEMPTS, invoke
from devkit.rtc_standin import StandIn
from devkit.tuner.__main__ import main
from devkit.tuner.record.parsers import Form
from devkit.tuner.record.recording import Recording, Summary
from devkit.tuner.record.sorting import SortedLines
from snapshot_tuner import bootstrap
from snapshot_tuner.events import signals
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Decision, Order, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.settings import VARIABLES
from snapshot_tuner.tuning.tuner import LOG_NAMES
from tests.events.any_signals import signals as any_signals
from tests.logged_lines import captured, log_text
from tests.one_signal import one

ROOT = Path(__file__).parents[3]
POLICY = ROOT / "layers" / "policy" / "policy.yaml"


def read(line: str) -> tuple[int, Signal]:
    """A recorded line as anything else would read it: when it arrived, in microseconds, and what the functions see."""
    wrapper: Any = decode(line)
    sent_us = rfc3339.to_microseconds(wrapper["sent"]) if "sent" in wrapper else None
    signal = one(signals.from_document(wrapper["event"], sent_us=sent_us))
    if "queued" in wrapper:
        signal = replace(signal, sent_us=rfc3339.to_microseconds(wrapper["queued"]))
    return rfc3339.to_microseconds(wrapper["received"]), signal


def identity(signal: Signal) -> tuple[object, ...]:
    """All there is to a signal: `repr` tells 0.90 from 0.9, 1E+3 from 1000, and the order of members."""
    return (
        signal.fingerprint(),
        signal.order_key(Order.TIME),
        signal.order_key(Order.SEQUENCE),
        signal.type,
        signal.time_us,
        signal.time_is_own,
        signal.sent_us,
        signal.sequence,
        repr(signal.data),
        repr(dict(signal.attributes)),
    )


@dataclass
class RecordedRun:
    """What the functions were given and said: each event with its decision in order, and the text of the log."""

    decided: list[tuple[Signal, int, Decision]]
    log: str


ODD = {
    "specversion": "1.0",
    "id": "odd-1",
    "source": "/monitor/rtc",
    "type": "rtc.room.load",
    "sequence": "0042",
    "房间": "room",
    "data": "…",
}
ODD_DATA = (
    '{"AppId": "app", "RoomId": "odd", "TaskId": "task", "load": 0.900, "n": [1E+2, -0.0, 5e0, 1e-300, '
    '12345678901234567890.10], "text": "\\u0000\\ud83d\\ude00\\u2028 \\\\udc001 \\"0.5", "empty": {}, "null": null}'
)


def odd_messages(now: datetime) -> list[sample_events.SampleMessage]:
    """An event without a time by the queue, with a time by HTTP, and over the bus: numbers that are easily respelt."""
    body = json.dumps(ODD).replace('"…"', ODD_DATA)
    sent = str(int(now.timestamp() * 1000))
    record = {"messageId": "odd", "eventSource": "aws:sqs", "body": body, "attributes": {"SentTimestamp": sent}}
    with_time = body.replace("odd-1", "odd-2").replace('"type"', f'"time": "{now.isoformat()}", "type"', 1)
    (request,) = sample_events.load(["http/cloudevent.json"], now)["http/cloudevent.json"]
    bussed = {"id": "odd-3", "source": "bus", "detail-type": "rtc.room.load", "time": now.isoformat(), "null": None}
    return [
        sample_events.SampleMessage("odd queue", sample_events.Source.QUEUE, record),
        sample_events.SampleMessage("odd http", sample_events.Source.HTTP, {**request.payload, "body": with_time}),
        sample_events.SampleMessage("odd bus", sample_events.Source.BUS, {**bussed, "detail": json.loads(ODD_DATA)}),
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RecordedRun:
    """All files of events/, and some odd ones, through the real handlers, each as often as its source would try."""
    now = datetime.now(UTC)
    loaded = sample_events.load(FILES, now)
    batches = [loaded[file] for file in FILES] + [[message] for message in odd_messages(now)]
    intents = oracle.expectations([message for batch in batches for message in batch]).expected
    decided: list[tuple[Signal, int, Decision]] = []
    decide = Policy.decide

    def noted(policy: Policy, signal: Signal, sent_us: int, now_us: int) -> Decision:
        decision = decide(policy, signal, sent_us, now_us)
        decided.append((signal, sent_us, decision))
        return decision

    with pytest.MonkeyPatch.context() as patch, StandIn(tasks=intents) as stand_in:
        for name in (*VARIABLES, *(name for name in os.environ if name.startswith("VOLCENGINE_"))):
            patch.delenv(name, raising=False)
        for name, value in stand_in.environment().items():
            patch.setenv(name, value)
        patch.setenv("LEDGER_URL", f"sqlite://{tmp_path_factory.mktemp('run')}/ledger.db")
        patch.setenv("POLICY_PATH", str(POLICY))
        patch.setattr(Policy, "decide", noted)
        with captured(bootstrap.logger()) as out:
            for batch in batches:
                deliver(batch)
        bootstrap.close()
    return RecordedRun(decided, out.getvalue())


def deliver(batch: Sequence[sample_events.SampleMessage]) -> None:
    left = list(batch)
    for _ in range(ATTEMPTS[batch[0].source]):
        left = [message for message, answer in zip(left, invoke(left), strict=True) if not answer.settled]
        if not left:
            return


@pytest.fixture(scope="module")
def recording(run: RecordedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `tuner record` makes of the log."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "log.jsonl").write_text(run.log, encoding="utf-8")
    assert main(["record", str(folder / "log.jsonl"), "-o", str(folder / "recorded.ndjson")]) == 0
    return folder / "recorded.ndjson"


@pytest.fixture(scope="module")
def recorded(recording: Path) -> list[Signal]:
    """The recording, read back."""
    arrivals = [read(line) for line in recording.read_text(encoding="utf-8").splitlines()]
    assert [received_us for received_us, _ in arrivals] == sorted(received_us for received_us, _ in arrivals)
    return [signal for _, signal in arrivals]


def test_a_backtest_of_the_recording_gives_the_same_decisions(
    run: RecordedRun, recording: Path, tmp_path: Path
) -> None:
    """Every delivery, every task: rule, interval and the policy's reason, letter for letter."""
    decided = [each for signal, _, decision in run.decided for each in _expected(signal, decision)]
    decisions = tmp_path / "decisions.ndjson"
    assert main(["backtest", str(POLICY), str(recording), "--decisions", str(decisions)]) == 0
    recorded = [json.loads(line) for line in decisions.read_text(encoding="utf-8").splitlines()]
    # Behind the policy's reason stands what came of it, which differs: this provider is never slow nor refuses.
    replayed = [
        (*(each[name] for name in ("id", "source", "task", "rule", "interval")), each["reason"].partition("; ")[0])
        for each in recorded
    ]
    assert sorted(replayed, key=str) == sorted(decided, key=str)
    assert {each[3] for each in decided} == {
        *("moderation-alert", "room-load-high", "dead-band", "room-load-normal"),
        None,
    }


def _expected(signal: Signal, decision: Decision) -> list[tuple[object, ...]]:
    """A decision as `--decisions` has it, without what came of it."""
    event = (signal.id, signal.source)
    if not decision.adjustments:
        return [(*event, None, decision.rule, None, decision.reason)]
    return [(*event, _names(each.task), each.rule, each.interval, each.reason) for each in decision.adjustments]


def _names(task: TaskRef) -> dict[str, str]:
    return {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id}


def test_every_event_that_was_decided_is_recorded_as_it_was(run: RecordedRun, recorded: list[Signal]) -> None:
    """All deliveries in their order: identity, order key, whether the time is its own, attributes, exact data."""
    assert [identity(signal) for signal in recorded] == [identity(signal) for signal, _, _ in run.decided]
    assert {signal.id for signal in recorded} >= {"odd-1", "odd-2", "odd-3", "load-101-1", "load-204-1"}
    assert not all(signal.time_is_own for signal in recorded)


def test_the_recorded_run_is_decided_alike(run: RecordedRun, recorded: list[Signal]) -> None:
    """Verdict, rule, tasks, interval and reason of each event are those of the run."""
    policy = Policy.load(POLICY)
    for signal, (original, sent_us, decision) in zip(recorded, run.decided, strict=True):
        again = policy.decide(signal, sent_us)
        assert (again.verdict, again.rule, again.reason) == (decision.verdict, decision.rule, decision.reason)
        assert [
            (each.task, each.interval, each.reason, each.order_key, each.business_id) for each in again.adjustments
        ] == [
            (each.task, each.interval, each.reason, each.order_key, each.business_id) for each in decision.adjustments
        ], original.id


def test_the_log_lines_say_what_the_recorded_events_are_decided_to_be(run: RecordedRun, recorded: list[Signal]) -> None:
    """Line by line: rule, interval and the policy's part of the reason, in whatever became of it."""
    policy = Policy.load(POLICY)
    entries = [json.loads(line) for line in run.log.splitlines()]
    lines = [entry for entry in entries if entry["message"] in LOG_NAMES.values() and "event_type" in entry]
    for line, signal in zip(lines, recorded, strict=True):
        decision = policy.decide(signal)
        said = decision.adjustments[0] if decision.adjustments else decision
        assert line["reason"].partition("; ")[0] == said.reason.partition("; ")[0]
        assert line["reason"].startswith(said.reason)
        assert (line.get("rule"), line.get("interval")) == (said.rule, getattr(said, "interval", None))


def record(text: str) -> tuple[list[str], Summary]:
    """The lines that are made of this text, and what is told about it."""
    with SortedLines() as sorted_lines:
        recording = Recording(frozenset(Form), sorted_lines)
        recording.take("log", StringIO(text, newline="\n"))
        return [line for _, line in sorted_lines.lines()], recording.summary()


@given(any_signals)
def test_any_signal_is_the_same_after_log_and_record(signal: Signal) -> None:
    """Any text, any number, any nesting, with and without a time or sequence of its own: one line, the same signal."""
    (line,), summary = record(log_text(signal))
    assert summary.losses == {}
    assert identity(read(line)[1]) == identity(signal)


_NAMES = st.sampled_from([
    "message", "event_id", "source", "received", "event_type", "event_time", "event_sent", "sequence", "data",
    "attributes", "tasks", "task_number", "cause", "Messages", "Records", "Body", "body", "MessageId", "messageId",
    "Attributes", "SentTimestamp", "requestContext", "requestPayload", "timestamp", "events", "results", "field",
    "value", "@message",
])  # fmt: skip
_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from([*LOG_NAMES.values(), "{}", "1772355600000"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=8),
    max_leaves=12,
)


@given(_ANYTHING, st.integers(0, 40))
def test_any_document_is_recorded_or_told(document: object, cut: int) -> None:
    """Whatever a dump holds: every line that comes of it can be read, and nothing but a line or a reason comes."""
    text = json.dumps(document)
    lines, summary = record(f"{text}\n{text[cut:]}\nx {text}")
    assert [read(line)[0] for line in lines] == sorted(read(line)[0] for line in lines)
    assert len(lines) == summary.events
