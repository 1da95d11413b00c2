"""The report for people: tables, new and old side by side, and what to be warned of."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

ROOMS_SHOWN: Final = 10
REASONS_SHOWN: Final = 3

_Report: TypeAlias = dict[str, Any]


def show(report: _Report, console: Console) -> None:
    """Prints all of it."""
    recording = report["recording"]
    console.print(
        Text(
            f"{recording['file']}: {recording['events']:,} events of {report['rooms_count']:,} tasks in "
            f"{_duration(recording['seconds'])}, from {recording['first']} to {recording['last']}"
        ),
        soft_wrap=True,
    )
    for part in _tables(report):
        console.print(part)
    console.print(_limit(report))
    for warning in warnings(report):
        console.print(Text(f"warning: {warning}", style="yellow"), soft_wrap=True)


def matched_any(policy: _Report) -> bool:
    """Whether a rule of the policy matched an event."""
    return any(rule["events"] for rule in policy["rules"])


def warnings(report: _Report) -> list[str]:
    """What an operator should look into."""
    recording, found = report["recording"], []
    if count := recording["unreadable_count"]:
        first = recording["unreadable"][0]
        found.append(f"{count:,} lines could not be read; the first, line {first['line']}: {first['reason']}")
    if late := recording["late"]:
        found.append(f"{late:,} events are too far out of order and were taken to arrive late: sort the file")
    for policy in report["policies"]:
        under = f"{policy['role']}: " if len(report["policies"]) > 1 else ""
        if not matched_any(policy):
            found.append(
                f"{under}no event matches any rule of {policy['file']}: "
                "`tuner explain` says why an event does not match, `tuner check --events` which paths find nothing"
            )
        if count := policy["outcomes"]["rejected"]:
            reasons = dict.fromkeys(f"{each['id']}: {each['reason']}" for each in policy["rejected"])
            examples = "; ".join(list(reasons)[:REASONS_SHOWN])
            found.append(f"{under}{count:,} events rejected, such as {examples}")
        if count := policy["outcomes"]["retry"]:
            dead = policy["figures"]["dead_letters"] - policy["outcomes"]["rejected"]
            found.append(
                f"{under}too many calls: {count:,} deliveries had to be repeated, {max(0, dead):,} of them in vain"
            )
        slots = report["assumptions"]["slots_per_second"]
        if policy["figures"]["most_calls_in_a_second"] >= slots:
            found.append(f"{under}the limit was reached; events waited for their calls")
    return found


def _tables(report: _Report) -> Iterator[RenderableType]:
    yield _figures(report)
    for policy in report["policies"]:
        yield _rules(policy)
    if len(report["policies"]) > 1:
        yield _different(report)


_ROWS: Final[tuple[tuple[str, Callable[[_Report], Any], str], ...]] = (
    ("pictures", lambda policy: policy["figures"]["pictures"], ",.0f"),
    ("cost", lambda policy: policy["figures"]["cost"], ",.2f"),
    ("mean interval, s", lambda policy: policy["figures"]["mean_interval_seconds"], ",.2f"),
    ("calls", lambda policy: policy["figures"]["calls"], ",.0f"),
    ("most calls in a second", lambda policy: policy["figures"]["most_calls_in_a_second"], ",.0f"),
    ("changes per task-hour", lambda policy: policy["figures"]["changes_per_task_hour"], ",.2f"),
    ("time at the lower bound, %", lambda policy: policy["figures"]["seconds_at_min_share"] * 100, ",.1f"),
    ("time at the upper bound, %", lambda policy: policy["figures"]["seconds_at_max_share"] * 100, ",.1f"),
    ("event to effect, median, s", lambda policy: _delay(policy, "p50"), ",.3f"),
    ("event to effect, 99 %, s", lambda policy: _delay(policy, "p99"), ",.3f"),
    ("event to effect, longest, s", lambda policy: _delay(policy, "most"), ",.3f"),
    ("urgent, median, s", lambda policy: _delay(policy, "p50", "urgent"), ",.3f"),
    ("urgent, 99 %, s", lambda policy: _delay(policy, "p99", "urgent"), ",.3f"),
    ("the rest, median, s", lambda policy: _delay(policy, "p50", "other"), ",.3f"),
    ("the rest, 99 %, s", lambda policy: _delay(policy, "p99", "other"), ",.3f"),
)


def _figures(report: _Report) -> Table:
    policies = report["policies"]
    table = Table()
    table.add_column("")
    for policy in policies:
        table.add_column(
            f"{policy['role']}: {policy['file']}" if len(policies) > 1 else policy["file"], justify="right"
        )
    if len(policies) > 1:
        table.add_column("difference", justify="right")
    for name, value, form in _ROWS:
        values = [value(policy) for policy in policies]
        if all(each is None for each in values):
            continue
        cells = ["-" if each is None else format(each, form) for each in values]
        unit = f", {report['price']['currency']}" if name == "cost" else ""
        table.add_row(name + unit, *cells, *([_difference(values, form)] if len(values) > 1 else []))
    for kind in policies[0]["outcomes"]:
        counts = [policy["outcomes"][kind] for policy in policies]
        if any(counts):
            cells = [f"{count:,}" for count in counts]
            table.add_row(f"outcomes: {kind}", *cells, *([_difference(counts, ",.0f")] if len(counts) > 1 else []))
    return table


def _difference(values: list[float | None], form: str) -> str:
    new, old = values
    if new is None or old is None:
        return ""
    text = format(new - old, f"+{form}")
    return f"{text} ({(new - old) / old:+.1%})" if old else text


def _delay(policy: _Report, name: str, of: str | None = None) -> float | None:
    """None if there is none, or nothing urgent to separate."""
    if of is not None and policy["urgent_event_to_effect_seconds"] is None:
        return None
    delays = policy["event_to_effect_seconds" if of is None else f"{of}_event_to_effect_seconds"]
    return None if delays is None else delays[name]


def _rules(policy: _Report) -> Table:
    table = Table("rule", title=f"rules of {policy['file']}", title_justify="left")
    table.add_column("events", justify="right")
    table.add_column("applied", justify="right")
    for rule in policy["rules"]:
        table.add_row(Text(rule["rule"]), f"{rule['events']:,}", f"{rule['applied']:,}")
    return table


def _different(report: _Report) -> Table:
    title = f"{report['rooms_different']:,} of {report['rooms_count']:,} tasks differ; by pictures, the first are"
    table = Table("room", "task", title=title, title_justify="left")
    for name in ("new", "old", "difference", "time that differs, %"):
        table.add_column(name, justify="right")
    for room in report["rooms"][:ROOMS_SHOWN]:
        new, old = room["pictures"]
        if room["different_share"]:
            names = [Text(room["task"][name]) for name in ("RoomId", "TaskId")]
            share = f"{room['different_share'] * 100:.1f}"
            table.add_row(*names, f"{new:,.0f}", f"{old:,.0f}", _difference([new, old], ",.0f"), share)
    return table


def _limit(report: _Report) -> Text:
    most = max(policy["figures"]["most_calls_in_a_second"] for policy in report["policies"])
    limit = report["assumptions"]["limit_per_second"]
    slots = report["assumptions"]["slots_per_second"]
    reached = most >= slots
    return Text(
        f"most calls in any second: {most:,} of {limit:g} ({slots:g} slots per second are handed out)",
        style="bold yellow" if reached else "bold",
    )


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
