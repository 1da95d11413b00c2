"""A function's log as lines for a terminal: one per outcome, and whatever went wrong as it is."""

import json
from collections.abc import Mapping
from datetime import datetime

from devkit.terminal import printable
from snapshot_tuner.model import OutcomeKind
from snapshot_tuner.tuning.tuner import LOG_NAMES

_KIND_OF_MESSAGE = {message: kind for kind, message in LOG_NAMES.items()}


def line_for(function: str, text: str, now: datetime) -> str | None:
    """What to show for a line of the function's log, safe for a terminal; None for the runtime's own accounting."""
    description = _describe(text)
    return None if description is None else f"{now:%H:%M:%S}  {function:13}  {printable(description)}"


def _describe(text: str) -> str | None:
    try:
        entry = json.loads(text)
    except ValueError:
        return text if text.startswith("[ERROR]") else None
    if not isinstance(entry, dict):
        return None
    kind = _KIND_OF_MESSAGE.get(entry.get("message", ""))
    if kind is not None:
        return _outcome(kind, entry)
    if entry.get("level") in ("WARNING", "ERROR", "CRITICAL"):
        return text
    return None


def _outcome(kind: OutcomeKind, entry: Mapping[str, object]) -> str:
    task = "/".join(str(entry[key]) for key in ("app_id", "room_id", "task_id") if key in entry)
    interval = f"{entry['interval']} s" if "interval" in entry else ""
    columns = (
        f"{kind:10}",
        f"{entry.get('event_id', '-')}",
        task,
        entry.get("rule", ""),
        interval,
        entry.get("reason"),
    )
    return "  ".join(str(column) for column in columns if column)
