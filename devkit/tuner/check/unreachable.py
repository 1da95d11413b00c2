"""Rules that can never match: in contradiction with themselves, or behind rules that take everything first."""

from collections.abc import Iterator

from devkit.tuner.check.boxes import Box, TooManyPiecesError, intersection, rest
from devkit.tuner.check.constraints import Leaf, Way, spelled, ways
from devkit.tuner.check.coverage import Landscape
from devkit.tuner.check.examples import point_in, show
from devkit.tuner.check.findings import Example, Kind, Suspicion
from devkit.tuner.output import json_text

EXAMPLES_MOST = 3
NAMES_MOST = 4


def never_matching(landscape: Landscape) -> Iterator[Suspicion]:
    """Those of which an example can show that nothing gets to them."""
    for i in landscape.examined():
        if not landscape.parts[i]:
            yield from _contradictory(landscape, i)
        elif not landscape.decided[i]:
            yield from _shadowed(landscape, i)


def _shadowed(landscape: Landscape, i: int) -> Iterator[Suspicion]:
    rule = landscape.policy.rules[i]
    taken = _taken(landscape, i)
    names = [landscape.policy.rules[j].name for j in taken]
    examples: list[Example] = []
    for (j, box), name in zip(taken.items(), names, strict=True):
        example = show(landscape, point_in(landscape, box, j))
        if example is not None and rule.pattern.matches(example.signal) and example.decision.rule == name:
            examples.append(example)
    if examples:
        message = (
            f"rule {rule.name!r} can never match: {_named(names)} before it "
            f"{'takes' if len(names) == 1 else 'take'} every event that it is for{_aside(landscape, i)}"
        )
        yield Suspicion(Kind.NEVER_MATCHES, ("rules", i), (*names, rule.name), message, tuple(examples[:EXAMPLES_MOST]))


def _taken(landscape: Landscape, i: int) -> dict[int, Box]:
    """The rules that it takes to leave nothing to rule i, each with some events that it takes."""
    own = [part.box for part in landscape.parts[i]]
    taken = {
        j: both
        for j in landscape.examined()
        if j < i
        for box in landscape.decided[j]
        for each in own
        if (both := intersection(box, each)) is not None
    }
    for j in list(taken):
        others = [part.box for other in taken if other != j for part in landscape.parts[other]]
        try:
            if not rest(own, others, landscape.everything):
                del taken[j]
        except TooManyPiecesError:  # then it is named although it may not be needed
            continue
    return taken


def _contradictory(landscape: Landscape, i: int) -> Iterator[Suspicion]:
    rule = landscape.policy.rules[i]
    own = ways(rule.match, ("rules", i, "match"))
    way = own[0]
    leaves = _impossible(landscape, way)
    field = spelled(leaves[0].path)
    box = {leaf.path: mask for leaf in way if (mask := landscape.axes[leaf.path].matching(leaf.items))}
    first = landscape.axes[leaves[0].path].matching(leaves[0].items)
    example = show(landscape, point_in(landscape, box | ({leaves[0].path: first} if first else {})))
    if example is None or rule.pattern.matches(example.signal):
        return
    asked = " and ".join(_listed(leaf) for leaf in leaves)
    message = f"rule {rule.name!r} can never match: no single value of {field} meets {asked}"
    if len(own) > 1:
        message += ", and none of its other alternatives can match either"
    yield Suspicion(Kind.NEVER_MATCHES, ("rules", i), (rule.name,), message, (example,))


def _impossible(landscape: Landscape, way: Way) -> list[Leaf]:
    """What a way asks of the first field that cannot meet all of it."""
    for path in dict.fromkeys(leaf.path for leaf in way):
        leaves = [leaf for leaf in way if leaf.path == path]
        left = landscape.axes[path].everything
        for leaf in leaves:
            left &= landscape.axes[path].matching(leaf.items)
        if not left:
            return leaves
    raise AssertionError(f"{way} is possible")


def _listed(leaf: Leaf) -> str:
    return json_text(leaf.items)


def _named(rules: list[str]) -> str:
    shown = [repr(rule) for rule in rules[:NAMES_MOST]]
    if len(rules) > NAMES_MOST:
        return f"rules {', '.join(shown)} and {len(rules) - NAMES_MOST} more"
    return f"rule {shown[0]}" if len(rules) == 1 else f"rules {', '.join(shown[:-1])} and {shown[-1]}"


def _aside(landscape: Landscape, i: int) -> str:
    return " (unless one of its fields is a list)" if landscape.needs_single_values(i) else ""
