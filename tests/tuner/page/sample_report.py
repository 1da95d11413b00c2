"""Reports as `tuner backtest --json` prints them, made up from a seed: what the page is tried with."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

START = int(datetime(2026, 3, 1, 22, 0, tzinfo=UTC).timestamp())
BUCKETS = [(1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, 29), (30, 59), (60, 119), (120, 299), (300, 600)]
OUTCOMES = ("applied", "duplicate", "superseded", "unmatched", "held", "deferred", "rejected", "retry")

Rule = Callable[[str, float], tuple[str, int | None, str]]
"""Type and load of an event -> rule, interval (None: no change), reason."""


def new_policy(kind: str, load: float) -> tuple[str, int | None, str]:
    """Rarer under load, with a wide band between the levels."""
    if kind == "moderation.alert":
        return "moderation-alert", 2, "fixed 1 s, clamped to 2 s by bounds.min"
    if load >= 0.8:
        interval = round(10 + (load - 0.8) / 0.2 * 80)
        return "room-load-high", interval, f"data.load {load} -> curve {interval} s"
    if load > 0.55:
        return "dead-band", None, "hold: matched, deliberately no change"
    return "room-load-normal", 5, "fixed 5 s"


def old_policy(kind: str, load: float) -> tuple[str, int | None, str]:
    """The same without a band, and not as rare."""
    if kind == "moderation.alert":
        return "moderation-alert", 2, "fixed 1 s, clamped to 2 s by bounds.min"
    if load >= 0.8:
        interval = round(10 + (load - 0.8) / 0.2 * 50)
        return "room-load-high", interval, f"data.load {load} -> curve {interval} s"
    return "room-load-normal", 5, "fixed 5 s"


@dataclass
class SampleRoom:
    """A room's events, and what each policy makes of them."""

    name: str
    events: list[tuple[float, str, str, float]]
    steps: list[list[dict[str, Any]]] = field(default_factory=list)

    @property
    def span(self) -> tuple[float, float]:
        return self.events[0][0], self.events[-1][0] + 1

    def standing(self, policy: int) -> Iterable[tuple[int, float]]:
        """Each interval with the seconds for which it holds."""
        ends = [step["at"] for step in self.steps[policy]] + [self.span[1]]
        return [
            (step["interval"], end - at) for step, (at, end) in zip(self.steps[policy], pairwise(ends), strict=True)
        ]


def make(
    *, rooms: int = 60, hours: float = 8, against: bool = True, charts: int = 40, name: str = "room-{}"
) -> dict[str, Any]:
    """A report of so many rooms; the first `charts` of those that differ most have a chart."""
    chance = random.Random(7)  # noqa: S311 - a sample, the same one every time
    rules: list[Rule] = [new_policy, old_policy] if against else [new_policy]
    made = [_room(chance, name.format(100 + number), hours, rules) for number in range(rooms)]
    pictures = {id(room): [sum(s / i for i, s in room.standing(p)) for p in range(len(rules))] for room in made}
    made.sort(
        key=lambda room: abs(pictures[id(room)][0] - pictures[id(room)][-1]) if against else -sum(pictures[id(room)])
    )
    made.reverse()
    policies = [_policy(made, number, rule, hours) for number, rule in enumerate(rules)]
    apart = [_apart(room) if against else None for room in made]
    return {
        "version": 1,
        "recording": {
            "file": "events/day.ndjson.gz",
            "events": sum(len(room.events) for room in made),
            "unreadable": [{"line": 17, "reason": "not JSON: Expecting value"}],
            "unreadable_count": 1,
            "first": datetime.fromtimestamp(START, UTC).isoformat().replace("+00:00", "Z"),
            "last": datetime.fromtimestamp(START + hours * 3600, UTC).isoformat().replace("+00:00", "Z"),
            "seconds": hours * 3600,
        },
        "assumptions": {
            "slots_per_second": 145,
            "limit_per_second": 150,
            "batch_size": 100,
            "batch_window_seconds": 1,
            "call_seconds": 0.1,
            "start_interval_seconds": 2,
        },
        "price": {"per_1000_pictures": 0.1, "currency": "CNY"},
        "policies": policies,
        "rooms": [
            {
                "task": _task(room),
                "events": len(room.events),
                "pictures": pictures[id(room)],
                "changes": [len(steps) - 1 for steps in room.steps],
                "mean_interval_seconds": [(room.span[1] - room.span[0]) / taken for taken in pictures[id(room)]],
                "different_share": share,
            }
            for room, share in zip(made, apart, strict=True)
        ],
        "rooms_count": len(made),
        "rooms_different": sum(share > 0 for share in apart if share is not None) if against else None,
        "charts": [
            {
                "task": _task(room),
                "start": room.span[0],
                "end": room.span[1],
                "events": [{"at": at, "type": kind, "id": event} for at, kind, event, _ in room.events],
                "steps": room.steps,
            }
            for room in made[:charts]
        ],
    }


