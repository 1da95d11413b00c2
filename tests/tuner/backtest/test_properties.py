"""What is so for any recording: figures that add up, and policies compared with themselves."""

import tempfile
from bisect import bisect_right
from itertools import pairwise
from math import ceil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devkit.tuner.backtest.call_rate import BUCKETS_MOST, CallRate
from devkit.tuner.backtest.delays import Delays
from devkit.tuner.backtest.replay import Replay
from devkit.tuner.backtest.rooms import Rooms
from snapshot_tuner.model import TaskRef
from tests.tuner.backtest.recorded import again, event, replayed, write

POLICY = """
version: 1
bounds: {min: 2, max: 60}
rules:
  - {name: alert, match: {type: [alert]}, interval: 1, for: 90s}
  - {name: load, match: {type: [load]}, interval: {of: data.load, curve: [[0, 1], [100, 100]]}, lengthen_after: 20s}
"""
QUIET = settings(max_examples=30, deadline=None, suppress_health_check=[*HealthCheck])

histories = st.lists(
    st.tuples(
        st.integers(0, 600), st.sampled_from(["r1", "r2", "r3"]), st.sampled_from(["load", "load", "alert", "join"]),
        st.integers(0, 100),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


def run_replay(history: list[tuple[int, str, str, int]], *policies: str) -> Replay:
    lines = [
        event(f"e{number}", when, room, kind, load=load) for number, (when, room, kind, load) in enumerate(history)
    ]
    with tempfile.TemporaryDirectory() as folder:
        return replayed(write(Path(folder), lines), policies)


@QUIET
@given(history=histories)
def test_a_policy_differs_nowhere_from_itself(history: list[tuple[int, str, str, int]]) -> None:
    """Nor from itself in a backtest of its own."""
    replay = run_replay(history, POLICY, POLICY)
    one, other = replay.runs
    assert (one.kinds, one.rate.calls, one.delays.count) == (other.kinds, other.rate.calls, other.delays.count)
    assert all(room.different_seconds == 0 and room.sides[0] == room.sides[1] for room in replay.rooms.of.values())
    alone = run_replay(history, POLICY)
    assert alone.rooms.seconds_at[0] == replay.rooms.seconds_at[1]


@QUIET
@given(history=histories)
def test_pictures_add_up(history: list[tuple[int, str, str, int]]) -> None:
    """Of all rooms they are the time at each interval over that interval; the times are from first to last event."""
    replay = run_replay(history, POLICY)
    rooms, seconds_at = replay.rooms.of.values(), replay.rooms.seconds_at[0]
    assert sum(room.sides[0].pictures for room in rooms) == pytest.approx(
        sum(seconds / interval for interval, seconds in seconds_at.items())
    )
    spans = {name: [when for when, room, _, _ in history if room == name] for name in ("r1", "r2", "r3")}
    expected = sum(max(span) - min(span) for span in spans.values() if span)
    assert sum(seconds_at.values()) == pytest.approx(expected)
    assert sum(room.events for room in rooms) == len(history)


@QUIET
@given(history=histories, extra=st.lists(st.tuples(st.integers(0, 24), st.integers(0, 1300)), max_size=10))
def test_duplicates_change_nothing_whenever_they_come(
    history: list[tuple[int, str, str, int]], extra: list[tuple[int, int]]
) -> None:
    """Every room stands at the same interval in the end, and none of them is an error."""
    lines = [
        event(f"e{number}", when, room, kind, load=load) for number, (when, room, kind, load) in enumerate(history)
    ]
    end = event("end", 2000, "r4", load=1)
    copies = [
        again(lines[number % len(lines)], min(1900, history[number % len(lines)][0] + later)) for number, later in extra
    ]
    with tempfile.TemporaryDirectory() as folder:
        once = replayed(write(Path(folder), [*lines, end]), [POLICY])
        with_copies = replayed(write(Path(folder), [*copies, *lines, end]), [POLICY])
    standing = [
        {task: room.sides[0].stands_at for task, room in replay.rooms.of.items()} for replay in (once, with_copies)
    ]
    assert standing[0] == standing[1]
    assert with_copies.runs[0].dead_letters == 0


@QUIET
@given(
    moments=st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(["event", 0, 1]), st.integers(1, 9)), max_size=30)
)
def test_what_a_task_stands_at_is_counted_between_its_events(moments: list[tuple[int, str | int, int]]) -> None:
    """Against a plain model: second by second from the first event to the last."""
    task, rooms = TaskRef("a", "r", "t"), Rooms(2, 2)
    moments = [(-1, "event", 1), *sorted(moments, key=lambda moment: moment[0])]
    history: list[list[tuple[int, int]]] = [[(-1, 2)], [(-1, 2)]]
    for at, what, interval in moments:
        if what == "event":
            room = rooms.event(task, at)
        else:
            rooms.step(room, int(what), at, interval)
            history[int(what)].append((at, interval))
    last = max(at for at, what, _ in moments if what == "event")
    stood = [
        [side[bisect_right(side, second, key=lambda step: step[0]) - 1][1] for second in range(-1, last)]
        for side in history
    ]
    for number in (0, 1):
        assert room.sides[number].pictures == pytest.approx(sum(1 / interval for interval in stood[number]))
        assert room.mean_interval(number) * room.seconds == pytest.approx(sum(stood[number]))
        changes = sum(before[1] != after[1] for before, after in pairwise(history[number]))
        assert room.sides[number].changes == changes
    assert room.different_seconds == sum(one != other for one, other in zip(*stood, strict=True))


@QUIET
@given(delays=st.lists(st.integers(0, 9_999), min_size=1), percent=st.sampled_from([50, 95, 99]))
def test_percentiles_are_those_of_the_sorted_list(delays: list[int], percent: int) -> None:
    """To the millisecond below 10 s; to four digits above."""
    found = Delays()
    for ms in delays:
        found.add(ms / 1000)
    assert found.percentile(percent / 100) == sorted(delays)[ceil(percent * len(delays) / 100) - 1] / 1000
    found.add(123_456.789)
    assert (found.percentile(1), found.most) == (123_500, 123_456.789)


@QUIET
@given(sent=st.lists(st.integers(0, 40_000).map(lambda tenth: tenth / 10), min_size=1, max_size=60))
def test_the_most_calls_in_any_second_are_found_whatever_the_buckets(sent: list[float]) -> None:
    """Told a little out of order, as workers do; a second has its end, not its beginning."""
    rate = CallRate()
    for at in sorted(sent, key=lambda moment: moment // 0.5):
        rate.sent(at, now=at // 0.5 / 2)
    rate.close()
    windows = [sum(at - 1 < other <= at for other in sent) for at in sent]
    most, mean = rate.buckets()
    assert rate.most_in_a_second == max(windows) == max(most)
    assert rate.calls == len(sent) == pytest.approx(sum(mean) * rate.bucket_seconds)
    assert len(most) == len(mean) <= BUCKETS_MOST
    assert rate.bucket_seconds == (1 if max(sent) < BUCKETS_MOST else 2 if max(sent) < 2 * BUCKETS_MOST else 4)
