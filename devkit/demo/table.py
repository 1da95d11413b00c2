"""The demo's screen, 80 columns wide: rows as they come, and below them the progress."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from devkit.demo.observer import Seen
from devkit.demo.sample_events import Source, short_id

_COLUMNS = {"event": 11, "source": 6, "rule": 16, "interval": 8, "outcome": 10, "call": 11, "answer": 10}
_SOURCES = {Source.QUEUE: "queue", Source.HTTP: "HTTP", Source.BUS: "bus"}
_STYLES = {
    "applied": "green",
    "duplicate": "cyan",
    "superseded": "cyan",
    "unmatched": "dim",
    "held": "dim",
    "deferred": "dim",
    "rejected": "red",
    "retry": "yellow",
}
_UNSETTLED = ("rejected", "retry")


class Screen:
    """Printed to stdout, as plain text if that is not a terminal."""

    def __init__(self, steps: int) -> None:
        self._console = Console(highlight=False)
        self._progress = Progress(
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TextColumn("messages"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("", total=steps)

    def __enter__(self) -> Self:
        self._progress.start()
        self._print_cells([*_COLUMNS], "bold")
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, messages: int) -> None:
        self._progress.advance(self._task, messages)

    def stage(self, title: str) -> None:
        self._console.print(Text(f"\n{title}", "italic"))

    def row(self, source: Source, seen: Seen, answer: str, *, explained: bool) -> None:
        """One event and task; `explained` adds the reason to an outcome that did not settle it."""
        event = short_id(seen.event_id or "(no id)")
        interval = "-" if seen.interval is None else f"{seen.interval} s"
        cells = [event, _SOURCES[source], seen.rule or "-", interval, seen.outcome, _call(seen.status), answer]
        self._print_cells(cells, _STYLES[seen.outcome])
        if explained and seen.outcome in _UNSETTLED:
            self._console.print(Text(f"  {seen.reason}", "dim"), no_wrap=True, overflow="crop")

    def line(self, text: str = "", style: str = "") -> None:
        self._console.print(Text(text, style))

    def _print_cells(self, cells: Sequence[str], style: str) -> None:
        grid = Table.grid(padding=(0, 1, 0, 0))
        for name, width in _COLUMNS.items():
            grid.add_column(
                width=width, justify="right" if name == "interval" else "left", no_wrap=True, overflow="crop"
            )
        grid.add_row(*(Text(cell, style) for cell in cells))
        self._console.print(grid)


def _call(status: int | None) -> str:
    match status:
        case None:
            return "-"
        case 200:
            return "200 ok"
        case _:
            return f"{status} refused"
