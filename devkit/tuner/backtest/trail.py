"""What happened in every room, event by event, on disk: which rooms are worth a chart is known only at the end."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import Any

from snapshot_tuner.model import Outcome, Signal

_EVENT, _STEP, _REASON = range(3)


@dataclass(slots=True)
class RoomTrail:
    """One room's part. Steps, for each policy: (when, interval, rule, event id, source, whether an event made it).

    `types` and `reasons` are by (event id, source), the reasons for each policy.
    """

    events: list[tuple[float, str, str]] = field(default_factory=list)
    steps: dict[int, list[tuple[float, int, str, str, str, bool]]] = field(default_factory=dict)
    types: dict[tuple[str, str], str] = field(default_factory=dict)
    reasons: dict[tuple[int, str, str], str] = field(default_factory=dict)


class Trail:
    """A temporary file of lines, each of one room. Moments in seconds since the recording began."""

    def __init__(self) -> None:
        self._file = TemporaryFile("w+", encoding="ascii", prefix="tuner-backtest-")  # noqa: SIM115 - closed in close

    def close(self) -> None:
        self._file.close()

    def event(self, room: int, at: float, signal: Signal) -> None:
        """What arrived for the room."""
        self._write(room, _EVENT, at, signal.id, signal.source, signal.type)

    def step(self, room: int, policy: int, at: float, step: tuple[int, str, str, str, bool]) -> None:
        """A call was confirmed that changed something: (interval, rule, event id, source, whether by an event)."""
        self._write(room, _STEP, policy, at, *step)

    def outcome(self, room: int, policy: int, outcome: Outcome) -> None:
        """Why an event asked for what it did."""
        self._write(room, _REASON, policy, outcome.id, outcome.source, outcome.reason)

    def read(self, rooms: Collection[int]) -> dict[int, RoomTrail]:
        """The trails of these rooms, by their numbers."""
        found = {room: RoomTrail() for room in rooms}
        for room, (kind, *rest) in self._lines(found):
            trail = found[room]
            if kind == _EVENT:
                at, id_, source, type_ = rest
                trail.events.append((at, type_, id_))
                trail.types[id_, source] = type_
            elif kind == _STEP:
                policy, at, *step = rest
                trail.steps.setdefault(policy, []).append((at, *step))
            else:
                policy, id_, source, reason = rest
                trail.reasons[policy, id_, source] = reason
        return found

    def _write(self, room: int, *parts: float | str | None) -> None:
        self._file.write(f"{room}\t{_encode(parts)}\n")

    def _lines(self, rooms: Collection[int]) -> Iterator[tuple[int, Any]]:
        self._file.seek(0)
        for line in self._file:
            room, _, parts = line.partition("\t")
            if int(room) in rooms:
                yield int(room), json.loads(parts)


_encode = json.JSONEncoder(separators=(",", ":")).encode
