"""The query of GET /tasks: which tasks, how many of them, and behind which one."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from http_endpoint.answers import Problem, Refusal
from snapshot_tuner.ledger.listing import Place, TaskQuery
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS
from snapshot_tuner.policy.targets import is_id

_LIMIT_MOST: Final = 200
_NUMBER: Final = re.compile(r"[0-9]{1,3}")
_FIELDS: Final = {"in_doubt": "is_in_doubt", "due": "is_due"}


def read(given: Mapping[str, list[str]]) -> TaskQuery:
    """Raises Refusal, which names the parameter."""
    fields: dict[str, object] = {}
    for name, values in given.items():
        if name not in _READ:
            raise _refusal(name, f"is no parameter here: there are {', '.join(_READ)}")
        if len(values) != 1:
            raise _refusal(name, "may be given once")
        try:
            fields[_FIELDS.get(name, name)] = _READ[name](values[0])
        except ValueError as error:
            raise _refusal(name, str(error)) from None
    query = TaskQuery(**fields)  # type: ignore[arg-type] # by the readers below
    if (query.min_interval or INTERVAL_MIN_SECONDS) > query.most:
        raise _refusal("min_interval", "is greater than max_interval")
    return query


def _refusal(name: str, reason: str) -> Refusal:
    # Whoever asks knows what was sent: it is not quoted.
    return Refusal(Problem.QUERY, f"{name}: {reason}" if is_id(name) else "a parameter has no name that is one")


def _id(text: str) -> str:
    if not is_id(text):
        raise ValueError("must have 1 to 128 letters, digits and _ @ - .")
    return text


def _number(least: int, most: int) -> Callable[[str], int]:
    def read_number(text: str) -> int:
        if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return read_number


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _place(text: str) -> Place:
    place = Place.parse(text)
    if not all(map(is_id, place.task)):
        raise ValueError("must be the value of `next` on the previous page")
    return place


_interval: Final = _number(INTERVAL_MIN_SECONDS, INTERVAL_MAX_SECONDS)
_READ: Final[Mapping[str, Callable[[str], object]]] = {
    "app": _id,
    "room": _id,
    "min_interval": _interval,
    "max_interval": _interval,
    "in_doubt": _flag,
    "due": _flag,
    "bounded": _flag,
    "limit": _number(1, _LIMIT_MOST),
    "after": _place,
}
