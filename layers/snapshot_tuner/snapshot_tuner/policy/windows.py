"""Times of the week, such as the nights of Shanghai: from when to when, on which days, by the clocks of a zone.

A window over midnight belongs to the day on which it begins. What counts is the local time: 02:00 to 03:00 does not
occur on the day on which clocks jump from 02:00 to 03:00, and 01:00 to 02:00 lasts two hours when they are set back
from 02:00 to 01:00.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple, TypedDict

from snapshot_tuner.formats import times

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES: Final = 24 * 60
_MINUTE: Final = 60
_DAY_US: Final = DAY_MINUTES * _MINUTE * 1_000_000
_DAYS_AT_ONCE: Final = 3
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_RANGE: Final = re.compile(rf"({'|'.join(DAYS)})(?:-({'|'.join(DAYS)}))?")


class WindowForm(TypedDict):
    """`days` count from Monday, 0; times of day are in minutes."""

    days: list[int]
    begins: int
    ends: int
    zone: str


def parse_days(text: str) -> list[int]:
    """The days that `fri`, or `fri-mon`, names. Raises ValueError."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"must be a day ({', '.join(DAYS)}) or a range of them such as mon-fri")
    first = DAYS.index(found[1])
    last = DAYS.index(found[2] or found[1])
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]


