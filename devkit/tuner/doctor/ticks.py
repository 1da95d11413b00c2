"""What was tried, and how it went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

from devkit.terminal import printable


@dataclass(frozen=True, slots=True)
class Tick:
    """`ok` is None for what could not be tried."""

    name: str
    ok: bool | None
    says: str
    advice: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        fields = {"check": self.name, "ok": self.ok, "says": self.says, **self.facts}
        return fields if self.advice is None else {**fields, "do": self.advice}


_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("-", "yellow")}


def show(ticks: Sequence[Tick], to: Console) -> None:
    for tick in ticks:
        mark, style = _MARKS[tick.ok]
        to.print(Text(f"{mark} {tick.name:9}", style), Text(printable(tick.says)), soft_wrap=True)
        if tick.advice is not None:
            to.print(Text(f"            do: {printable(tick.advice)}", "bold"), soft_wrap=True)
