"""The shape of one entry of `events:`, a reading, in the policy file."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from snapshot_tuner.policy.document_parts import NAME, Part, TargetDocument, not_null, only, says
from snapshot_tuner.policy.readings.built_in import BUILT_IN


def _is_built_in(name: str) -> str:
    if name not in BUILT_IN:
        raise ValueError(f"must be one of {', '.join(BUILT_IN)}")
    return name


_BuiltInName = Annotated[str, AfterValidator(_is_built_in), WithJsonSchema({"enum": list(BUILT_IN)})]
_OneOrMore = Annotated[str | Annotated[list[str], Field(min_length=1)], Field(union_mode="left_to_right")]
_Text = Annotated[str | None, BeforeValidator(not_null)]


class FieldsDocument(Part):
    """What becomes of an element: text with `{path}` placeholders. Text that is one placeholder keeps its JSON type."""

    id: Annotated[_Text, says("The event's id; without it `{record.id}`, with `each` `{record.id}-{index}`.")] = None
    source: Annotated[_Text, says("The event's source; `/events/NAME` without it.")] = None
    type: Annotated[_Text, says("The event's type, which rules match.")] = None
    time: Annotated[
        _Text,
        says("When it happened: RFC 3339 or nearly, or a number of s, ms, us or ns; without it when it was sent."),
    ] = None
    sequence: Annotated[_Text, says("The event's sequence number, for `order: sequence`.")] = None
    data: Annotated[Any, says("The event's data, with templates in it; without it the element, or the body.")] = None


class PartDocument(FieldsDocument):
    """What is different for some elements: those that match `where`, or those of a list of their own."""

    where: Annotated[
        dict[str, Any] | None,
        BeforeValidator(not_null),
        says("Which elements: an event pattern over each. The first part that matches counts."),
    ] = None
    each: Annotated[
        _OneOrMore | None,
        BeforeValidator(not_null),
        says("A list of their own, instead of the reading's `each`; it may be missing."),
    ] = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.where is None) == (self.each is None):
            raise ValueError("needs either where or each, and not both")
        return self


class ReadingDocument(FieldsDocument):
    """How a body is read that is not a known envelope: by a built-in reading (`use`), or your own (`name`)."""

    use: Annotated[
        _BuiltInName | None,
        BeforeValidator(not_null),
        says("A built-in reading; the keys beside it change it."),
    ] = None
    name: Annotated[
        str | None,
        Field(pattern=NAME),
        BeforeValidator(not_null),
        says("The reading's name, shown in reasons and logs, and part of the source that it gives."),
    ] = None
    match: Annotated[
        dict[str, Any] | None,
        BeforeValidator(not_null),
        says("Which bodies: an event pattern over them. Beside `use` it narrows the built-in one."),
    ] = None
    inside: Annotated[
        Literal[True] | None,
        only(constant=True, spelling="true"),
        BeforeValidator(not_null),
        says("`true`: also tried inside the data of complete events, like the built-in ones."),
    ] = None
    open: Annotated[
        list[str] | None,
        BeforeValidator(not_null),
        says("Paths to texts of the body that are JSON, such as `body.payload`."),
    ] = None
    each: Annotated[
        _OneOrMore | None,
        BeforeValidator(not_null),
        says("A path to a list or an object: one event per element, which is `{item.…}`; or a list of `name in path`."),
    ] = None
    parts: Annotated[
        list[PartDocument] | None, BeforeValidator(not_null), says("What is different for some elements.")
    ] = None
    numbers: Annotated[
        list[str] | None, BeforeValidator(not_null), says("Texts of the event that are numbers, such as `data.load`.")
    ] = None
    target: Annotated[
        TargetDocument | None,
        BeforeValidator(not_null),
        says("Where its events name their task, part by part instead of the policy's `target`."),
    ] = None
    zone: Annotated[_Text, says("The zone of times that name none: `+08:00`, or a name such as `Asia/Shanghai`.")] = (
        None
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.use is not None:
            for key in ("open", "each", "parts"):
                if getattr(self, key) is not None:
                    raise ValueError(f"{key}: is the built-in reading's own; write a reading of another name")
            return self
        if self.name is None:
            raise ValueError("name: is missing; only a built-in reading has one already")
        if self.match is None:
            raise ValueError("match: is missing; a reading says which bodies it is for")
        own = [part for part in self.parts or [] if part.each is not None]
        if own and self.each is not None:
            raise ValueError("each: the parts have lists of their own already")
        if own and len(own) != len(self.parts or []):
            raise ValueError("parts: either all have a list of their own, or none")
        if self.type is None and not (own and all(part.type is not None for part in own)):
            raise ValueError("type: is missing")
        return self

    @property
    def called(self) -> str:
        """Its name, or that of the built-in one."""
        return self.name or self.use or ""
