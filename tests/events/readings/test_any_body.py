"""Whatever a body is: signals, rejections or nothing, never an exception of another kind, and in linear time."""

import json
import os
import statistics
import time
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import record_of
from snapshot_tuner.model import Signal
from snapshot_tuner.policy.engine import Policy
from tests.effort import cases
from tests.events.readings.reading_policies import ALERTMANAGER, alert, group, readings_of

BODIES = Path(__file__).parents[3] / "events" / "bodies"
POLICY = Policy.load(BODIES / "policy.yaml")
REAL = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(BODIES.glob("*.json"))]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def paths(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something may be exchanged."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, inner in members for path in paths(inner, (*at, key)))]


def exchanged(value: Any, path: tuple[Any, ...], new: object) -> Any:  # noqa: ANN401 - any JSON
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = exchanged(value[path[0]], path[1:], new)
    return copy


@st.composite
def mutations(draw: st.DrawFn) -> object:
    """Real bodies with some of their parts exchanged."""
    body = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(1, 3))):
        body = exchanged(body, draw(st.sampled_from(paths(body))), draw(anything))
    return body


def check(body: object) -> None:
    """Nothing is acknowledged without an outcome: there is at least one thing to say of every body."""
    record = record_of(id="r", key="k", topic="t", headers={"app": "a"})
    try:
        events = signals.from_body(json.dumps(body), sent_us=0, readings=POLICY.readings, record=record)
    except EventRejected as rejected:
        events = [rejected]
    assert events
    for event in events:
        if isinstance(event, EventRejected):
            assert len(str(event)) < 1000
        if isinstance(event, Signal):
            POLICY.decide(event)
            assert event.id
            assert len(event.fingerprint()) == 64


@given(mutations() | anything)
@settings(max_examples=cases(100), deadline=None)
def test_any_body_gives_signals_or_rejections(body: object) -> None:
    """Real bodies with parts exchanged, and anything at all."""
    check(body)


BODIES_OF_RUN = int(os.environ.get("BODIES", "2000"))
"""For more, `BODIES=100000 .venv/bin/python -m pytest -n 0 --timeout 0 tests/events/readings/test_any_body.py`."""

SLOW = 150
"""So many times what a body of its length takes, and no more: every pattern looks at each of a thousand short texts."""

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**25, 1e300, "", "x", "0.93", "NaN", "2026-03-01T09:00:00Z", "0001-01-01T00:00:00Z"),
    *("firing", "resolved", "4", "1", "Metric", "Event", "ALARM", "{", "[[[[", "\ud800", "\u0000", "é" * 50),
    *([], {}, [[]], [None], {"": None}, {"name": "RoomId", "value": []}, "9" * 5000, ["x"] * 1001, {"a" * 300: 1}),
)


def mutated(random: Random) -> object:
    """A real body with some of its parts exchanged, left out, repeated, or put into each other."""
    body: Any = random.choice(REAL)
    for _ in range(random.randint(1, 4)):
        path = somewhere(random, body)
        match random.randrange(4):
            case 0 if path:
                body = without(body, path)
            case 1:
                other = random.choice(REAL)
                body = exchanged(body, path, at(other, somewhere(random, other)))
            case 2 if isinstance(found := at(body, path), list):
                body = exchanged(body, path, found * random.choice([2, 30]))
            case _:
                body = exchanged(body, path, random.choice(VALUES))
    return body


def somewhere(random: Random, value: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any JSON
    path: tuple[Any, ...] = ()
    while isinstance(value, dict | list) and value and random.random() < 0.85:
        key = random.choice([*value] if isinstance(value, dict) else range(len(value)))
        path, value = (*path, key), value[key]
    return path


def at(value: Any, path: tuple[Any, ...]) -> Any:  # noqa: ANN401 - any JSON
    for key in path:
        value = value[key]
    return value


def without(body: Any, path: tuple[Any, ...]) -> Any:  # noqa: ANN401 - any JSON
    *way, last = path
    holder = at(body, tuple(way)).copy()
    del holder[last]
    return exchanged(body, tuple(way), holder)


def processor_seconds(body: object) -> float:
    begin = time.process_time()
    check(body)
    return time.process_time() - begin


def test_of_very_many_bodies_none_is_slow() -> None:
    """The same ones in each run. What a body takes, for its length, is about what the others take."""
    random = Random(16)  # noqa: S311 - no secret
    per_character = []
    slowest: list[tuple[float, object]] = []
    for _ in range(BODIES_OF_RUN):
        body = mutated(random)
        length = 1000 + len(json.dumps(body))
        each = processor_seconds(body) / length
        per_character.append(each)
        slowest = sorted([*slowest, (each, body)], key=lambda pair: -pair[0])[:5]
    usual = statistics.median(per_character)
    for each, body in slowest:
        length = 1000 + len(json.dumps(body))
        least = min(each, *(processor_seconds(body) / length for _ in range(5)))
        told = f"{least / usual:.1f} times the usual {usual * 1e9:.0f} ns a character: {json.dumps(body)[:500]}"
        assert least < SLOW * usual, told


def seconds(count: int) -> float:
    """What a group of so many alerts costs, the least of several times."""
    text = json.dumps(group(*[alert(str(number)) for number in range(count)]))
    readings = readings_of(ALERTMANAGER)
    taken = []
    for _ in range(7):
        begin = time.process_time()
        signals.from_body(text, sent_us=0, readings=readings)
        taken.append(time.process_time() - begin)
    return min(taken)


def test_a_group_costs_what_its_text_is_long() -> None:
    """Sixteen times the alerts take about sixteen times as long, not 256 times; a busy machine may quadruple that."""
    assert seconds(800) < 4 * 16 * seconds(50)
