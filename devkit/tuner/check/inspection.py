"""Everything about one policy file: its mistakes, or else what is suspicious in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from devkit.tuner.check.coverage import Coverage, rule_coverage
from devkit.tuner.check.curves import curves
from devkit.tuner.check.findings import FindingKind, Suspicion
from devkit.tuner.check.flapping import flapping
from devkit.tuner.check.gaps import gaps
from devkit.tuner.check.lasting import never_ending
from devkit.tuner.check.limits import contradicting, without_effect
from devkit.tuner.check.overlaps import overlaps
from devkit.tuner.check.paths import finding_nothing, unusual
from devkit.tuner.check.readings import asking_lists, hidden
from devkit.tuner.check.unreachable import never_matching
from snapshot_tuner.formats.strict_yaml import Mark, read
from snapshot_tuner.model import Place, Signal
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.loader import PolicyMistake, examine


@dataclass(frozen=True, slots=True)
class Finding:
    """A suspicion and where in the file it is."""

    mark: Mark
    suspicion: Suspicion


FINDINGS_MOST: Final = 20
"""Of one kind: once these are fixed, check again. No more are looked for, which could take minutes."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a file, in its order.

    With `mistakes` nothing else is looked for. `not_examined` has rules with the reason why nothing is said of
    them, `left_out` the kinds of which there are more findings than these.
    """

    rules: int
    mistakes: Sequence[PolicyMistake]
    suspicious: Sequence[Finding]
    not_examined: Sequence[tuple[str, str]]
    left_out: Sequence[FindingKind] = ()


def inspect(text: str, file: str, events: Sequence[Signal] = ()) -> Inspection:
    """`file` is the name of the text; `events` are such as it is for, if there are any. Raises nothing."""
    examined = examine(text)
    if examined.problems or examined.document is None:
        return Inspection(0, examined.problems, (), ())
    policy = Policy.parse(text, file)
    coverage = rule_coverage(policy, examined.document)
    marks = read(text).marks
    found: list[Finding] = []
    left_out: list[FindingKind] = []
    for suspicions in _suspicions(coverage, events):
        some = list(islice(suspicions, FINDINGS_MOST + 1))
        left_out += [suspicion.kind for suspicion in some[FINDINGS_MOST:]]
        found += [Finding(_mark(marks, suspicion.place), suspicion) for suspicion in some[:FINDINGS_MOST]]
    found.sort(key=lambda finding: (finding.mark.line, finding.mark.column))
    not_examined = [(policy.rules[i].name, reason) for i, reason in sorted(coverage.not_examined.items())]
    return Inspection(len(policy.rules), (), found, not_examined, left_out)


def _suspicions(coverage: Coverage, events: Sequence[Signal]) -> Iterator[Iterator[Suspicion]]:
    yield never_matching(coverage)
    yield gaps(coverage)
    yield overlaps(coverage)
    yield flapping(coverage)
    yield curves(coverage)
    yield never_ending(coverage)
    yield contradicting(coverage)
    yield without_effect(coverage)
    yield unusual(coverage)
    yield hidden(coverage.document)
    yield asking_lists(coverage.document)
    if events:
        yield finding_nothing(coverage, events)


def _mark(marks: dict[Place, Mark], place: Place) -> Mark:
    return next(marks[place[:end]] for end in range(len(place), -1, -1) if place[:end] in marks)
