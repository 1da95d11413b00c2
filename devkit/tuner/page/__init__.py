"""The page of `tuner backtest --html FILE`: one file with everything in it that asks nothing of the network."""

import base64
import hashlib
import json
from pathlib import Path
from string import Template
from typing import Any

_HERE = Path(__file__).parent
_VENDOR = _HERE / "vendor"
_SCRIPTS = ("text", "story", "plot", "room_plot", "calls_plot", "happenings", "chooser", "tables", "page")
"""The parts of the page's own script, in the order in which they build on each other."""


def write(report: dict[str, Any], path: Path) -> None:
    """Write the report of a backtest as a page; an older file of that name is replaced.

    The report is the document of `tuner backtest --json`. One policy or two; no charts, no price and percentiles that
    are null are shown as what they are. Raises OSError where the file cannot be written.
    """
    path.write_text(_document(report), encoding="utf-8")


def _document(report: dict[str, Any]) -> str:
    style = _read(_VENDOR / "uPlot.min.css") + _read(_HERE / "page.css")
    # The licence asks to be part of every copy.
    library = f"/*\n{_read(_VENDOR / 'LICENSE')}*/\n" + _read(_VENDOR / "uPlot.iife.min.js")
    script = "\n".join(_read(_HERE / "scripts" / f"{name}.js") for name in _SCRIPTS)
    return Template(_read(_HERE / "page.html")).substitute(
        policy=f"default-src 'none'; script-src {_hash(library)} {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        style=style,
        library=library,
        script=script,
        report=_data(report),
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What the browser compares before it runs `text`: what anybody else smuggles in has no such hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(report: dict[str, Any]) -> str:
    """JSON that cannot close the element it is in, whatever a room is called. Decimals become the nearest double."""
    return json.dumps(report, default=float, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
