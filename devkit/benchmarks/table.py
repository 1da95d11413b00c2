"""The table that a run ends with, in Markdown, so that the documentation can hold it as it is."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `peer` and `floor` are empty if there is nothing to compare with. `ratio` is ours over the peer."""

    figure: str
    ours: str
    peer: str = ""
    ratio: str = ""
    floor: str = ""
    target: str = ""
    met: bool | None = None


_HEAD = ("figure", "here", "usual handler", "ratio", "floor", "target", "met")
NOTHING = "\N{EN DASH}"


def lines(rows: Iterable[Row]) -> list[str]:
    """Columns as wide as what they hold."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    head, *body = [_line(row, widths) for row in cells]
    return [head, _line(["-" * width for width in widths], widths), *body]


def machine(python: str) -> str:
    """What it was measured on, and how busy that was."""
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {python}, load average {load}"


def _cells(row: Row) -> tuple[str, ...]:
    met = {None: "", True: "yes", False: "no"}[row.met]
    return tuple(each or NOTHING for each in (row.figure, row.ours, row.peer, row.ratio, row.floor, row.target, met))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(f'{cell:{width}}' for cell, width in zip(cells, widths, strict=True))} |"
