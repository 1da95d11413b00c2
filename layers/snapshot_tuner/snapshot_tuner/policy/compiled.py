"""What a policy file says once it is checked, as plain data: what a `Policy` is made from.

A build keeps it beside the file. A function that finds it there, made from just that text, need not read YAML nor
check anything again: 100 ms of processor time of a cold start without SnapStart. Without it, or with another text, the
file is checked.
"""

import hashlib
from pathlib import Path
from typing import Final, TypedDict, cast

from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events.readings.forms import ReadingForm
from snapshot_tuner.formats.exact_json import encode
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Json, Number
from snapshot_tuner.policy.windows import WindowForm

FORM: Final = 7
"""Raise it with every change of the form, so that no function takes an older one for its own."""

_MOST_BYTES: Final = 16 * 1024 * 1024


class BoundsForm(TypedDict):
    """Seconds."""

    min: int
    max: int


class CurveForm(TypedDict):
    """`curve` are points of [number, seconds]."""

    of: str
    curve: list[tuple[Number, Number]]


class RuleForm(TypedDict):
    """`interval` is None for a rule that holds; durations are in seconds; `target` are its own templates."""

    name: str
    match: dict[str, Json]
    interval: int | CurveForm | None
    lasts: int | None
    then: int | None
    default: int | None
    ends: list[str]
    lengthen_after: int | None
    urgent: bool
    when: WindowForm | None
    target: dict[str, str]
    bounds: BoundsForm | None


class LimitForm(TypedDict):
    """`label` is its name, or its place in the file."""

    label: str
    match: dict[str, Json]
    task: dict[str, Json]
    when: WindowForm | None
    factor: Number | None
    bounds: BoundsForm | None


class PolicyForm(TypedDict):
    """`target` are templates by their names in the file; `order` is a value of `Order`.

    `reading_targets` are those of the readings that have some, by the reading's name.
    """

    version: int
    order: str
    require_time: bool
    readings: list[ReadingForm]
    bounds: BoundsForm
    target: dict[str, str]
    reading_targets: dict[str, dict[str, str]]
    limits: list[LimitForm]
    lengthen_after: int | None
    skip_unchanged_within: int | None
    rules: list[RuleForm]


def digest(text: str) -> str:
    """64 hex digits: which text a policy is from."""
    return hashlib.sha256(text.encode()).hexdigest()


def keep(form: PolicyForm, text: str, file: Path) -> None:
    """Write the form of the policy file with this text beside it."""
    # JSON has no tuples: the points of a curve are read back as lists.
    beside = {"form": FORM, "sha256": digest(text), "policy": form}
    _beside(file).write_text(encode(cast("Json", beside)), encoding="utf-8")


def kept(text: str, file: Path) -> PolicyForm | None:
    """What a build has kept of the file with this text, if it has."""
    try:
        found = decode(_beside(file).read_bytes(), at_most=_MOST_BYTES)
    except (OSError, EventRejected):
        return None
    match found:
        case {"form": form, "sha256": sha256, "policy": dict(policy)} if form == FORM and sha256 == digest(text):
            return cast("PolicyForm", policy)
        case _:
            return None


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.checked.json")
