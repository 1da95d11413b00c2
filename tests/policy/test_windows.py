"""Windows of the week: by the clocks of a place, over midnight, and where the clocks are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapshot_tuner.formats import times as formats_times
from snapshot_tuner.policy.windows import DAYS, Window, form_of, parse_days, parse_time
from tests.effort import cases

NIGHT = Window.of(form_of(["mon-fri"], parse_time("22:00"), parse_time("06:00"), "Asia/Shanghai"))


def window(begins: str, ends: str, zone: str, *days: str) -> Window:
    return Window.of(form_of([*days] or None, parse_time(begins), parse_time(ends), zone))


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2026-03-06T21:59:59.999999+08:00", False),  # a Friday
        ("2026-03-06T22:00:00+08:00", True),
        ("2026-03-07T05:59:59+08:00", True),  # a Saturday: the night began on Friday
        ("2026-03-07T06:00:00+08:00", False),
        ("2026-03-07T23:00:00+08:00", False),
        ("2026-03-08T23:00:00+08:00", False),
        ("2026-03-09T01:00:00+08:00", False),  # a Monday, but the night began on Sunday
        ("2026-03-09T22:00:00+08:00", True),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment: str, holds: bool) -> None:  # noqa: FBT001 - a fact
    """`from` is in it, `to` is not; by the clocks of the zone."""
    assert NIGHT.holds_at(us(moment)) is holds


def minutes(of: Window, day: str) -> list[str]:
    """The minutes of the first 20 hours of a day in New York in which a window holds: the ends of each stretch, UTC."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
    minute = timedelta(minutes=1)
    day_long = [start + after * minute for after in range(20 * 60)]
    inside = [each for each in day_long if of.holds_at(round(each.timestamp() * 1e6))]
    ends = [each for each in inside if each - minute not in inside or each + minute not in inside]
    return [f"{each:%H:%M}" for each in ends]


def test_in_spring_an_hour_never_is() -> None:
    """New York, 8 March 2026: at 02:00 (07:00 UTC) the clocks jump to 03:00."""
    zone = "America/New_York"
    assert minutes(window("02:00", "03:00", zone), "2026-03-08") == []
    assert minutes(window("01:00", "04:00", zone), "2026-03-08") == ["06:00", "07:59"]  # two hours
    assert minutes(window("02:30", "04:00", zone), "2026-03-08") == ["07:00", "07:59"]  # from the jump on


def test_in_autumn_an_hour_is_twice() -> None:
    """New York, 1 November 2026: at 02:00 (06:00 UTC) the clocks are set back to 01:00."""
    zone = "America/New_York"
    assert minutes(window("01:00", "02:00", zone), "2026-11-01") == ["05:00", "06:59"]  # two hours
    assert minutes(window("01:30", "02:00", zone), "2026-11-01") == ["05:30", "05:59", "06:30", "06:59"]
    assert minutes(window("00:00", "01:30", zone), "2026-11-01") == ["04:00", "05:29", "06:00", "06:29"]


@pytest.mark.parametrize(
    ("zone", "day"),
    [("America/New_York", "2026-03-08"), ("America/New_York", "2026-11-01"), ("Australia/Lord_Howe", "2026-10-04")],
)
def test_where_the_clocks_are_changed_its_edges_are_where_it_changes(zone: str, day: str) -> None:
    """Minute by minute: windows that begin or end in the hour that never is, or is twice, and beside it."""
    first = us(f"{day}T00:00+00:00") - 86_400_000_000
    days = range(first, first + 3 * 86_400_000_000, 60_000_000)
    for begins, ends in [("01:30", "04:00"), ("02:00", "02:15"), ("02:30", "04:00"), ("22:00", "02:30")]:
        of = window(begins, ends, zone)
        holds = [of.holds_at(at) for at in days]
        edges = [at for at, before, now in zip(days[1:], holds, holds[1:], strict=False) if now != before]
        assert edges == [at for at in of.changes(first).at if at < days[-1]]


