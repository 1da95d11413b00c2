"""The command line of `tuner backtest`."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from decimal import Decimal, InvalidOperation
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from devkit.tuner.backtest import table
from devkit.tuner.backtest.assumptions import Assumptions
from devkit.tuner.backtest.replay import Replay
from devkit.tuner.backtest.report import Choice, report
from devkit.tuner.backtest.trail import Trail
from devkit.tuner.exits import CommandFailed, Exit
from devkit.tuner.output import console, print_json, progress_console
from devkit.tuner.policies import load
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS
from snapshot_tuner.rtc.calls import CALL_SECONDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `tuner backtest`."""
    default = Assumptions()
    add = parser.add_argument
    add("policy", type=Path, metavar="POLICY", help="the policy to try")
    add(
        "events",
        type=Path,
        metavar="EVENTS",
        help="recorded events as NDJSON, compressed if the file is named .gz (`tuner record` makes them)",
    )
    add("--against", type=Path, metavar="OLD", help="another policy to compare with, over the same events")
    add("--html", type=Path, metavar="FILE", help="write a page with charts: one file that needs no network")
    add("--decisions", type=Path, metavar="FILE", help="write every outcome under POLICY, one JSON object a line")
    add(
        "--rooms",
        type=_whole(0, 1000),
        default=40,
        metavar="N",
        help="how many rooms get a chart: those that differ, or change, most",
    )
    add("--room", action="append", default=[], metavar="ROOM", help="a room that gets a chart; may be repeated")
    add("--price", type=_amount(1_000_000), metavar="N", help="what 1,000 pictures cost")
    add("--currency", default="CNY", metavar="NAME", help="the currency of the price (%(default)s)")
    surroundings = parser.add_argument_group("assumptions")
    add = surroundings.add_argument
    add(
        "--start-interval",
        type=_whole(INTERVAL_MIN_SECONDS, INTERVAL_MAX_SECONDS),
        default=default.start_interval,
        metavar="SECONDS",
        help="the interval of a task before its first call (%(default)s: UpdateSnapshot's default)",
    )
    add(
        "--batch-size",
        type=_whole(1, 10_000),
        default=default.batch_size,
        metavar="N",
        help="events in a batch (%(default)s)",
    )
    add(
        "--batch-window",
        type=_amount(300),
        default=default.batch_window,
        metavar="SECONDS",
        help="how long a batch waits for more events (%(default)s)",
    )
    add(
        "--urgent-types",
        type=lambda text: tuple(filter(None, map(str.strip, text.split(",")))),
        default=default.urgent_types,
        metavar="TYPES",
        help=f"UrgentTypes, comma-separated: they come through the urgent queue ({','.join(default.urgent_types)})",
    )
    add(
        "--call-seconds",
        type=_amount(round(CALL_SECONDS) - 1),
        default=default.call_seconds,
        metavar="SECONDS",
        help="how long a call takes (%(default)s)",
    )
    add(
        "--max-qps",
        type=_whole(1, 1_000_000),
        default=default.max_qps,
        metavar="N",
        help="RTC_MAX_QPS, the account's calls per second; 29/30 of it are used (%(default)s)",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Raises CommandFailed."""
    files = [arguments.policy] + ([arguments.against] if arguments.against else [])
    policies = [load(file) for file in files]
    assumptions = Assumptions(
        max_qps=arguments.max_qps,
        batch_size=arguments.batch_size,
        batch_window=float(arguments.batch_window),
        call_seconds=float(arguments.call_seconds),
        start_interval=arguments.start_interval,
        urgent_types=arguments.urgent_types,
    )
    replay = Replay(policies, assumptions)
    choice = Choice(arguments.rooms, arguments.room, arguments.price, arguments.currency)
    with ExitStack() as opened:
        trail = opened.enter_context(closing(Trail())) if arguments.html or arguments.json else None
        decisions = arguments.decisions and opened.enter_context(arguments.decisions.open("w", encoding="utf-8"))
        with _progress(arguments.events) as on_progress:
            replay.run(arguments.events, on_progress=on_progress, trail=trail, decisions=decisions)
        _check(replay, arguments)
        made = report(replay, [str(file) for file in files], str(arguments.events), choice, trail)
    if arguments.html:
        _write_page(made, arguments.html)
    if arguments.json:
        print_json(made)
    else:
        table.show(made, console())
    return Exit.FINE if all(map(table.matched_any, made["policies"])) else Exit.SUSPICIOUS


def _check(replay: Replay, arguments: argparse.Namespace) -> None:
    recording = replay.recording
    if not recording.events:
        why = "".join(f"; line {each.line}: {each.reason}" for each in recording.unreadable[:1])
        raise CommandFailed(
            Exit.USAGE,
            f"{arguments.events}: no event in it{why}",
            unreadable=[{"line": each.line, "reason": each.reason} for each in recording.unreadable],
        )
    there = {task.room_id for task in replay.rooms.of}
    if missing := [room for room in arguments.room if room not in there]:
        raise CommandFailed(Exit.USAGE, f"--room {missing[0]}: no event in {arguments.events} is about it")


def _write_page(made: dict[str, Any], path: Path) -> None:
    page = import_module("devkit.tuner.page")  # here, as a backtest without a page needs nothing of it
    try:
        page.write(made, path)
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{path}: {error.strerror}") from None


@contextmanager
def _progress(path: Path) -> Iterator[Callable[[int], None] | None]:
    """A bar over the bytes of the file, on a terminal only; what is yielded is called with how many have been read."""
    screen = progress_console()
    if not screen.is_terminal:
        yield None
        return
    columns = (TextColumn(path.name, markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("", total=path.stat().st_size)
        yield lambda read: bar.update(task, completed=read)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low:,} to {high:,}")
        return int(text)

    return read


def _amount(high: int) -> Callable[[str], Decimal]:
    def read(text: str) -> Decimal:
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal(-1)
        if not number.is_finite() or not 0 <= number <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {high:,}")
        return number

    return read
