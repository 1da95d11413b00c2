"""Dots in keys mean nesting, as in EventBridge, which joins keys with dots: in a pattern and in an event alike."""

from collections.abc import Iterable, Mapping

from snapshot_tuner.formats.json_path import ABSENT, Found
from snapshot_tuner.model import Json
from snapshot_tuner.policy.patterns.grammar import OR


def nested(match: Mapping[str, Json]) -> dict[str, Json]:
    """The same pattern, one that has no mistakes, without dots in its keys."""
    found: dict[str, Json] = {}
    for key, value in match.items():
        inner = nested(value) if isinstance(value, dict) else value
        if key == OR and isinstance(value, list):
            inner = [nested(one) if isinstance(one, dict) else one for one in value]
        first, *others = key.split(".")
        for name in reversed(others):
            inner = {name: inner}
        found[first] = _both(found[first], inner) if first in found else inner
    return found


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
