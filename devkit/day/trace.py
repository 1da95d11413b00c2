"""What arrives for the rooms, and when: callbacks, load reports and alerts; some twice, some late."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from devkit.day.deterministic_random import DeterministicRandom
from devkit.day.rooms import DAY, HOUR, MINUTE, SECOND, Room, RoomKind, rooms
from snapshot_tuner.model import Json

APP_ID: Final = "5f3a1c0e9b7d4e2a8c6f0b13"
BEGINS_MS: Final = 1_772_726_400_000
"""2026-03-05T16:00:00Z: Friday 6 March 2026, 00:00 in Shanghai."""

LOAD, ALERT, JOIN, LEAVE = "rtc.room.load", "moderation.alert", "rtc.UserJoinRoom", "rtc.UserLeaveRoom"

SAMPLE_EVERY: Final = 30 * SECOND
REPORT_CHANGE: Final = Decimal("0.05")
REPORT_EVERY: Final = 5 * MINUTE

LATE_PER_MILLE: Final = 12
TWICE_PER_MILLE: Final = 15
NO_TASK_YET_PER_MILLE: Final = 40
RISKY_PER_MILLE: Final = 70
"""Of the live and chat rooms."""

SILENT_FROM: Final = 20 * HOUR + 40 * MINUTE
SILENT_UNTIL: Final = SILENT_FROM + 5 * MINUTE
BACKLOG: Final = 3 * SECOND
"""How long the monitor cannot send; then it sends what it has kept, within seconds."""

_LABELS: Final = ("nudity", "violence", "smoking", "weapon")
_DEVICES: Final = ("android", "ios", "web", "windows", "mac")
_FULL: Final = Decimal("1.00")
_HUNDREDTH: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class DayEvent:
    """An event, when it happened and when it arrived, both in milliseconds since the day began."""

    received: int
    at: int
    id: str
    source: str
    type: str
    data: dict[str, Json]


def day(count: int, random: DeterministicRandom) -> list[DayEvent]:
    """What arrives within 24 hours for `count` rooms, in the order of arrival."""
    happened = (event for room in rooms(count, random) for event in _room_events(room, random))
    arrived = (each for event in happened for each in _deliveries(event, random))
    within = [each for each in arrived if each.received < DAY]
    return sorted(within, key=lambda each: (each.received, each.id))


def _room_events(room: Room, random: DeterministicRandom) -> Iterator[DayEvent]:
    yield from _callbacks(room, random)
    yield from _loads(room, random)
    if room.kind in (RoomKind.LIVE, RoomKind.CHAT) and random.chance(RISKY_PER_MILLE):
        yield from _alerts(room, random)


def _callbacks(room: Room, random: DeterministicRandom) -> Iterator[DayEvent]:
    """Whole seconds, as the service has them."""
    for number, stay in enumerate(room.stays, start=1):
        data: dict[str, Json] = {"AppId": APP_ID, "RoomId": room.name, "UserId": stay.user}
        device = random.choice(_DEVICES)
        for type_, moment, more in (
            (JOIN, stay.joins, {"DeviceType": device}),
            (LEAVE, stay.leaves, {"Reason": "connectionLost" if random.chance(60) else "userLeave"}),
        ):
            at = moment - moment % SECOND
            timestamp: dict[str, Json] = {"Timestamp": BEGINS_MS + at}
            id_ = f"{'join' if type_ == JOIN else 'leave'}-{room.name}-{number}"
            received = at + random.between(150, 1200)
            yield DayEvent(received, at, id_, f"rtc:{APP_ID}", type_, data | more | timestamp)


def _loads(room: Room, random: DeterministicRandom) -> Iterator[DayEvent]:
    """The share of the places that is taken, and what their cameras make of it: the monitor looks every 30 s."""
    last: tuple[int, Decimal] | None = None
    busy, number = 0, 0
    no_task_yet = random.chance(NO_TASK_YET_PER_MILLE)
    for at in range(room.opens + random.between(2 * SECOND, 20 * SECOND), room.closes, SAMPLE_EVERY):
        busy = busy * 7 // 8 + random.between(-16, 16)  # thousandths; it swings by about 0.02
        people = sum(stay.joins <= at < stay.leaves for stay in room.stays)
        load = Decimal(max(20, people * 950 // room.capacity + busy)) / 1000
        load = min(_FULL, load.quantize(_HUNDREDTH))
        if last is not None and abs(load - last[1]) < REPORT_CHANGE and at - last[0] < REPORT_EVERY:
            continue
        last = at, load
        number += 1
        data: dict[str, Json] = {"AppId": APP_ID, "RoomId": room.name}
        if number > 1 or not no_task_yet:
            data["TaskId"] = room.tasks[0] if len(room.tasks) == 1 else list(room.tasks)
        received = at + random.between(40, 700)
        if SILENT_FROM <= at < SILENT_UNTIL:
            received = SILENT_UNTIL + random.below(BACKLOG)
        data |= {"load": load, "participants": people}
        yield DayEvent(received, at, f"load-{room.name}-{number}", "/monitor/rtc", LOAD, data)


def _alerts(room: Room, random: DeterministicRandom) -> Iterator[DayEvent]:
    """In clusters: where something is seen once, it is seen again within a minute or two."""
    number = 0
    for _ in range(random.between(1, 3)):
        at = random.between(room.opens, room.closes)
        label = random.choice(_LABELS)
        for _ in range(random.between(2, 9)):
            if at < room.closes:
                number += 1
                data: dict[str, Json] = {
                    "AppId": APP_ID,
                    "RoomId": room.name,
                    "TaskId": room.tasks[0],
                    "label": label,
                    "confidence": Decimal(random.between(550, 999)).scaleb(-3),
                }
                received = at + random.between(300, 2500)
                yield DayEvent(received, at, f"alert-{room.name}-{number}", "/moderation", ALERT, data)
            at += random.between(6 * SECOND, 90 * SECOND)


def _deliveries(event: DayEvent, random: DeterministicRandom) -> Iterable[DayEvent]:
    """As queues and webhooks bring it: mostly once and soon."""
    if random.chance(LATE_PER_MILLE):
        event = replace(event, received=event.received + random.between(5 * SECOND, random.heavy(20, 300) * SECOND))
    yield event
    if random.chance(TWICE_PER_MILLE):
        yield replace(event, received=event.received + random.between(SECOND, 20 * SECOND))
