"""The texts that `tuner check` asks patterns about: one of each class, whatever the operators."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devkit.tuner.check.constraints import distinctions
from devkit.tuner.check.string_classes import TooManyTextsError, examples
from snapshot_tuner.model import Json, Place, Signal
from snapshot_tuner.policy.patterns.compiler import compile_pattern
from tests.effort import cases

texts = st.text("aAb", min_size=1, max_size=3)
operators = st.one_of(
    texts,
    st.builds(lambda name, text: {name: text}, st.sampled_from(["prefix", "suffix", "equals-ignore-case"]), texts),
    st.builds(lambda text: {"prefix": {"equals-ignore-case": text}}, texts),
    st.builds(lambda text: {"anything-but": {"suffix": [text]}}, texts),
    st.sampled_from(["a*b", "*a*", "*ab*a", "A*A", r"a\**"]).map(lambda text: {"wildcard": text}),
)
ALL_SHORT = ["".join(characters) for length in range(6) for characters in product("aAbx*", repeat=length)]


def classes(items: list[Json], of: list[str]) -> set[tuple[bool, ...]]:
    """The different answers that the items together give to these texts."""
    patterns = [compile_pattern({"source": [item]}, (), never_reported) for item in items]
    return {tuple(pattern.matches(Signal("", text, "", 0, None)) for pattern in patterns) for text in of}


def never_reported(place: Place, reason: str) -> None:
    raise AssertionError(f"{place}: {reason}")


@settings(max_examples=cases(20), deadline=None)
@given(st.lists(operators, min_size=1, max_size=3))
def test_no_class_of_texts_is_left_out(items: list[Json]) -> None:
    """Every answer that some text of up to five characters gets, one of the examples gets."""
    whole = {item for item in items if isinstance(item, str)}
    found = examples(whole, distinctions(items).tests, attribute=False)
    assert classes(items, ALL_SHORT) <= classes(items, found)
    assert len(found) == len(set(found))


def test_letters_that_are_folded_to_others_are_known() -> None:
    """The Kelvin sign is a k, and a sharp s is two of them: an exact k or ss before does not take these."""
    found = examples({"k", "K"}, distinctions([{"equals-ignore-case": "K"}]).tests, attribute=True)
    assert "\N{KELVIN SIGN}" in found
    found = examples({"ss", "sS", "Ss", "SS"}, distinctions([{"equals-ignore-case": "ss"}]).tests, attribute=True)
    assert {text.casefold() for text in found if text not in {"ss", "sS", "Ss", "SS"}} >= {"ss"}


def test_an_attribute_is_a_text_that_can_be_sent() -> None:
    """Not empty, no control characters; data may hold any text."""
    assert examples({"", "a\n"}, set(), attribute=True) == ["another"]
    assert examples({"", "a\n"}, set(), attribute=False) == ["", "a\n", "another"]
    assert "" not in examples(set(), distinctions([{"suffix": "\n"}]).tests, attribute=True)


def test_too_many_classes_are_an_error() -> None:
    """And not a long wait: forty texts that can stand anywhere make 2^40 classes."""
    items: list[Json] = [{"wildcard": f"*{chr(0x4E00 + i)}*"} for i in range(40)]
    with pytest.raises(TooManyTextsError):
        examples(set(), distinctions(items).tests, attribute=False)
