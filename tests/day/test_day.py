"""The realistic day, events/day.ndjson.gz: it can be made again, and is what events/README.md says of it."""

import gzip
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from devkit.day import recording
from devkit.day.__main__ import ROOMS, SEED
from devkit.day.deterministic_random import DeterministicRandom
from devkit.day.rooms import DAY, HOUR
from devkit.day.trace import (
    ALERT,
    APP_ID,
    BEGINS_MS,
    JOIN,
    LEAVE,
    LOAD,
    REPORT_CHANGE,
    REPORT_EVERY,
    SILENT_FROM,
    SILENT_UNTIL,
    day,
)
from devkit.tuner.__main__ import main
from devkit.tuner.exits import Exit
from snapshot_tuner.events import signals
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Signal, Verdict
from snapshot_tuner.policy.engine import Policy
from tests.one_signal import one

ROOT = Path(__file__).parents[2]
CALMER = ROOT / "devkit" / "tuner" / "examples" / "calmer.yaml"
FILE = ROOT / "events" / "day.ndjson.gz"
README = (ROOT / "events" / "README.md").read_text(encoding="utf-8")
LATE_MS = 5000
"""What an event may take on its way without being late; the longest ordinary way takes 3.2 s."""


@dataclass(frozen=True)
class Line:
    """A line of the file, as the functions would read it; `received` in milliseconds since the day began."""

    received: int
    signal: Signal

    @property
    def at(self) -> int:
        return self.signal.time_us // 1000 - BEGINS_MS

    @property
    def room(self) -> str:
        return str(self.member("RoomId"))

    def member(self, name: str) -> object:
        assert isinstance(self.signal.data, dict)
        return self.signal.data.get(name)


@cache
def text() -> str:
    return gzip.decompress(FILE.read_bytes()).decode()


