"""Whatever a body is: signals, rejections or nothing, never an exception of another kind, and in linear time."""

import json
import time
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import record_of
from snapshot_tuner.model import Signal
from snapshot_tuner.policy.engine import Policy
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
@settings(max_examples=300, deadline=None)
def test_any_body_gives_signals_or_rejections(body: object) -> None:
    """Real bodies with parts exchanged, and anything at all."""
    check(body)


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
    """Four times the alerts take about four times as long."""
    assert seconds(800) < 8 * seconds(200)
