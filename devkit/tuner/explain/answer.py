"""An explanation as JSON; what it shares with the answer of `POST /explain` is written by the same code."""

from typing import Any

from devkit.tuner.explain.history import History
from devkit.tuner.explain.replay import Explained
from devkit.tuner.explain.steps import Change, IntervalStep, follows, steps
from http_endpoint import answers, views
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.model import NoEvent, Signal


def from_history(past: History | None) -> dict[str, Any] | None:
    """None where none was given: nothing is open at first then."""
    if past is None:
        return None
    return {"file": str(past.file), "events": len(past.invocations), "unreadable": past.unreadable}


def from_event(explained: Explained) -> dict[str, Any]:
    """As over HTTP, with the event's data and what would come of it; `rules` is empty where it cannot be read."""
    event, why = explained.event, explained.explanation
    outcomes = [_from_outcome(explained, index) for index in range(len(explained.outcomes))]
    if not isinstance(event, Signal) or why is None:
        unread: dict[str, Any] = {
            "event": {"id": explained.outcomes[0].id},
            "verdict": "unmatched" if isinstance(event, NoEvent) else "reject",
            "rule": None,
            "rules": [],
        }
        return {**unread, "reason": explained.outcomes[0].reason, "outcomes": outcomes}
    answer = views.from_explanation(event, why)
    answer["event"] |= {"received": _time(explained.received_us), **event.attributes, "data": event.data}
    return {**answer, "outcomes": outcomes}


def _from_outcome(explained: Explained, index: int) -> dict[str, Any]:
    outcome = explained.outcomes[index]
    answer: dict[str, Any] = {
        "task": outcome.task and answers.from_task(outcome.task),
        "outcome": outcome.kind,
        "interval": outcome.interval,
        "reason": outcome.reason,
    }
    why = explained.explanation
    if not explained.visits or why is None:
        return answer | {"steps": [], "follows": []}
    visit = explained.visits[index]
    return answer | {
        "steps": [_from_step(step) for step in steps(visit, why)],
        "follows": [_from_change(change) for change in follows(visit)],
    }


def _from_step(step: IntervalStep) -> dict[str, Any]:
    until = None if step.until_us is None else _time(step.until_us)
    return {"step": step.name, "seconds": step.seconds, "says": step.says, "until": until}


def _from_change(change: Change) -> dict[str, Any]:
    event = {"rule": change.rule, "event": change.event_id}
    return {"at": _time(change.at_us), "interval": change.interval, **event}


def _time(us: int) -> str | None:
    return rfc3339.from_microseconds(us)
