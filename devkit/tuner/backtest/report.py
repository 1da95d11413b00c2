"""The report of a replay, as one JSON document: what `--json` prints and the page shows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from devkit.tuner.backtest.delays import Delays
from devkit.tuner.backtest.replay import ROLES, Replay
from devkit.tuner.backtest.rooms import RoomFigures
from devkit.tuner.backtest.trail import RoomTrail, Trail
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, OutcomeKind, TaskRef

VERSION: Final = 1
ROOMS_MOST: Final = 1000
"""How many rooms are listed one by one."""

CHART_EVENTS_MOST: Final = 5000
"""Events, and steps, of one chart; the first ones."""

_BUCKETS: Final = (1, 2, 3, 5, 10, 20, 30, 60, 120, 300, INTERVAL_MAX_SECONDS + 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line asks for: which rooms get a chart, and what a thousand pictures cost."""

    rooms: int
    named_rooms: Collection[str]
    price: Decimal | None
    currency: str


def report(
    replay: Replay, files: Sequence[str], recording_file: str, choice: Choice, trail: Trail | None
) -> dict[str, Any]:
    """`files` are those of the policies, in their order. There has to be at least one event.

    Without a trail there are no charts.
    """
    recording = replay.recording
    return {
        "version": VERSION,
        "recording": {
            "file": recording_file,
            "events": recording.events,
            "late": recording.late,
            "unreadable": [{"line": each.line, "reason": each.reason} for each in recording.unreadable],
            "unreadable_count": recording.unreadable_count,
            "first": rfc3339.from_microseconds(recording.first_us),
            "last": rfc3339.from_microseconds(recording.last_us),
            "seconds": (recording.last_us - recording.first_us) / 1e6,
        },
        "assumptions": _assumptions(replay),
        "price": None
        if choice.price is None
        else {"per_1000_pictures": float(choice.price), "currency": choice.currency},
        "policies": [_policy(replay, number, file, choice.price) for number, file in enumerate(files)],
        **_rooms(replay, choice, trail),
    }


def _assumptions(replay: Replay) -> dict[str, Any]:
    assumptions = replay.assumptions
    return {
        "slots_per_second": assumptions.slots_per_second,
        "limit_per_second": assumptions.max_qps,
        "batch_size": assumptions.batch_size,
        "batch_window_seconds": assumptions.batch_window,
        "call_seconds": assumptions.call_seconds,
        "start_interval_seconds": assumptions.start_interval,
        "workers": assumptions.queue.workers,
        "visibility_seconds": assumptions.queue.visibility,
        "receives": assumptions.queue.receives,
        "urgent_types": [*assumptions.urgent_types],
    }


def _policy(replay: Replay, number: int, file: str, price: Decimal | None) -> dict[str, Any]:
    run = replay.runs[number]
    policy = run.policy
    start = replay.recording.first_us / 1e6
    most, mean = run.rate.buckets()
    return {
        "role": ROLES[number],
        "file": file,
        "sha256": policy.sha256,
        "bounds": {"min": policy.bounds.min, "max": policy.bounds.max},
        "figures": _figures(replay, number, price),
        "outcomes": {kind.value: run.kinds[kind] for kind in OutcomeKind},
        "rejected": [{"id": id_, "reason": reason} for id_, reason in run.rejected],
        "rules": [
            {"rule": rule.name, "events": run.events_of[rule.name], "applied": run.applied_of[rule.name]}
            for rule in policy.rules
        ],
        "event_to_effect_seconds": _delays(run.delays),
        "urgent_event_to_effect_seconds": _delays(run.urgent_delays),
        "other_event_to_effect_seconds": _delays(run.other_delays),
        "histogram": _histogram(replay.rooms.seconds_at[number]),
        "calls_over_time": {"start": start, "bucket_seconds": run.rate.bucket_seconds, "most": most, "mean": mean},
    }


def _delays(delays: Delays) -> dict[str, float] | None:
    if not delays.count:
        return None
    percentiles = {f"p{percent}": delays.percentile(percent / 100) for percent in (50, 95, 99)}
    return {"count": delays.count, **percentiles, "most": delays.most}


