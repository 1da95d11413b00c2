"""How the policy file's YAML is read: plain values, exactly; the rest is a mistake."""

from decimal import Decimal

import pytest

from snapshot_tuner.formats.strict_yaml import read
from snapshot_tuner.policy.loader import examine


def in_rule(members: str) -> list[str]:
    """The problems of a policy whose third line holds these members of its only rule."""
    text = f"version: 1\nrules:\n- {{name: r, {members}}}\n"
    return [str(problem) for problem in examine(text).problems]


QUOTE = "put it in quotes if it is text"
YAML_VALUES: list[tuple[str, str]] = [
    *((word, "reads as true or false in YAML 1.1: write true or false, or ") for word in ("on", "yes", "No", "TRUE")),
    *(
        (number, "reads as a number in some YAML: write it in plain decimal digits, or ")
        for number in ("010", "08", "1_0", "0x1F", "0o17", "0b1", "1:30", "+1", ".5", "5.", ".inf", ".NaN", "1_0.5")
    ),
    *((date, "reads as a date in YAML 1.1: ") for date in ("2024-01-01", "2024-01-01T00:00:00Z")),
    ("NULL", "reads as null in YAML: write null, or "),
]


@pytest.mark.parametrize(("word", "reason"), YAML_VALUES)
def test_a_word_that_yaml_takes_for_something_else_is_a_mistake(word: str, reason: str) -> None:
    """Where YAML 1.1 or 1.2 read a plain word as no text, and JSON would not spell it so, it has to be said."""
    match = f"match: {{source: [{word}], type: ['{word}']}}, interval: 5"
    assert in_rule(match) == [f"line 3, rule 'r', match.source[0]: '{word}' {reason}{QUOTE}"]


@pytest.mark.parametrize(
    ("members", "place", "reason"),
    [
        ("match: &m {a: [1]}, interval: 5", "match", "anchors are not supported: write each value out"),
        ("match: {a: [&m 1, *m]}, interval: 5", "match.a[0]", "anchors are not supported: write each value out"),
        ("match: {a: [!!str 1]}, interval: 5", "match.a[0]", "tags are not supported: write the plain value"),
        (
            "match: {a: [!!python/object/apply:os.system [x]]}, interval: 5",
            "match.a[0]",
            "tags are not supported: write the plain value",
        ),
        ("match: {a: [1], a: [2]}, interval: 5", "match.a", "appears twice: on line 3 and on line 3"),
        ("match: {data: {1: [1]}}, interval: 5", "match.data.1", "a key must be text: put it in quotes"),
        ("match: {data: {? [a] : [1]}}, interval: 5", "match.data.?", "a key must be text"),
        (
            "match: {data: {<<: [1]}}, interval: 5",
            "match.data.<<",
            "'<<' is a merge key, which is not supported: write the members out",
        ),
        (
            f"match: {{data: {{a: [{'9' * 401}]}}}}, interval: 5",
            "match.data.a[0]",
            "a number of more than 400 characters or with an exponent beyond +-400",
        ),
        (
            "match: {data: {a: [1e401]}}, interval: 5",
            "match.data.a[0]",
            "a number of more than 400 characters or with an exponent beyond +-400",
        ),
    ],
)
def test_yaml_beyond_plain_values_is_a_mistake(members: str, place: str, reason: str) -> None:
    """No aliases, so no bombs; no tags, so no objects; no key twice, so no rule that silently lost a condition."""
    assert in_rule(members)[0] == f"line 3, rule 'r', {place}: {reason}"


def test_plain_values_are_read_as_they_are_written() -> None:
    """Numbers are exact, quoted and block text is text, and what JSON spells keeps its kind."""
    text = (
        "a: [1, -5, 0, 0.10, 1e3, 1E-2, true, false, null, ~, , '1', \"on\", =, 1.2.3, -, i-0]\nb: |\n  on\n'yes': x\n"
    ).replace(", ,", ", '',")
    reading = read(text)
    assert reading.mistakes == []
    assert reading.value == {
        "a": [
            *(1, -5, 0, Decimal("0.10"), Decimal(1000), Decimal("0.01"), True, False, None, None, ""),
            *("1", "on", "=", "1.2.3", "-", "i-0"),
        ],
        "b": "on\n",
        "yes": "x",
    }
    assert str(read("0.10").value) == "0.10"
