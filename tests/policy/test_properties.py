"""What holds of every decision, whatever the signal."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from snapshot_tuner.model import Json, Order, Signal, Verdict
from snapshot_tuner.policy.engine import Policy
from tests.effort import cases

json_values: st.SearchStrategy[Json] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([10**4000, -(10**4000), 10**400]),
        st.decimals(),
        st.sampled_from([Decimal("1E+999999"), Decimal("1E-999999"), Decimal("sNaN")]),
        st.text(st.characters(), max_size=5),
        st.sampled_from(["app-1", "x" * 200, "rtc.room.load"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["AppId", "RoomId", "TaskId", "load", "BusinessId", "a"]), inner, max_size=6),
    ),
    max_leaves=12,
)
data_values = st.one_of(
    json_values,
    st.fixed_dictionaries({"AppId": st.just("a"), "RoomId": st.just("r"), "TaskId": st.just("t"), "load": json_values}),
)
signals = st.builds(
    Signal,
    id=st.text(st.characters(), max_size=5),
    source=st.text(max_size=5),
    type=st.sampled_from(["rtc.room.load", "moderation.alert", "every.operator", "other"]),
    time_us=st.one_of(st.integers(), st.sampled_from([10**4000, -1, 2**63])),
    data=data_values,
    sequence=st.none() | st.integers(),
    attributes=st.dictionaries(st.sampled_from(["subject", "account", "id"]), json_values, max_size=3),
)

EVERY_OPERATOR = """
- {name: m, match: {type: [moderation.alert]}, interval: {of: data.load, curve: [[-1, 1], [0, 600], [1, 2.5]]}}
- name: o
  match:
    time: [{prefix: "2026"}]
    sequence: [{numeric: ["<", 5]}]
    subject: [{exists: false}, {suffix: x}]
    data:
      a: [{anything-but: [1, 2]}, {wildcard: "a*b"}]
      load: {a: [{equals-ignore-case: X}], $or: [{RoomId: [null]}, {TaskId: [{prefix: {equals-ignore-case: t}}]}]}
  interval: 7
- {name: r, match: {type: [{anything-but: {suffix: other}}]}, interval: {of: data.load, curve: [[0, 1], [1, 600]]}}
"""


@settings(max_examples=cases(70))
@given(signals, st.integers(1, 600), st.integers(1, 600), st.sampled_from(Order))
def test_a_loaded_policy_decides_every_signal_inside_its_bounds(
    event: Signal, one: int, other: int, order: Order
) -> None:
    """Nothing in an event makes `decide` raise, and no interval leaves the bounds; the same event, the same answer."""
    low, high = sorted((one, other))
    head = f"version: 1\nbounds: {{min: {low}, max: {high}}}\norder: {order}\nrules:"
    loaded = Policy.parse(head + EVERY_OPERATOR, "test.yaml")
    decision = loaded.decide(event)
    assert all(low <= adjustment.interval <= high for adjustment in decision.adjustments)
    assert (decision.verdict is Verdict.ADJUST) == bool(decision.adjustments)
    assert len(decision.reason) < 200
    again = loaded.decide(event)
    assert (again.verdict, again.rule, again.reason) == (decision.verdict, decision.rule, decision.reason)