def parse_time(text: object) -> int:
    """A time of day in minutes. Raises ValueError."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise ValueError('must be a time of day from "00:00" to "24:00", in quotes')
    return int(text[:2]) * 60 + int(text[3:])


class Changes(NamedTuple):
    """At which moments a window begins or ends, ascending; `first` is whether it holds before."""

    first: bool
    at: tuple[int, ...]

    def holds_at(self, us: int) -> bool:
        """Of a moment among them."""
        return self.first ^ bool(bisect_right(self.at, us) & 1)


@dataclass(frozen=True)
class Window:
    """`begins` and `ends` are times of day in minutes; the first is inside it, the second is not."""

    days: frozenset[int]
    begins: int
    ends: int
    zone: str
    _clock: tzinfo = field(repr=False, compare=False)

    @classmethod
    def of(cls, form: WindowForm) -> "Window":
        """Reads the zone's rules now, as they may be a package to import. Raises ValueError if there is none."""
        return cls(frozenset(form["days"]), form["begins"], form["ends"], form["zone"], _clock_of(form["zone"]))

    def local(self, us: int) -> datetime | None:
        """The local time at a moment (microseconds since the epoch); None beyond the calendar."""
        try:
            return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(self._clock)
        except (OverflowError, ValueError):
            return None

    def holds_at(self, us: int) -> bool:
        """Whether a moment is in it."""
        there = self.local(us)
        if there is None:
            return False
        minute, day = there.hour * 60 + there.minute, there.weekday()
        if self.begins < self.ends:
            return self.begins <= minute < self.ends and day in self.days
        return (minute >= self.begins and day in self.days) or (minute < self.ends and (day - 1) % 7 in self.days)

    def next_edge(self, us: int) -> int | None:
        """The first moment after this one at which it begins or ends; None if there is none in eight days."""
        day = us // _DAY_US
        days = range(day, day + 9, _DAYS_AT_ONCE)
        return next((at for first in days for at in _changes(self, first).at if at > us), None)

    def changes(self, us: int) -> Changes:
        """When it begins or ends in the next two days and more, counted from an earlier moment."""
        return _changes(self, us // _DAY_US)

    def moments(self, first: date, ahead: int) -> set[int]:
        """On a day, when it could begin or end: at its times of day, and when the clocks are changed."""
        try:
            day = first + timedelta(days=ahead)
            midnight = datetime(day.year, day.month, day.day, tzinfo=self._clock)
            found = {
                _us((midnight + timedelta(minutes=minute)).replace(fold=fold))
                for minute in (self.begins, self.ends)
                for fold in (0, 1)
            }
            # From before midnight on, as in some zones the clocks jump at midnight.
            start, end = _us(midnight) // 1_000_000 - 1, _us(midnight + timedelta(days=1)) // 1_000_000
            if self._offset(start) != self._offset(end):
                found.add(self._change(start, end) * 1_000_000)
        except (OverflowError, ValueError):
            return set()
        return found

    def _change(self, start: int, end: int) -> int:
        """When the clocks are changed between two moments (seconds): once at most in a day."""
        offset = self._offset(start)
        while end - start > 1:
            middle = (start + end) // 2
            if self._offset(middle) == offset:
                start = middle
            else:
                end = middle
        return end

    def _offset(self, seconds: int) -> timedelta | None:
        return datetime.fromtimestamp(seconds, self._clock).utcoffset()

    def __str__(self) -> str:
        days = "" if len(self.days) == len(DAYS) else " ".join(_day_ranges(self.days)) + " "
        whole = self.begins == 0 and self.ends == DAY_MINUTES
        hours = "" if whole else f"{_clock_time(self.begins)} to {_clock_time(self.ends)} "
        return f"{days}{hours}{self.zone}"

    def describe(self, us: int) -> str:
        """The local time, and until when the window's state lasts: Fri 23:00 Asia/Shanghai, until 06:00."""
        there, edge = self.local(us), self.next_edge(us)
        if there is None:
            return "beyond the calendar"
        until = self.local(edge) if edge is not None else None
        if until is None:
            return f"{there:%a %H:%M} {self.zone}"
        far = until - there >= timedelta(days=1)
        return (
            f"{there:%a %H:%M} {self.zone}, until {until:%a %H:%M}"
            if far
            else (f"{there:%a %H:%M} {self.zone}, until {until:%H:%M}")
        )


@lru_cache(maxsize=64)
def _changes(window: Window, day: int) -> Changes:
    """In three days (UTC) from the beginning of one on.

    Kept, because it takes a fifth of a millisecond, and is asked for with every event.
    """
    begin = day * _DAY_US
    there = window.local(begin)
    if there is None:
        return Changes(first=False, at=())
    moments = {at for ahead in range(-1, _DAYS_AT_ONCE + 2) for at in window.moments(there.date(), ahead)}
    first = holds = window.holds_at(begin)
    found = []
    for at in sorted(moments):
        if begin < at <= begin + _DAYS_AT_ONCE * _DAY_US and window.holds_at(at) != holds:
            holds = not holds
            found.append(at)
    return Changes(first, tuple(found))


def form_of(days: list[str] | None, begins: int | None, ends: int | None, zone: str) -> WindowForm:
    """Of a window in the words of the file; what it does not say is every day, from midnight to midnight."""
    named = sorted({day for text in days or ["mon-sun"] for day in parse_days(text)})
    return {
        "days": named,
        "begins": 0 if begins is None else begins,
        "ends": DAY_MINUTES if ends is None else ends,
        "zone": zone,
    }


def from_form(form: WindowForm | None) -> Window | None:
    """The window, where there is one."""
    return None if form is None else Window.of(form)


def _clock_of(zone: str) -> tzinfo:
    found = times.zone(zone)
    if not isinstance(found, str):
        return found
    hours, minutes = int(found[:3]), int(found[0] + found[4:])
    return timezone(timedelta(hours=hours, minutes=minutes))


def _us(there: datetime) -> int:
    return round(there.timestamp()) * 1_000_000


def _clock_time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _day_ranges(days: frozenset[int]) -> list[str]:
    """`mon-fri`; a range over the end of the week is one."""
    starts = sorted(day for day in days if (day - 1) % 7 not in days)
    ranges = []
    for start in starts:
        last = start
        while (last + 1) % 7 in days:
            last = (last + 1) % 7
        ranges.append(DAYS[start] if last == start else f"{DAYS[start]}-{DAYS[last]}")
    return ranges
