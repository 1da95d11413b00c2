"""Rules whose end changes nothing: `then: previous` without a default, where nothing else is ever asked for."""

from collections.abc import Iterator

from devkit.tuner.check.boxes import Box, TooManyPiecesError, rest
from devkit.tuner.check.coverage import Coverage
from devkit.tuner.check.examples import point_in, show, target_paths
from devkit.tuner.check.findings import FindingKind, Suspicion
from snapshot_tuner.policy.rules import Hold


def never_ending(coverage: Coverage) -> Iterator[Suspicion]:
    """Cases in which no rule without an end, and no `then` of seconds, can be for the same task.

    A task is identified by the fields of the target: only what rules ask of these keeps their tasks apart.
    """
    rules = coverage.policy.rules
    bases = [
        i
        for i, rule in enumerate(rules)
        if not isinstance(rule.action, Hold) and (rule.lasts is None or rule.then is not None)
    ]
    if any(i in coverage.not_examined for i in bases):
        return
    targets = target_paths(coverage)
    others: list[Box] = [
        {path: mask for path, mask in box.items() if path in targets} for i in bases for box in coverage.decided[i]
    ]
    for i in coverage.examined():
        rule = rules[i]
        if rule.lasts is None or rule.then is not None or rule.default is not None:
            continue
        for box in coverage.decided[i]:
            try:
                left = rest([box], others, coverage.everything)
            except TooManyPiecesError:
                continue
            example = show(coverage, point_in(coverage, left[0], i)) if left else None
            if example is not None and example.interval is not None and example.decision.rule == rule.name:
                message = (
                    f"rule {rule.name!r} ends after {rule.lasts} s, but no other rule ever sets an interval without "
                    f"an end for such a task, so it stays at {example.interval} s (add then: SECONDS, "
                    "default: SECONDS, or a rule for the rest)"
                )
                yield Suspicion(FindingKind.NEVER_ENDS, ("rules", i, "for"), (rule.name,), message, (example,))
                break
