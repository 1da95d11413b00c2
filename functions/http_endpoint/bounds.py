"""The body of PUT /tasks/…/bounds: what a person wants of a task's interval, for how long, and why."""

from typing import Final

from http_endpoint.answers import Problem, Refusal
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.formats import times
from snapshot_tuner.formats.strict_json import decode, describe
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS, Json
from snapshot_tuner.tuning.bounds import Wanted

REASON_CHARACTERS: Final = 200

_MEMBERS: Final = ("min", "max", "for", "reason")
_INTERVAL: Final = f"must be a whole number of seconds from {INTERVAL_MIN_SECONDS} to {INTERVAL_MAX_SECONDS}"


def read(body: bytes | None) -> Wanted:
    """Raises Refusal, which names the member."""
    if body is None:
        raise _refusal("body", "is not valid Base64, though isBase64Encoded says so")
    try:
        members = decode(body)
    except EventRejected as rejected:
        raise Refusal(Problem.BOUNDS, str(rejected)) from None
    if not isinstance(members, dict):
        raise _refusal("body", f"must be an object with {', '.join(_MEMBERS)}, not {describe(members)}")
    unknown = next((name for name in members if name not in _MEMBERS), None)
    if unknown is not None:
        raise _refusal("body", f"has a member {describe(unknown)}: there are {', '.join(_MEMBERS)}")
    least, most = _interval("min", members.get("min")), _interval("max", members.get("max"))
    if least is None and most is None:
        raise _refusal("min", "is missing, and so is max: one of them has to be there")
    if least is not None and most is not None and least > most:
        raise _refusal("min", f"is {least}, above max, which is {most}")
    return Wanted(least, most, _lasts(members.get("for")), _reason(members.get("reason")))


def _interval(name: str, value: Json) -> int | None:
    if value is None:
        return None
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or not INTERVAL_MIN_SECONDS <= value <= INTERVAL_MAX_SECONDS
    ):
        raise _refusal(name, _INTERVAL)
    return value


def _lasts(value: Json) -> int:
    try:
        return times.duration(value)
    except ValueError as error:
        raise _refusal("for", "is missing: they end by themselves" if value is None else str(error)) from None


def _reason(value: Json) -> str:
    if value is None:
        raise _refusal("reason", "is missing: others have to know why")
    text = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(text) <= REASON_CHARACTERS or not text.isprintable():
        raise _refusal("reason", f"must be text of 1 to {REASON_CHARACTERS} characters, in one line")
    return text


def _refusal(name: str, what: str) -> Refusal:
    return Refusal(Problem.BOUNDS, f"{name}: {what}")
