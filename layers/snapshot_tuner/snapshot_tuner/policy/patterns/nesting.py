"""Dots in keys mean nesting, as in EventBridge, which joins keys with dots: in a pattern and in an event alike."""

from collections.abc import Iterable, Mapping

from snapshot_tuner.formats.json_path import ABSENT, Found
from snapshot_tuner.model import Json
from snapshot_tuner.policy.patterns.grammar import OR


def nested(match: Mapping[str, Json]) -> dict[str, Json]:
    """The same pattern, one that has no mistakes, without dots in its keys.

    Dots stay where keys that begin alike ask for what one key cannot: two lists of alternatives, or a value and fields.
    """
    spelled = {key: _inner(key, value) for key, value in match.items()}
    found: dict[str, Json] = {}
    for key, value in spelled.items():
        first, *others = key.split(".")
        for name in reversed(others):
            value = {name: value}  # noqa: PLW2901 - inside out
        if first in found and (joined := _joined(found[first], value)) is None:
            return spelled
        found[first] = joined if first in found else value
    return found


def _inner(key: str, value: Json) -> Json:
    if key == OR and isinstance(value, list):
        return [nested(one) if isinstance(one, dict) else one for one in value]
    return nested(value) if isinstance(value, dict) else value


def _joined(one: Json, other: Json) -> Json:
    """What asks for all that two patterns of one field ask for; None where no pattern of one key does."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return None
    shared = {key: None if key == OR else _joined(one[key], value) for key, value in other.items() if key in one}
    return None if None in shared.values() else {**one, **other, **shared}


def unfolded(holder: dict[str, Json], key: str, tails: Iterable[str]) -> Found:
    """What an object has at a key, together with what it has at keys that continue it with a dot and a tail."""
    found: Found = holder.get(key, ABSENT)
    dotted: dict[str, Json] = {tail: holder[f"{key}.{tail}"] for tail in tails if f"{key}.{tail}" in holder}
    if not dotted:
        return found
    return dotted if found is ABSENT else _both(found, dotted)


def _both(one: Json, other: Json) -> Json:
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {key: _both(one[key], value) if key in one else value for key, value in other.items()}
    # Two values of one field are what a list of them is.
    return [*(one if isinstance(one, list) else [one]), *(other if isinstance(other, list) else [other])]
