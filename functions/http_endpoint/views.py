"""What can be seen of a decision, a task and a deployment, as the JSON of an answer."""

from collections.abc import Mapping
from typing import Any

from http_endpoint import answers
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.ledger.listing import TaskPage
from snapshot_tuner.ledger.types import Bounds
from snapshot_tuner.model import Signal
from snapshot_tuner.policy.explanation import Asking, Explanation, PatternFinding, RuleFinding
from snapshot_tuner.tuning.bounds import Change
from snapshot_tuner.tuning.deployment_check import Check
from snapshot_tuner.tuning.inspection import Pending, Setting, TaskReport
from snapshot_tuner.version import VERSION


def from_explanation(
    signal: Signal, explanation: Explanation, step_in: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The event as it was understood, the decision, the interval step by step for the first task, and every rule.

    `step_in` is the last of these steps, which is no policy's but an operator's.
    """
    decision, asked = explanation.decision, explanation.asked
    adjustments = decision.adjustments
    fitted = explanation.fitted[adjustments[0].task].steps if asked is not None and adjustments else ()
    steps: list[Mapping[str, Any]] = [
        {"step": each.part, "seconds": each.seconds, "says": each.says} for each in fitted
    ]
    return {
        "event": {
            "id": signal.id,
            "source": signal.source,
            "type": signal.type,
            "time": rfc3339.from_microseconds(signal.time_us),
            **({} if signal.read_from is None else {"reading": signal.read_from.reading}),
        },
        "policy": explanation.policy,
        "verdict": decision.verdict,
        "rule": decision.rule,
        "reason": decision.reason,
        "interval": {
            "asked": asked.seconds if asked is not None else None,
            "bounds": {"min": explanation.bounds.min, "max": explanation.bounds.max},
            "steps": steps if step_in is None else [*steps, step_in],
            "given": (adjustments[0].interval or None) if adjustments else None,
            "edges": [
                {"at": rfc3339.from_microseconds(at), "interval": interval}
                for at, interval in (adjustments[0].edges if adjustments else ())
            ],
        },
        "tasks": [answers.from_task(adjustment.task) for adjustment in adjustments],
        "rules": [_from_rule(rule) for rule in explanation.rules],
    }


def from_step_in(bounds: Bounds, seconds: int) -> dict[str, Any]:
    """What an operator's bounds make of an interval."""
    says = f"within the bounds of {bounds.caller} ({bounds.reason})"
    return {"step": "operator_bounds", "seconds": seconds, "says": says}


def bounds_not_known(seconds: int) -> dict[str, Any]:
    says = "the ledger does not answer: whether an operator has set bounds is not known"
    return {"step": "operator_bounds", "seconds": seconds, "says": says}


def from_task(report: TaskReport) -> dict[str, Any]:
    return {
        "task": answers.from_task(report.task),
        "desired": report.desired and _from_setting(report.desired),
        "applied": report.applied and _from_setting(report.applied),
        "pending": [_from_pending(pending) for pending in report.pending],
        "bounds": report.bounds and _from_bounds(report.bounds),
        "policy": report.policy,
    }


def from_change(change: Change) -> dict[str, Any]:
    """The task's state, what holds no longer, and how far it is."""
    return {
        **from_task(change.task),
        "replaced": change.replaced and _from_bounds(change.replaced),
        "reason": change.reason,
    }


def from_page(page: TaskPage) -> dict[str, Any]:
    """`next` is there where the list goes on."""
    listed = {"tasks": [{"task": answers.from_task(each.task), "interval": each.interval} for each in page.tasks]}
    return listed if page.next is None else {**listed, "next": str(page.next)}


def healthy(policy_version: int, policy_sha256: str) -> dict[str, Any]:
    """Of a deployment that can do its work: one that lacks something answers with a problem."""
    return {
        "status": "ok",
        "version": VERSION,
        "ledger": "reachable",
        "policy": {"version": policy_version, "sha256": policy_sha256},
        "credentials": "present",
    }


def from_check(check: Check) -> dict[str, Any]:
    fields = {"check": check.name, "ok": check.ok, "says": check.says, **check.facts}
    return fields if check.advice is None else {**fields, "do": check.advice}


def _from_rule(rule: RuleFinding) -> dict[str, Any]:
    pattern = [_from_finding(part) for part in rule.pattern.parts] if rule.pattern is not None else []
    return {"rule": rule.rule, "reached": rule.reached, "reason": rule.reason, "pattern": pattern}


def _from_finding(finding: PatternFinding) -> dict[str, Any]:
    seen: dict[str, Any] = {"asking": finding.asking, "place": finding.place, "matched": finding.matched}
    if finding.found is not None:
        seen["found"] = finding.found
    if finding.asking is Asking.TEST:
        return seen | {"wanted": finding.wanted}
    return seen | {"parts": [_from_finding(part) for part in finding.parts]}


def _from_setting(setting: Setting) -> dict[str, Any]:
    return {
        "interval": setting.interval,
        "since": rfc3339.from_microseconds(setting.since_us),
        "event": {"id": setting.event_id, "source": setting.event_source},
        "rule": setting.rule,
        "reason": setting.reason or None,
        "policy": setting.policy or None,
    }


def _from_bounds(bounds: Bounds) -> dict[str, Any]:
    return {
        "min": bounds.least,
        "max": bounds.most,
        "until": rfc3339.from_microseconds(bounds.until_us),
        "since": rfc3339.from_microseconds(bounds.set_us),
        "reason": bounds.reason,
        "caller": bounds.caller,
    }


def _from_pending(pending: Pending) -> dict[str, Any]:
    until = rfc3339.from_microseconds(pending.until_us) if pending.until_us is not None else None
    fields: dict[str, Any] = {"kind": pending.kind, "until": until}
    if pending.rule is not None:
        fields |= {"rule": pending.rule, "reason": pending.reason or None, "policy": pending.policy or None}
    return fields if pending.then is None else fields | {"then": pending.then}
