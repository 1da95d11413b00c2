"""What a policy says about its readings once it is checked, as plain data: what `Readings` are made from."""

from typing import Final, TypedDict

from snapshot_tuner.model import Json

ATTRIBUTES: Final = ("id", "source", "type", "time", "sequence")
"""What a reading fills in of a signal, besides its data."""


class FieldsForm(TypedDict, total=False):
    """Templates of a signal's attributes and data; what is left out has its default."""

    id: str
    source: str
    type: str
    time: str
    sequence: str
    data: Json


class PartForm(TypedDict):
    """Elements of their own: those that match `where`, or those of a list of their own, `each`."""

    where: dict[str, Json] | None
    each: list[str] | None
    fields: FieldsForm


class ReadingForm(TypedDict):
    """One reading. All of `match` have to match; `each` are loops, the outermost first.

    `is_alert`: its sender repeats an event with other content. `left_out` is a path to how many elements the sender
    left out of the body.
    """

    name: str
    match: list[dict[str, Json]]
    inside: bool
    open: list[str]
    each: list[str]
    parts: list[PartForm]
    fields: FieldsForm
    numbers: list[str]
    zone: str | None
    is_alert: bool
    left_out: str | None