def _figures(replay: Replay, number: int, price: Decimal | None) -> dict[str, float | None]:
    run, rooms = replay.runs[number], replay.rooms.of.values()
    bounds, seconds_at = run.policy.bounds, replay.rooms.seconds_at[number]
    seconds = sum(seconds_at.values())
    pictures = sum(room.sides[number].pictures for room in rooms)
    changes = sum(room.sides[number].changes for room in rooms)
    return {
        "tasks": len(replay.rooms.of),
        "task_hours": seconds / 3600,
        "pictures": pictures,
        "cost": None if price is None else pictures / 1000 * float(price),
        "mean_interval_seconds": _share(sum(at * spent for at, spent in seconds_at.items()), seconds),
        "calls": run.rate.calls,
        "most_calls_in_a_second": run.rate.most_in_a_second,
        "changes": changes,
        "changes_per_task_hour": _share(changes * 3600, seconds),
        "seconds_at_min_share": _share(sum(spent for at, spent in seconds_at.items() if at <= bounds.min), seconds),
        "seconds_at_max_share": _share(sum(spent for at, spent in seconds_at.items() if at >= bounds.max), seconds),
        "dead_letters": run.dead_letters,
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _histogram(seconds_at: Mapping[int, float]) -> list[dict[str, float]]:
    return [
        {
            "from": low,
            "to": high - 1,
            "task_seconds": sum(spent for at, spent in seconds_at.items() if low <= at < high),
        }
        for low, high in pairwise(_BUCKETS)
    ]


def _rooms(replay: Replay, choice: Choice, trail: Trail | None) -> dict[str, Any]:
    """By how much the policies differ over them; of one policy, by their pictures."""
    two = len(replay.policies) > 1
    ordered = sorted(replay.rooms.of.items(), key=lambda each: (-abs(each[1].difference), each[0]))
    lively = sorted(replay.rooms.of.items(), key=lambda each: _liveliness(each[1], two=two), reverse=True)
    charted = dict(each for each in ordered if each[0].room_id in choice.named_rooms)
    charted.update(lively[: choice.rooms])
    trails = trail.read({room.number for room in charted.values()}) if trail is not None else {}
    return {
        "rooms": [_room(task, room, two=two) for task, room in ordered[:ROOMS_MOST]],
        "rooms_count": len(ordered),
        "rooms_different": sum(room.different_seconds > 0 for _, room in ordered) if two else None,
        "charts": [_chart(replay, task, room, trails[room.number]) for task, room in charted.items() if trails],
    }


def _liveliness(room: RoomFigures, *, two: bool) -> tuple[float, int]:
    """What makes a chart worth looking at: changes, and a difference where there are two policies."""
    changes = sum(side.changes for side in room.sides)
    return (abs(room.difference) * changes, changes) if two else (float(changes), room.events)


def _room(task: TaskRef, room: RoomFigures, *, two: bool) -> dict[str, Any]:
    return {
        "task": _names(task),
        "events": room.events,
        "pictures": [side.pictures for side in room.sides],
        "changes": [side.changes for side in room.sides],
        "mean_interval_seconds": [room.mean_interval(number) for number in range(len(room.sides))],
        "different_share": _share(room.different_seconds, room.seconds) if two else None,
    }


def _chart(replay: Replay, task: TaskRef, room: RoomFigures, trail: RoomTrail) -> dict[str, Any]:
    start = replay.recording.first_us / 1e6
    steps = [_steps(replay, number, room, trail) for number in range(len(room.sides))]
    charted = [each[:CHART_EVENTS_MOST] for each in steps]
    left_out = max(0, len(trail.events) - CHART_EVENTS_MOST) + sum(map(len, steps)) - sum(map(len, charted))
    return {
        "task": _names(task),
        "start": start + room.first,
        "end": max([start + room.last, *(each[-1]["at"] for each in charted)]),
        "events": [{"at": start + at, "type": type_, "id": id_} for at, type_, id_ in trail.events[:CHART_EVENTS_MOST]],
        "steps": charted,
        "left_out": left_out,
    }


def _steps(replay: Replay, number: int, room: RoomFigures, trail: RoomTrail) -> list[dict[str, Any]]:
    start, start_interval = replay.recording.first_us / 1e6, replay.assumptions.start_interval
    first = {"at": start + room.first, "interval": start_interval, "rule": None, "event": None, "type": None}
    steps: list[dict[str, Any]] = [{**first, "reason": "before the first call"}]
    for at, interval, rule, id_, source, by_event in trail.steps.get(number, []):
        reason = trail.reasons.get((number, id_, source), "")
        steps.append(
            {
                "at": start + at,
                "interval": interval,
                "rule": rule,
                "event": id_,
                "type": trail.types.get((id_, source)),
                "reason": reason if by_event else f"now due: {reason}",
            }
        )
    return steps


def _names(task: TaskRef) -> dict[str, str]:
    return {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id}
