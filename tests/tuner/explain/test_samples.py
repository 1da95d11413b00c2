"""Every sample of events/ is explained; its conclusion is the policy's, and the one in the table of its README."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.exits import Exit
from snapshot_tuner.model import Signal, Verdict
from snapshot_tuner.policy.engine import Policy
from tests.events.test_event_files import EXPECTED
from tests.tuner.explain.explaining import EVENTS, SHIPPED, Explainer

POLICY = Policy.load(SHIPPED)
TABLE = dict(re.findall(r"^\| `([^`]+)` \|.*\| (.*) \|$", (EVENTS / "README.md").read_text("utf-8"), re.MULTILINE))
FIRST = {"sqs": "sqs/cloudevent.json", "http": "http/cloudevent.json", "eventbridge": "eventbridge/room_load.json"}
"""The files that `duplicate.json` and `late.json` come after."""

SAMPLES = [name for name in EXPECTED if name.partition("/")[0] in FIRST]
OF_OTHER_QUEUES = [name for name in EXPECTED if name not in SAMPLES]


def recorded(name: str) -> str:
    """The one event of a file as a line of a recording."""
    payload = json.loads((EVENTS / name).read_text("utf-8"))
    if "Records" in payload:
        (payload,) = payload["Records"]
    elif "body" in payload:
        body = payload["body"]
        payload = json.loads(base64.b64decode(body) if payload["isBase64Encoded"] else body)
    return json.dumps(payload)


def documented(name: str) -> list[tuple[str, int | None]]:
    """(outcome, interval) of each event and task, as the table's last column says it in words."""
    text = TABLE[name]
    if name == "sqs/mixed_batch.json":  # its words: one call each, room-114 at its newer event's
        return [("superseded", 58), ("rejected", None), ("applied", 5), ("applied", 5)]
    if text == "rejected, task not found":  # which only the provider knows
        return [("applied", 35)]
    if applied := re.match(r"applied(?: twice)?, (\d+) s", text):
        return [("applied", int(applied[1]))] * (2 if "twice" in text else 1)
    return [(text.partition(",")[0], None)]


@pytest.mark.parametrize("name", OF_OTHER_QUEUES)
def test_a_batch_of_another_queue_is_opened_as_its_function_does(name: str, explainer: Explainer) -> None:
    """Event by event what the policy decides of it."""
    is_rejected = any(isinstance(expected, str) for expected in EXPECTED[name])
    exit_code = Exit.REJECTED if is_rejected else Exit.FINE
    explained = explainer.events(SHIPPED, EVENTS / name, exit_code=exit_code)
    for event, expected in zip(explained, EXPECTED[name], strict=True):
        assert_decided(event, expected)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_explained(name: str, explainer: Explainer) -> None:
    """Rule, reason and interval are those of `Policy.decide`, and the outcome is the one in the table."""
    history = explainer.file("before.ndjson", recorded(FIRST[name.partition("/")[0]]))
    follows = Path(name).stem in ("duplicate", "late")
    options = ["--after", str(history), "--at", "2026-03-01T09:05:00Z"] if follows else []
    is_rejected = any(outcome == "rejected" for outcome, _ in documented(name))
    exit_code = Exit.REJECTED if is_rejected else Exit.FINE
    explained = explainer.events(SHIPPED, EVENTS / name, *options, exit_code=exit_code)
    assert len(explained) == len(EXPECTED[name])
    for event, expected in zip(explained, EXPECTED[name], strict=True):
        assert_decided(event, expected)
    given = [(outcome["outcome"], outcome["interval"]) for event in explained for outcome in event["outcomes"]]
    for (outcome, interval), (outcome_in_table, interval_in_table) in zip(given, documented(name), strict=True):
        assert outcome == outcome_in_table
        assert interval == interval_in_table or outcome in ("duplicate", "superseded")


def assert_decided(event: dict[str, Any], expected: Signal | str) -> None:
    """As by the policy itself, from the signal that the file is known to give."""
    if isinstance(expected, str):
        assert event["reason"] == expected
        assert event["verdict"] == ("unmatched" if expected.endswith("has no value") else "reject")
        return
    decision = POLICY.decide(expected)
    assert (event["verdict"], event["rule"], event["reason"]) == (decision.verdict, decision.rule, decision.reason)
    assert event["event"]["id"] == expected.id
    assert expected.attributes.items() <= event["event"].items()
    assert len(event["outcomes"]) == max(1, len(decision.adjustments))
    for outcome, adjustment in zip(event["outcomes"], decision.adjustments, strict=False):
        assert outcome["interval"] == adjustment.interval
        assert outcome["task"]["TaskId"] == adjustment.task.task_id
    matched = [rule["rule"] for rule in event["rules"] if rule["reached"] == "matched"]
    assert matched == ([] if decision.verdict is Verdict.UNMATCHED else [decision.rule])


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_told_to_people(name: str, explainer: Explainer) -> None:
    """Its outcome, with its reason; the answer for people says what the one for programs does."""
    is_rejected = any(outcome == "rejected" for outcome, _ in documented(name))
    exit_code = Exit.REJECTED if is_rejected else Exit.FINE
    events = explainer.events(SHIPPED, EVENTS / name, exit_code=exit_code)
    explained = re.sub(r"\s+", " ", explainer.output(SHIPPED, EVENTS / name, exit_code=exit_code))
    assert explained.startswith("No history was given (--after): nothing is open at first.")
    for event in events:
        for outcome in event["outcomes"]:
            assert f"→ {outcome['outcome']}: {outcome['reason']}" in explained