@cache
def lines() -> tuple[Line, ...]:
    read = []
    for line in text().splitlines():
        document = decode(line)
        assert isinstance(document, dict)
        received = document["received"]
        assert isinstance(received, str)
        signal = one(signals.from_document(document["event"], sent_us=None))
        read.append(Line(rfc3339.to_microseconds(received) // 1000 - BEGINS_MS, signal))
    return tuple(read)


@cache
def firsts() -> tuple[Line, ...]:
    """Without what arrived before."""
    seen = {line.signal.id: line for line in reversed(lines())}
    return tuple(sorted(seen.values(), key=lambda line: line.received))


def documented(name: str) -> int:
    """A number of the table in events/README.md."""
    (number,) = re.findall(rf"^\| {re.escape(name)} \| ([\d,]+) \|$", README, re.MULTILINE)
    return int(number.replace(",", ""))


def test_the_generator_gives_the_committed_day_bit_for_bit() -> None:
    """Every character of it, on every platform: nothing in it comes of a rounding that platforms do differently."""
    assert recording.text(day(ROOMS, DeterministicRandom(SEED))) == text()


def test_the_packed_file_holds_no_time() -> None:
    """So that the same text, packed by the same library, gives the same file (RFC 1952: bytes 4 to 7)."""
    assert FILE.read_bytes()[4:8] == bytes(4)
    assert FILE.stat().st_size < 1_500_000


def test_another_seed_is_another_day() -> None:
    """And the same one the same."""
    assert day(5, DeterministicRandom(1)) == day(5, DeterministicRandom(1))
    assert day(5, DeterministicRandom(1)) != day(5, DeterministicRandom(2))


def test_every_event_is_one_that_the_functions_can_read() -> None:
    """Each with its own time, of the one application."""
    assert len(lines()) == documented("events")
    assert {line.member("AppId") for line in lines()} == {APP_ID}
    assert all(line.signal.time_is_own for line in lines())


def test_it_is_in_the_order_of_arrival_within_24_hours() -> None:
    """Nothing arrives before it has happened."""
    received = [line.received for line in lines()]
    assert received == sorted(received)
    assert received[0] >= 0
    assert received[-1] < DAY
    assert all(line.at <= line.received for line in lines())


def test_the_counts_are_those_of_the_documentation() -> None:
    """By type, and what is odd about some."""
    types = Counter(line.signal.type for line in lines())
    assert types == {
        LOAD: documented("load reports"),
        JOIN: documented("joins"),
        LEAVE: documented("leaves"),
        ALERT: documented("moderation alerts"),
    }
    assert len({line.room for line in lines()}) == documented("rooms") == ROOMS
    assert len({line.room for line in lines() if line.signal.type == ALERT}) == documented("rooms with alerts")
    assert len(lines()) - len(firsts()) == documented("duplicates")
    assert sum(is_late(line) for line in firsts()) == documented("late, by more than 5 s")
    assert sum(1 for line in firsts() if is_backlog(line)) == documented("kept back by the monitor")
    policy = Policy.load(ROOT / "layers" / "policy" / "policy.yaml")
    rejected = [policy.decide(line.signal) for line in lines()]
    reasons = Counter(decision.reason for decision in rejected if decision.verdict is Verdict.REJECT)
    assert reasons == {"data.TaskId: missing": documented("load reports without a task")}


def is_late(line: Line) -> bool:
    return line.received - line.at > LATE_MS and not is_backlog(line)


def is_backlog(line: Line) -> bool:
    return line.signal.type == LOAD and SILENT_FROM <= line.at < SILENT_UNTIL


def test_a_duplicate_is_the_same_event_within_half_a_minute() -> None:
    """The same id with the same payload."""
    by_id: dict[str, list[Line]] = defaultdict(list)
    for line in lines():
        by_id[line.signal.id].append(line)
    for first, *again in by_id.values():
        for line in again:
            assert line.signal == first.signal
            assert 0 < line.received - first.received <= 20_000


def test_late_events_arrive_after_newer_ones_of_their_room() -> None:
    """Enough of them that the order of arrival is not the order of events."""
    newest: dict[str, int] = {}
    overtaken = 0
    for line in firsts():
        overtaken += line.at < newest.get(line.room, 0)
        newest[line.room] = max(newest.get(line.room, 0), line.at)
    assert overtaken > 100


def test_the_monitor_keeps_reports_back_and_sends_them_at_once() -> None:
    """What happened in five minutes arrives in three seconds, late ones excepted."""
    kept = [line for line in firsts() if is_backlog(line)]
    assert max(line.at for line in kept) - min(line.at for line in kept) > 4 * 60_000
    soon = [line for line in kept if line.received < SILENT_UNTIL + 3000]
    assert len(soon) > 0.9 * len(kept)
    assert min(line.received for line in kept) >= SILENT_UNTIL


def test_a_load_is_reported_when_it_has_changed_or_after_five_minutes() -> None:
    """Of one room, in the order in which it happened."""
    last: dict[str, tuple[int, Decimal]] = {}
    by_time = sorted((line for line in firsts() if line.signal.type == LOAD), key=lambda line: line.at)
    for line in by_time:
        load = line.member("load")
        assert isinstance(load, Decimal)
        assert Decimal(0) < load <= 1
        assert line.room in last or line.signal.id.endswith("-1")
        if line.room in last:
            at, before = last[line.room]
            assert abs(load - before) >= REPORT_CHANGE or REPORT_EVERY <= line.at - at < REPORT_EVERY + 30_000
        last[line.room] = line.at, load


def test_loads_are_written_with_two_digits() -> None:
    """Exactly as they are: 0.90 is not 0.9."""
    assert set(re.findall(r'"load":([^,]*)', text())) <= {f"0.{n:02}" for n in range(100)} | {"1.00"}
    assert '"load":0.90' in text()


def test_there_are_loads_for_every_rule_of_the_shipped_policy() -> None:
    """A day that exercises it: a tenth of the reports in the dead band, and as many above it."""
    loads = [line.member("load") for line in firsts() if line.signal.type == LOAD]
    numbers = [load for load in loads if isinstance(load, Decimal)]
    assert sum(Decimal("0.6") < load < Decimal("0.8") for load in numbers) > 0.1 * len(numbers)
    assert sum(load >= Decimal("0.8") for load in numbers) > 0.1 * len(numbers)


def test_alerts_come_in_clusters() -> None:
    """Most of them within a minute and a half of another one of their room."""
    moments: dict[str, list[int]] = defaultdict(list)
    for line in firsts():
        if line.signal.type == ALERT:
            moments[line.room].append(line.at)
    near = [
        any(0 < abs(other - moment) <= 90_000 for other in of_room)
        for of_room in moments.values()
        for moment in of_room
    ]
    assert sum(near) > 0.95 * len(near)


def test_the_evening_is_the_busiest_time() -> None:
    """More than three times the events of an hour around noon arrive between 19:00 and 20:00 local time."""
    hours = Counter(line.received // HOUR for line in lines())
    assert max(hours, key=lambda hour: hours[hour]) in (19, 20, 21)
    assert hours[19] > 3 * hours[12]


def test_some_rooms_are_very_much_larger_than_most() -> None:
    """Half of them have fewer than a tenth of the people of the largest."""
    people: dict[str, set[object]] = defaultdict(set)
    for line in lines():
        if line.signal.type == JOIN:
            people[line.room].add(line.member("UserId"))
    sizes = sorted(map(len, people.values()))
    assert sizes[len(sizes) // 2] * 10 < sizes[-1]


def test_callbacks_carry_what_the_service_says() -> None:
    """Source and data as `/callbacks/rtc` would make them of it; no callback names a task."""
    for line in lines():
        if line.signal.type in (JOIN, LEAVE):
            assert line.signal.source == f"rtc:{APP_ID}"
            assert line.member("Timestamp") == line.at + BEGINS_MS
            assert line.member("TaskId") is None


def test_some_rooms_have_two_tasks() -> None:
    """Their load reports name both."""
    named = Counter(json.dumps(line.member("TaskId")) for line in lines() if line.signal.type == LOAD)
    assert set(named) == {'"main"', '["stage", "guests"]', "null"}


def test_the_example_policy_is_one_for_the_day() -> None:
    """It loads, and every rule of it decides about some event of the day."""
    policy = Policy.load(CALMER)
    deciding = {policy.decide(line.signal).rule for line in firsts()}
    assert deciding == {None, *(rule.name for rule in policy.rules)}
    assert any(rule.lasts and rule.then for rule in policy.rules)
    assert all(rule.lengthen_after for rule in policy.rules)


def test_nothing_is_suspicious_in_the_example_policy(capsys: pytest.CaptureFixture[str]) -> None:
    """`tuner check` says so."""
    assert main(["check", str(CALMER)]) == Exit.FINE
    assert "nothing suspicious" in capsys.readouterr().out
