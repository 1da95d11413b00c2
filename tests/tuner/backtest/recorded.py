"""Recordings and policies for the tests of a backtest."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from devkit.tuner.backtest.assumptions import Assumptions
from devkit.tuner.backtest.replay import Replay
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.policy.engine import Policy

START = "2026-03-01T00:00:00Z"
START_US = rfc3339.to_microseconds(START)


def at(seconds: float) -> str:
    """RFC 3339, so many seconds after START."""
    text = rfc3339.from_microseconds(START_US + round(seconds * 1e6))
    assert text is not None
    return text


def event(name: str, seconds: float, room: str, kind: str = "load", **data: object) -> dict[str, Any]:
    """A CloudEvent."""
    names = {"AppId": "app", "RoomId": room, "TaskId": "task"}
    return {
        "specversion": "1.0",
        "id": name,
        "source": "/test",
        "type": kind,
        "time": at(seconds),
        "data": {**names, **data},
    }


def again(earlier: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The same event, delivered once more."""
    return {"received": at(seconds), "event": earlier}


def write(folder: Path, lines: Iterable[object]) -> Path:
    path = folder / "events.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@cache
def _policy(text: str) -> Policy:
    return Policy.parse(text, "policy.yaml")


def replayed(path: Path, policies: Sequence[str], assumptions: Assumptions | None = None) -> Replay:
    replay = Replay([_policy(text) for text in policies], assumptions or Assumptions())
    replay.run(path)
    return replay