@pytest.mark.parametrize(
    ("zone", "jump", "ends"),
    [
        ("Africa/Cairo", "2026-04-24T01:00+03:00", "2026-04-24T06:00+03:00"),
        ("America/Santiago", "2026-09-06T01:00-03:00", "2026-09-06T06:00-03:00"),
    ],
)
def test_where_the_clocks_jump_at_midnight_a_window_inside_the_jump_begins_with_it(
    zone: str, jump: str, ends: str
) -> None:
    """From 00:00 to 01:00: 00:30 does not occur, and the window holds from 01:00 on; its edges say so, too."""
    of = window("00:30", "06:00", zone)
    before = us(jump) - 8 * 3_600_000_000
    assert of.holds_at(us(jump))
    assert not of.holds_at(us(jump) - 1)
    assert of.next_edge(before) == us(jump)
    assert of.next_edge(us(jump)) == us(ends)
    assert of.changes(before).holds_at(us(jump))


def test_the_rules_of_its_zone_are_read_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without zones they are a package to import, and no module is imported while an event is handled."""
    made = window("22:00", "06:00", "Asia/Shanghai")
    monkeypatch.delattr(formats_times, "zone")
    assert made.holds_at(us("2026-03-06T22:00:00+08:00"))


def test_the_next_edge_is_when_it_begins_or_ends() -> None:
    friday = us("2026-03-06T12:00+08:00")
    assert NIGHT.next_edge(friday) == us("2026-03-06T22:00+08:00")
    assert NIGHT.next_edge(us("2026-03-06T22:00+08:00")) == us("2026-03-07T06:00+08:00")
    assert NIGHT.next_edge(us("2026-03-07T06:00+08:00")) == us("2026-03-09T22:00+08:00")


zones = st.sampled_from(["America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Africa/Cairo", "-03:30"])
times = st.integers(0, 1439)
moments = st.integers(us("2026-01-01T00:00+00:00"), us("2027-01-01T00:00+00:00"))


@settings(max_examples=cases(25), deadline=None)
@given(times, times, zones, st.sets(st.integers(0, 6), min_size=1), moments)
def test_between_two_edges_nothing_changes(begins: int, ends: int, zone: str, days: set[int], at: int) -> None:
    """Whatever the window: hour by hour up to the next edge it is as now, and at the edge it is the other way."""
    named = [DAYS[day] for day in days]
    of = Window.of(form_of(named, begins, ends if ends != begins else ends + 1, zone))
    edge = of.next_edge(at)
    now = of.holds_at(at)
    if edge is None:
        return
    assert of.holds_at(edge) != now
    assert all(of.holds_at(each) == now for each in range(at, edge, 3_600_000_000))
    assert of.holds_at(edge - 1) == now


@pytest.mark.parametrize(
    ("text", "days"),
    [("mon", [0]), ("mon-fri", [0, 1, 2, 3, 4]), ("fri-mon", [4, 5, 6, 0]), ("sun-sun", [6])],
)
def test_days_are_named_alone_or_from_one_to_another(text: str, days: list[int]) -> None:
    """A range may go over the end of the week."""
    assert parse_days(text) == days


def test_it_says_itself_as_a_person_would() -> None:
    assert str(NIGHT) == "mon-fri 22:00 to 06:00 Asia/Shanghai"
    assert str(Window.of(form_of(["sat", "sun"], None, None, "+08:00"))) == "sat-sun +08:00"
    assert str(window("22:00", "06:00", "+08:00")) == "22:00 to 06:00 +08:00"
    assert NIGHT.describe(us("2026-03-06T23:00+08:00")) == "Fri 23:00 Asia/Shanghai, until 06:00"
    assert NIGHT.describe(us("2026-03-07T07:00+08:00")) == "Sat 07:00 Asia/Shanghai, until Mon 22:00"


def test_beyond_the_calendar_no_window_holds() -> None:
    """An event may claim any time; nothing is raised for it."""
    assert not NIGHT.holds_at(10**18)
    assert NIGHT.next_edge(10**18) is None
    assert NIGHT.describe(10**18) == "beyond the calendar"
    assert window("00:00", "12:00", "+08:00").next_edge(us("9999-12-31T12:00+00:00")) is None
