"""What all objects of the policy file's shape are made of, and the parts of which it is put together."""

from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from snapshot_tuner.formats import times
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS, Number, is_number
from snapshot_tuner.policy.curves import Curve
from snapshot_tuner.policy.paths import SignalPath
from snapshot_tuner.policy.targets import Template
from snapshot_tuner.policy.windows import parse_days, parse_time

_MIDNIGHT: Final = 24 * 60

_NUMBERS_OF_A_POINT: Final = 2

NAME: Final = r"^[A-Za-z0-9_.-]{1,64}$"

NOT_SECONDS: Final = f"must be a whole number of seconds from {INTERVAL_MIN_SECONDS} to {INTERVAL_MAX_SECONDS}"


def not_null(value: object) -> object:
    if value is None:
        raise ValueError("has no value: give it one, or leave the key out")
    return value


def only(*, constant: bool | int, spelling: str) -> BeforeValidator:
    def check(value: object) -> object:
        # Literal would do, were not True and 1.0 equal to 1 for it.
        if type(value) is not type(constant) or value != constant:
            raise ValueError(f"must be {spelling}")
        return value

    return BeforeValidator(check)


def says(description: str) -> Any:  # noqa: ANN401 - what pydantic's Field gives
    # Not attribute docstrings: to find these, pydantic parses this file again at every cold start.
    return Field(description=description)


class Part(BaseModel):
    """An object of the file."""

    # Built when the document is: otherwise each part is built once for itself and once more inside what holds it.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def _is_template(text: str, info: ValidationInfo) -> str:
    Template.parse(info.field_name or "", text)
    return text


def _days(value: object) -> list[str]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of days or of ranges of them, such as [mon-fri] or [sat, sun]")
    for text in value:
        parse_days(str(text))
    return [str(text) for text in value]


def _zone(name: str) -> str:
    times.zone(name)
    return name


def _factor(value: object) -> Number:
    if not is_number(value) or not 0 < value <= INTERVAL_MAX_SECONDS or 2 * value * INTERVAL_MAX_SECONDS < 1:
        raise ValueError(
            f"must be a number such as 2 or 0.5: above 0, at most {INTERVAL_MAX_SECONDS}, "
            f"and large enough to leave an interval of {INTERVAL_MAX_SECONDS} s"
        )
    if value == 1:
        raise ValueError("1 has no effect: leave it out, or say how many times as long it gets")
    return value


Seconds = Annotated[int, Field(ge=INTERVAL_MIN_SECONDS, le=INTERVAL_MAX_SECONDS)]
_Template = Annotated[str, AfterValidator(_is_template)]
_DURATION_SCHEMA: Final = {"type": "string", "pattern": "^[0-9]{1,6}[smh]$"}
Duration = Annotated[int, PlainValidator(times.duration), WithJsonSchema(_DURATION_SCHEMA)]
_TIME_OF_DAY_SCHEMA: Final = {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}
_TimeOfDay = Annotated[int, PlainValidator(parse_time), WithJsonSchema(_TIME_OF_DAY_SCHEMA)]
_DAY_SCHEMA: Final = {
    "type": "array",
    "items": {"type": "string", "pattern": "^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?$"},
    "minItems": 1,
}


class BoundsDocument(Part):
    """Limits for every interval, in seconds: what a rule asks for beyond them is clamped."""

    min: Annotated[Seconds, says("No interval is shorter than this.")] = INTERVAL_MIN_SECONDS
    max: Annotated[Seconds, says("No interval is longer than this.")] = INTERVAL_MAX_SECONDS

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self


class TargetDocument(Part):
    """Where an event says which task it is about: text with `{path}` placeholders, such as `room-{data.id}`."""

    app_id: Annotated[_Template, says("UpdateSnapshot's AppId.")] = "{data.AppId}"
    room_id: Annotated[_Template, says("UpdateSnapshot's RoomId.")] = "{data.RoomId}"
    task_id: Annotated[
        _Template,
        says("UpdateSnapshot's TaskId. Where the placeholder finds a list, each element is a task; at most 100."),
    ] = "{data.TaskId}"
    business_id: Annotated[_Template, says("UpdateSnapshot's BusinessId; left out where the event has none.")] = (
        "{data.BusinessId}"
    )


class WhenDocument(Part):
    """A time of the week, by the clocks of a place. A window over midnight belongs to the day on which it begins."""

    days: Annotated[
        list[str] | None,
        PlainValidator(_days),
        WithJsonSchema(_DAY_SCHEMA),
        says("Days and ranges of days, such as [mon-fri, sun]; every day without it."),
    ] = None
    begins: Annotated[_TimeOfDay | None, Field(alias="from"), says("Its first minute; midnight without it.")] = None
    ends: Annotated[_TimeOfDay | None, Field(alias="to"), says("When it ends; without it the following midnight.")] = (
        None
    )
    zone: Annotated[str, AfterValidator(_zone), says("The time zone: a name such as Asia/Shanghai, or +08:00.")]

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        if self.days is None and self.begins is None and self.ends is None:
            raise ValueError("needs days, from or to, or it is always")
        if (self.begins or 0) == self.ends or self.begins == _MIDNIGHT:
            raise ValueError("the window is empty: it ends when it begins (for whole days, leave out from and to)")
        return self


class LimitDocument(Part):
    """What holds for the intervals of all rules. Needs `bounds` or `factor`."""

    name: Annotated[
        str | None,
        Field(pattern=NAME),
        BeforeValidator(not_null),
        says("Its name, shown in reasons; `limits[1]` and so on without it."),
    ] = None
    match: Annotated[dict[str, Any], says("For which events: an event pattern. Without one for all of them.")] = Field(
        default_factory=dict
    )
    task: Annotated[
        dict[str, Any],
        says("For which tasks: an event pattern over `app_id`, `room_id` and `task_id`."),
    ] = Field(default_factory=dict)
    when: Annotated[
        WhenDocument | None,
        BeforeValidator(not_null),
        says("It holds only then, by the clock, even if no event comes when it begins or ends."),
    ] = None
    factor: Annotated[
        Number | None,
        PlainValidator(_factor),
        WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": INTERVAL_MAX_SECONDS}),
        says("Multiplies the rule's interval; above 1 it leaves urgent rules alone."),
    ] = None
    bounds: Annotated[
        BoundsDocument | None, BeforeValidator(not_null), says("Inside the policy's; the narrowest of several holds.")
    ] = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.factor is None and (self.bounds is None or not self.bounds.model_fields_set):
            raise ValueError("needs bounds or factor, or it has no effect")
        return self


def _is_path(text: str) -> str:
    SignalPath.parse(text)
    return text


def _point(value: object) -> tuple[Number, Number]:
    if not isinstance(value, list) or len(value) != _NUMBERS_OF_A_POINT or not all(map(is_number, value)):
        raise ValueError("must be a point of two numbers, such as [0.8, 10]")
    x, seconds = value
    return x, seconds


def _is_curve(points: list[tuple[Number, Number]]) -> list[tuple[Number, Number]]:
    Curve.through(points)
    return points


_Path = Annotated[str, AfterValidator(_is_path)]
_Point = Annotated[
    tuple[Number, Number],
    PlainValidator(_point),
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
]


class CurveDocument(Part):
    """An interval that follows a number of the event."""

    of: Annotated[_Path, says("Where the number is, such as `data.load`.")]
    curve: Annotated[
        list[_Point],
        AfterValidator(_is_curve),
        Field(json_schema_extra={"minItems": 2}),
        says("Points of [number, seconds], the numbers ascending: straight lines between them, flat outside."),
    ]
