"""An explanation for people: the event, the rules with their patterns as trees, the interval step by step."""

from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from devkit.terminal import printable
from devkit.tuner.explain.history import History
from devkit.tuner.explain.replay import Explained
from devkit.tuner.explain.steps import follows, moment, steps
from snapshot_tuner.formats.exact_json import encode
from snapshot_tuner.model import NoEvent, Outcome, OutcomeKind, Signal
from snapshot_tuner.policy.explanation import Asking, PatternFinding, Reached, RuleFinding

_MARKS: Final = {
    Reached.MATCHED: Text("✓", "bold green"),
    Reached.NOT_MATCHED: Text("✗", "red"),
    Reached.NOT_REACHED: Text("·", "dim"),
}
_COLOURS: Final = {OutcomeKind.APPLIED: "bold green", OutcomeKind.REJECTED: "bold red", OutcomeKind.RETRY: "bold red"}
_WIDTH_OF_NAMES: Final = 9


def show_history(console: Console, past: History | None) -> None:
    if past is None:
        console.print(Text("No history was given (--after): nothing is open at first.", "dim"))
        return
    unreadable = f"; {past.unreadable} of its lines cannot be read" if past.unreadable else ""
    note = f"History: {len(past.invocations)} other events of {past.file} adjust the same tasks{unreadable}."
    console.print(Text(note, "dim"))


def show(console: Console, explained: Explained) -> None:
    """One event."""
    console.print()
    event, why = explained.event, explained.explanation
    if isinstance(event, Signal):
        console.print(
            Text.assemble(("event ", "bold"), (printable(event.id), "bold cyan"), f" of {printable(event.source)}")
        )
        console.print(_Indented(_attributes(event, explained.received_us)))
    else:
        empty = isinstance(event, NoEvent)
        console.print(Text("a body without an event" if empty else "an event that cannot be read", "bold"))
    if why is not None:
        console.print(Text("rules", "bold"))
        for rule in why.rules:
            console.print(_Indented(_from_rule(rule)))
    for index, outcome in enumerate(explained.outcomes):
        _show_outcome(console, explained, index, outcome)


def _attributes(event: Signal, received_us: int) -> Table:
    rows = {
        "reading": None if event.read_from is None else Text(event.read_from.reading),
        "type": Text(printable(event.type)),
        "time": Text(
            moment(event.time_us) + ("" if event.time_is_own else ", when it was sent: it has none of its own")
        ),
        "received": Text(moment(received_us)),
        "sequence": None if event.sequence is None else Text(str(event.sequence)),
        **{name: Text(encode(value)) for name, value in event.attributes.items()},
        "data": Text(encode(event.data)),
    }
    return _grid({name: value for name, value in rows.items() if value is not None})


def _from_rule(rule: RuleFinding) -> Tree:
    reached = rule.reached is not Reached.NOT_REACHED
    said = Text.assemble(
        (rule.rule, "bold" if reached else "dim"), f"  {'' if reached else 'not reached: '}{rule.reason}"
    )
    tree = Tree(Text.assemble(_MARKS[rule.reached], " ", said), style="" if reached else "dim", guide_style="dim")
    for part in rule.pattern.parts if rule.pattern is not None else ():
        _grow(tree, part)
    return tree


def _grow(tree: Tree, finding: PatternFinding) -> None:
    mark = _MARKS[Reached.MATCHED if finding.matched else Reached.NOT_MATCHED]
    branch = tree.add(Text.assemble(mark, " ", _in_words(finding)))
    for part in finding.parts:
        _grow(branch, part)


def _in_words(finding: PatternFinding) -> str:
    match finding.asking:
        case Asking.TEST:
            return f"wanted {encode(finding.wanted)}"
        case Asking.ALTERNATIVES:
            return f"{finding.place}: one of these"
        case Asking.FIELDS | Asking.FIELD:
            return finding.place if finding.found is None else f"{finding.place} is {finding.found}"


def _show_outcome(console: Console, explained: Explained, index: int, outcome: Outcome) -> None:
    why = explained.explanation
    if explained.visits and why is not None:
        visit = explained.visits[index]
        task = visit.adjustment.task
        console.print(Text.assemble(("interval ", "bold"), f"of {task.app_id} {task.room_id} {task.task_id}"))
        lines = {
            str(step.name): Text.assemble(
                ("" if step.seconds is None else f"{step.seconds:>4} s  ", "cyan"), printable(step.says)
            )
            for step in steps(visit, why)
        }
        console.print(_Indented(_grid(lines)))
    colour = _COLOURS.get(outcome.kind, "bold yellow")
    console.print(Text.assemble(("→ ", "bold"), (f"{outcome.kind}: ", colour), printable(outcome.reason)))
    for change in follows(explained.visits[index]) if explained.visits else ():
        console.print(
            Text(f"  then, if no other event comes: {change.interval} s at {moment(change.at_us)}, ")
            + Text(f"as rule {change.rule} asked (event {printable(change.event_id)})")
        )


def _grid(rows: dict[str, Text]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", min_width=_WIDTH_OF_NAMES)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        grid.add_row(name, value)
    return grid


class _Indented:
    """By two columns, and without the spaces that fill a line to its end: people paste this."""

    def __init__(self, content: RenderableType) -> None:
        self._content = Padding(content, (0, 0, 0, 2))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in console.render_lines(self._content, options):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                last = line.pop()
                line.append(Segment(last.text.rstrip(), last.style))
            yield from line
            yield Segment.line()
