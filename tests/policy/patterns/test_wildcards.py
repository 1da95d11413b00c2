"""What a wildcard's `*` stands for, and that it is found out in linear time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.policy.patterns.operators import wildcard


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*.png", "a.png", True),
        ("*.png", ".png", True),
        ("*.png", "a.png.txt", False),
        ("ab*ba", "aba", False),
        ("ab*ba", "abba", True),
        ("a*b*c", "a-b-b-c", True),
        ("*a*a*", "ba", False),
        ("*ab*ba*", "aba", False),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        (r"a\\*", "a\\anything", True),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_wildcards_stand_for_any_characters(pattern: str, text: str, *, expected: bool) -> None:
    """`*` stands for none, one or many characters; a backslash makes `*` and itself ordinary."""
    assert wildcard(pattern)(text) is expected


def _fits(pattern: str, text: str) -> bool:
    # The textbook's table: row by row over the pattern, `reached[i]` says that text[:i] fits so far.
    reached = [True] + [False] * len(text)
    for character in pattern:
        if character == "*":
            first = reached.index(True) if True in reached else len(reached)
            reached = [i >= first for i in range(len(reached))]
        else:
            reached = [False] + [reached[i] and text[i] == character for i in range(len(text))]
    return reached[-1]


@given(
    st.lists(st.text("ab", min_size=1, max_size=2), max_size=4).flatmap(
        lambda parts: st.sampled_from(["*".join(parts), "*".join(["", *parts, ""]), "*".join(["", *parts])])
    ),
    st.text("ab", max_size=8),
)
def test_wildcards_agree_with_the_textbook(pattern: str, text: str) -> None:
    """Taking each segment at its first occurrence finds a match whenever there is one."""
    pattern = pattern.replace("**", "*")
    assert wildcard(pattern)(text) is _fits(pattern, text)


def test_a_wildcard_takes_linear_time() -> None:
    """A hundred stars over a text made to mislead them are done at once; with going back it would never end."""
    assert not wildcard("a*" * 100 + "b")("a" * 100_000)
