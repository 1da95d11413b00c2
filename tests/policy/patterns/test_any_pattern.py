"""What holds of every pattern and every event."""

import ipaddress
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from snapshot_tuner.model import Signal
from snapshot_tuner.policy.patterns.nesting import nested
from tests.effort import cases
from tests.policy.patterns.compiling import compiled
from tests.policy.patterns.slow_evaluator import expanded, matches

NAMES = ["a", "b", "a.b", "b.a", "a.b.a"]
TEXTS = ["", "a", "ab", "AB", "ba", "a*b", "10.0.0.1", "10.0.1.1", "::1", "2001:db8::1"]
NUMBERS = [0, 1, 2, 10]

numbers, texts = st.sampled_from(NUMBERS), st.sampled_from(TEXTS)
leaves = st.one_of(numbers, texts, st.none(), st.booleans())
datas = st.recursive(
    st.dictionaries(st.sampled_from(NAMES), leaves | st.lists(leaves, max_size=2), max_size=3),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(NAMES), leaves | inner | st.lists(leaves | inner, max_size=3), max_size=3),
    ),
    max_leaves=8,
)
longer = st.sampled_from([text for text in TEXTS if text])
textual = st.one_of(
    st.builds(lambda name, text: {name: text}, st.sampled_from(["prefix", "suffix", "equals-ignore-case"]), texts),
    st.builds(lambda name, text: {name: {"equals-ignore-case": text}}, st.sampled_from(["prefix", "suffix"]), texts),
    st.sampled_from(["a*", "*b*", "a*b", "*"]).map(lambda text: {"wildcard": text}),
    st.sampled_from(["10.0.0.0/24", "10.0.0.7/16", "0.0.0.0/0", "10.0.0.1/32", "2001:db8::/32", "::/0"]).map(
        lambda text: {"cidr": text}
    ),
)
others = st.one_of(
    st.builds(lambda sign, number: {"numeric": [sign, number]}, st.sampled_from(["=", "<", "<=", ">", ">="]), numbers),
    st.builds(lambda low: {"numeric": [">=", low, "<", low + 2]}, numbers),
    st.lists(texts, min_size=1, max_size=2).map(lambda some: {"anything-but": some}),
    numbers.map(lambda number: {"anything-but": number}),
    st.builds(
        lambda name, some: {"anything-but": {name: some}},
        st.sampled_from(["prefix", "suffix", "equals-ignore-case", "wildcard"]),
        st.lists(longer, min_size=1, max_size=2),
    ),
    st.booleans().map(lambda wanted: {"exists": wanted}),
)
items = st.lists(st.one_of(leaves, textual, others, st.just({"exists": False})), min_size=1, max_size=2)


def objects(fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.dictionaries(st.sampled_from(NAMES), fields, min_size=1, max_size=2)
    return some | st.builds(
        lambda one, two, beside: {**beside, "$or": [one, two]},
        some,
        some,
        st.dictionaries(st.sampled_from(NAMES), fields, max_size=1),
    )


patterns = objects(st.recursive(items, objects, max_leaves=4)).filter(lambda pattern: not mistakes(pattern))


def mistakes(pattern: dict[str, Any]) -> list[str]:
    """Fields that are asked for twice, in two spellings."""
    found: list[str] = []
    compiled({"data": pattern}, found)
    return found


def decides(pattern: dict[str, Any], data: object) -> bool:
    return compiled({"data": pattern}).matches(Signal("i", "/s", "t", 0, data))  # type: ignore[arg-type] # JSON


TWO_ALTERNATIVES = {"a.b": {"$or": [{"c": [0]}, {"d": [0]}]}, "a": {"b": {"$or": [{"e": [0]}, {"f": [0]}]}}}
"""In two spellings of one object: one of each must match."""


@settings(max_examples=cases(70), deadline=None)
@given(patterns, datas)
@example({"a.b": [{"exists": False}]}, {"a": [{"b": 1}, {}]})
@example({"a": {"b": [1], "a": [2]}}, {"a.b": 1, "a": {"a": 2}})
@example({"a": {"b": {"a": [1], "b": [2]}}}, {"a": {"b": {"a": 1}}, "a.b": {"b": 2}})
@example(TWO_ALTERNATIVES, {"a": {"b": {"c": 0}}})
@example(TWO_ALTERNATIVES, {"a": {"b": {"c": 0, "f": 0}}})
def test_the_compiler_agrees_with_the_slow_evaluator(pattern: dict[str, Any], data: object) -> None:
    """Every operator, nesting in both spellings, lists, alternatives: two programs, one answer."""
    assert decides(pattern, data) is matches(pattern, data)


@settings(max_examples=cases(40), deadline=None)
@given(patterns, datas)
@example(TWO_ALTERNATIVES, {"a": {"b": {"c": 0}}})
@example({"a.b": [0], "a": {"$or": [{"b.c": [0]}, {"c": [0]}]}}, {"a": [{"b": 0}, {"b": {"c": 0}}]})
def test_a_dotted_key_is_a_nested_one(pattern: dict[str, Any], data: object) -> None:
    """In the pattern, in the event, in both: the answer is the same. What cannot be joined keeps its two spellings."""
    plain = nested(pattern)
    are_several = len({key.split(".")[0] for key in pattern}) < len(pattern)
    assert are_several or "." not in str(list(plain))
    answers = {decides(one, other) for one in (pattern, plain) for other in (data, expanded(data))}
    assert len(answers) == 1


addresses = st.one_of(
    st.ip_addresses(),
    st.ip_addresses(network="10.0.0.0/28"),
    st.ip_addresses(network="2001:db8::/124"),
)


@given(addresses, addresses, st.integers(0, 128), st.booleans())
def test_a_range_of_addresses_is_what_the_standard_library_says(
    of: ipaddress.IPv4Address | ipaddress.IPv6Address,
    value: ipaddress.IPv4Address | ipaddress.IPv6Address,
    bits: int,
    long: bool,  # noqa: FBT001 - drawn
) -> None:
    """Any range of either kind, also with bits behind its prefix, against any address in any spelling."""
    bits = min(bits, of.max_prefixlen)
    expected = value in ipaddress.ip_network((of, bits), strict=False)
    text = (value.exploded if long else str(value)).upper()
    mapped = getattr(of, "ipv4_mapped", None) or getattr(value, "ipv4_mapped", None)
    if mapped is None:
        assert decides({"ip": [{"cidr": f"{of}/{bits}"}]}, {"ip": text}) is expected
