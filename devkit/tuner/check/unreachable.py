"""Rules that can never match: they contradict themselves, or rules before them take everything."""

from collections.abc import Iterator

from devkit.tuner.check.boxes import Box, TooManyPiecesError, intersection, rest
from devkit.tuner.check.constraints import Leaf, Way, spelled, ways
from devkit.tuner.check.coverage import Coverage
from devkit.tuner.check.examples import point_in, show
from devkit.tuner.check.findings import Example, FindingKind, Suspicion
from devkit.tuner.output import json_text

EXAMPLES_MOST = 3
NAMES_MOST = 4


def never_matching(coverage: Coverage) -> Iterator[Suspicion]:
    """Those for which an example can show that nothing reaches them."""
    for i in coverage.examined():
        if not coverage.parts[i]:
            yield from _contradictory(coverage, i)
        elif not coverage.decided[i]:
            yield from _shadowed(coverage, i)


def _shadowed(coverage: Coverage, i: int) -> Iterator[Suspicion]:
    rule = coverage.policy.rules[i]
    taken = _taken(coverage, i)
    names = [coverage.policy.rules[j].name for j in taken]
    examples: list[Example] = []
    for (j, box), name in zip(taken.items(), names, strict=True):
        example = show(coverage, point_in(coverage, box, j))
        if example is not None and rule.pattern.matches(example.signal) and example.decision.rule == name:
            examples.append(example)
    if examples:
        message = (
            f"rule {rule.name!r} can never match: {_named(names)} before it "
            f"{'takes' if len(names) == 1 else 'take'} every event that it could match{_aside(coverage, i)}"
        )
        yield Suspicion(
            FindingKind.NEVER_MATCHES, ("rules", i), (*names, rule.name), message, tuple(examples[:EXAMPLES_MOST])
        )


def _taken(coverage: Coverage, i: int) -> dict[int, Box]:
    """The rules that it takes to leave nothing to rule i, each with some events that it takes."""
    own = [part.box for part in coverage.parts[i]]
    taken = {
        j: both
        for j in coverage.examined()
        if j < i
        for box in coverage.decided[j]
        for each in own
        if (both := intersection(box, each)) is not None
    }
    for j in list(taken):
        others = [part.box for other in taken if other != j for part in coverage.parts[other]]
        try:
            if not rest(own, others, coverage.everything):
                del taken[j]
        except TooManyPiecesError:  # then it is named although it may not be needed
            continue
    return taken


def _contradictory(coverage: Coverage, i: int) -> Iterator[Suspicion]:
    rule = coverage.policy.rules[i]
    own = ways(rule.match, ("rules", i, "match"))
    way = own[0]
    leaves = _impossible(coverage, way)
    field = spelled(leaves[0].path)
    box = {leaf.path: mask for leaf in way if (mask := coverage.axes[leaf.path].matching(leaf.items))}
    first = coverage.axes[leaves[0].path].matching(leaves[0].items)
    example = show(coverage, point_in(coverage, box | ({leaves[0].path: first} if first else {})))
    if example is None or rule.pattern.matches(example.signal):
        return
    asked = " and ".join(_listed(leaf) for leaf in leaves)
    message = f"rule {rule.name!r} can never match: no single value of {field} meets {asked}"
    if len(own) > 1:
        message += ", and none of its other alternatives can match either"
    yield Suspicion(FindingKind.NEVER_MATCHES, ("rules", i), (rule.name,), message, (example,))


def _impossible(coverage: Coverage, way: Way) -> list[Leaf]:
    """What a way asks of the first field that cannot meet all of it."""
    for path in dict.fromkeys(leaf.path for leaf in way):
        leaves = [leaf for leaf in way if leaf.path == path]
        left = coverage.axes[path].everything
        for leaf in leaves:
            left &= coverage.axes[path].matching(leaf.items)
        if not left:
            return leaves
    raise AssertionError(f"{way} is possible")


def _listed(leaf: Leaf) -> str:
    return json_text(leaf.items)


def _named(rules: list[str]) -> str:
    named = [repr(rule) for rule in rules[:NAMES_MOST]]
    if len(rules) > NAMES_MOST:
        return f"rules {', '.join(named)} and {len(rules) - NAMES_MOST} more"
    return f"rule {named[0]}" if len(rules) == 1 else f"rules {', '.join(named[:-1])} and {named[-1]}"


def _aside(coverage: Coverage, i: int) -> str:
    return " (unless one of its fields is a list)" if coverage.needs_single_values(i) else ""