def _task(room: SampleRoom) -> dict[str, str]:
    return {"AppId": "5f3a1c0e9b7d4e2a8c6f0b13", "RoomId": room.name, "TaskId": f"task-{room.name}"}


def _room(chance: random.Random, name: str, hours: float, rules: list[Rule]) -> SampleRoom:
    """A load that wanders, an event every few minutes, an alert now and then."""
    at, load, level = START + chance.uniform(0, hours * 900), 0.5, chance.uniform(0.45, 0.85)
    room = SampleRoom(name, [])
    while at < START + hours * 3600 * chance.uniform(0.85, 1) or not room.events:
        load = round(min(1, max(0, load + (level - load) * 0.3 + chance.gauss(0, 0.1))), 2)
        kind = "moderation.alert" if chance.random() < 0.03 else "rtc.room.load"
        room.events.append((round(at, 3), kind, f"evt-{name}-{len(room.events)}", load))
        at += chance.expovariate(1 / 200)
    for rule in rules:
        steps: list[dict[str, Any]] = [
            {"at": room.span[0], "interval": 2, "rule": None, "event": None, "type": None, "reason": "start interval"}
        ]
        for arrived, kind, event, value in room.events:
            decided, interval, reason = rule(kind, value)
            if interval is not None and interval != steps[-1]["interval"]:
                effect = round(arrived + chance.uniform(0.15, 1.15), 3)
                facts = {"rule": decided, "event": event, "type": kind, "reason": reason}
                steps.append({"at": effect, "interval": interval, **facts})
        steps[-1]["at"] = min(steps[-1]["at"], room.span[1])
        room.steps.append(steps)
    return room


def _apart(room: SampleRoom) -> float:
    """The share of the room's time at which its two intervals are not the same."""
    times = sorted({step["at"] for steps in room.steps for step in steps} | {room.span[1]})
    return sum(
        until - at for at, until in pairwise(times) if len({_interval(steps, at) for steps in room.steps}) > 1
    ) / (room.span[1] - room.span[0])


def _interval(steps: list[dict[str, Any]], at: float) -> int:
    return int([step for step in steps if step["at"] <= at][-1]["interval"])


def _policy(rooms: list[SampleRoom], number: int, rule: Rule, hours: float) -> dict[str, Any]:
    stood = Counter[int]()
    for room in rooms:
        for interval, length in room.standing(number):
            stood[interval] += length  # type: ignore[assignment] # seconds need not be whole
    total = sum(stood.values())
    pictures = sum(length / interval for interval, length in stood.items())
    calls = sorted(step["at"] for room in rooms for step in room.steps[number][1:])
    size = max(1.0, hours * 3600 / 2000)
    most = [0] * (int(hours * 3600 / size) + 2)
    mean = [0.0] * len(most)
    recent: list[float] = []
    for at in calls:
        recent = [*(each for each in recent if each > at - 1), at]
        bucket = int((at - START) / size)
        most[bucket] = max(most[bucket], len(recent))
        mean[bucket] += 1 / size
    decided = Counter(rule(kind, load)[0] for room in rooms for _, kind, _, load in room.events)
    applied = Counter(step["rule"] for room in rooms for step in room.steps[number][1:])
    names = (
        "moderation-alert",
        "room-load-high",
        *(("dead-band",) if rule is new_policy else ()),
        "room-load-normal",
        "never",
    )
    file = ("policies/new.yaml", "layers/policy/policy.yaml")[number]
    return {
        "role": ("new", "old")[number],
        "file": file,
        "sha256": hashlib.sha256(file.encode()).hexdigest(),
        "bounds": {"min": 2, "max": 300},
        "figures": {
            "tasks": len(rooms),
            "task_hours": total / 3600,
            "pictures": pictures,
            "cost": pictures / 10_000,
            "mean_interval_seconds": total / pictures,
            "calls": len(calls),
            "most_calls_in_a_second": max(most),
            "changes": len(calls),
            "changes_per_task_hour": len(calls) / total * 3600,
            "seconds_at_min_share": stood[2] / total,
            "seconds_at_max_share": stood[300] / total,
        },
        "outcomes": {kind: {"applied": len(calls), "held": decided["dead-band"]}.get(kind, 0) for kind in OUTCOMES},
        "rules": [{"rule": each, "events": decided[each], "applied": applied[each]} for each in names],
        "event_to_effect_seconds": {"count": len(calls), "p50": 0.62, "p95": 1.09, "p99": 1.13, "most": 1.149},
        "histogram": [
            {"from": low, "to": high, "task_seconds": sum(stood[each] for each in range(low, high + 1))}
            for low, high in BUCKETS
        ],
        "calls_over_time": {"start": START, "bucket_seconds": size, "most": most, "mean": mean},
    }
