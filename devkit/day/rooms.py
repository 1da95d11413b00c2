"""Who is in which room when: lessons and meetings by day, live shows and chats with their peak in the evening.

Times are milliseconds since the day began, at 00:00 local time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final

from devkit.day.deterministic_random import DeterministicRandom

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_CAPACITIES: Final = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""A room is booked in one of these sizes."""

_BOOKED_PERCENT: Final = (85, 150)
"""Of the places that are needed at most: some rooms are booked too small, and get full."""


class RoomKind(StrEnum):
    """What a room is for."""

    LESSON = auto()
    MEETING = auto()
    LIVE = auto()
    CHAT = auto()


_SHARES: Final = {RoomKind.LESSON: 20, RoomKind.MEETING: 24, RoomKind.LIVE: 26, RoomKind.CHAT: 30}

# How many rooms of a kind open in each hour of the day, relative to its other hours.
_OPENINGS: Final = {
    RoomKind.LESSON: (0, 0, 0, 0, 0, 0, 0, 2, 9, 9, 8, 4, 1, 4, 8, 8, 6, 3, 5, 9, 6, 0, 0, 0),
    RoomKind.MEETING: (0, 0, 0, 0, 0, 0, 0, 1, 4, 10, 9, 6, 1, 5, 10, 9, 7, 5, 3, 2, 1, 0, 0, 0),
    RoomKind.LIVE: (4, 2, 1, 1, 0, 0, 0, 1, 1, 2, 3, 4, 6, 4, 3, 3, 4, 6, 10, 18, 24, 22, 13, 6),
    RoomKind.CHAT: (7, 4, 3, 2, 1, 1, 1, 2, 3, 3, 3, 4, 6, 5, 4, 4, 5, 7, 9, 12, 15, 16, 13, 9),
}


@dataclass(frozen=True, slots=True)
class Stay:
    """One person in a room."""

    user: str
    joins: int
    leaves: int


@dataclass(frozen=True, slots=True)
class Room:
    """A room from its first person to its last; `stays` by the time of joining."""

    name: str
    kind: RoomKind
    tasks: tuple[str, ...]
    capacity: int
    stays: tuple[Stay, ...]

    @property
    def opens(self) -> int:
        return self.stays[0].joins

    @property
    def closes(self) -> int:
        return max(stay.leaves for stay in self.stays)


def rooms(count: int, random: DeterministicRandom) -> list[Room]:
    """`count` rooms that open within the day; the last ones go on beyond it."""
    kinds = tuple(_SHARES)
    made = []
    for number in range(1, count + 1):
        kind = kinds[random.weighted(tuple(_SHARES.values()))]
        opens = random.weighted(_OPENINGS[kind]) * HOUR + random.below(HOUR)
        stays = _STAYS[kind](opens, random)
        two = kind is RoomKind.LIVE and random.chance(100)
        made.append(
            Room(
                f"{kind}-{number:03}",
                kind,
                ("stage", "guests") if two else ("main",),
                _capacity(_most_at_once(stays), random),
                tuple(sorted(stays, key=lambda stay: (stay.joins, stay.user))),
            )
        )
    return made


def _lesson(opens: int, random: DeterministicRandom) -> list[Stay]:
    """The teacher first; the class within minutes of the beginning, and away soon after the end."""
    opens -= opens % (15 * MINUTE)
    ends = opens + random.choice((40, 45, 60, 90)) * MINUTE
    stays = [Stay("teacher", max(0, opens - random.between(20, 300) * SECOND), ends + random.between(20, 400) * SECOND)]
    for number in range(1, random.between(6, 36) + 1):
        joins = opens + random.between(-60, 60) * SECOND + random.below(random.heavy(90, 1200) * SECOND)
        joins = max(stays[0].joins + SECOND, joins)
        stays.append(Stay(f"pupil-{number:02}", joins, ends + random.below(random.heavy(30, 240) * SECOND)))
    return stays


def _meeting(opens: int, random: DeterministicRandom) -> list[Stay]:
    """On the half hour; some come late, some leave before the others."""
    opens -= opens % (30 * MINUTE)
    ends = opens + random.choice((15, 25, 30, 45, 60, 60, 90)) * MINUTE + random.between(-180, 420) * SECOND
    stays = []
    for number in range(1, 2 + random.heavy(2, 24)):
        joins = opens + random.below(random.heavy(120, 900) * SECOND)
        leaves = ends + random.below(40 * SECOND)
        if random.chance(120):
            leaves = joins + random.between(3, 20) * MINUTE
        stays.append(Stay(f"person-{number:02}", joins, max(leaves, joins + 20 * SECOND)))
    return stays


def _live(opens: int, random: DeterministicRandom) -> list[Stay]:
    """The host all the time; an audience that swells and ebbs, whose members mostly look in for minutes."""
    lasts = random.heavy(45, 300) * MINUTE
    ends = opens + lasts + random.below(5 * MINUTE)
    stays = [Stay("host", opens, ends)]
    for number in range(1, random.heavy(7, 260) + 1):
        joins = opens + 5 * SECOND + (random.below(lasts) + random.below(lasts)) // 2
        stay = random.heavy(3 * MINUTE, 90 * MINUTE)
        stays.append(Stay(f"guest-{number:03}", joins, min(joins + stay, ends + random.below(20 * SECOND))))
    return stays


def _chat(opens: int, random: DeterministicRandom) -> list[Stay]:
    """People come and go; there is no host."""
    lasts = random.between(20, 150) * MINUTE
    stays = [Stay("user-01", opens, opens + random.between(5 * MINUTE, lasts))]
    for number in range(2, random.heavy(4, 48) + 1):
        joins = opens + random.between(5 * SECOND, lasts)
        stays.append(Stay(f"user-{number:02}", joins, joins + random.heavy(4 * MINUTE, 60 * MINUTE)))
    return stays


_STAYS: Final[dict[RoomKind, Callable[[int, DeterministicRandom], list[Stay]]]] = {
    RoomKind.LESSON: _lesson,
    RoomKind.MEETING: _meeting,
    RoomKind.LIVE: _live,
    RoomKind.CHAT: _chat,
}


def _most_at_once(stays: Sequence[Stay]) -> int:
    changes = sorted([(stay.joins, 1) for stay in stays] + [(stay.leaves, -1) for stay in stays])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _capacity(needed: int, random: DeterministicRandom) -> int:
    wanted = needed * random.between(*_BOOKED_PERCENT) // 100
    return next((capacity for capacity in _CAPACITIES if capacity >= wanted), _CAPACITIES[-1])
