"""The shape of the policy file. `policy` gives it its meaning; the editors' schema is made from it."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS, Json, Order, Place
from snapshot_tuner.policy.document_parts import (
    NAME,
    NOT_SECONDS,
    BoundsDocument,
    CurveDocument,
    Duration,
    LimitDocument,
    Part,
    Seconds,
    TargetDocument,
    WhenDocument,
    not_null,
    only,
    says,
)
from snapshot_tuner.policy.readings.document import PartDocument, ReadingDocument

RULES_WITH_AN_END_MOST: Final = 16
"""The ledger remembers one adjustment of each of them for every task."""

PREVIOUS: Final = "previous"
_SECONDS_TAG: Final = "<seconds>"
_CURVE_TAG: Final = "<curve>"

_REASONS: Final = {
    "missing": "is missing",
    "int_type": NOT_SECONDS,
    "greater_than_equal": NOT_SECONDS,
    "less_than_equal": NOT_SECONDS,
    "string_type": "must be text; a number or a boolean needs quotes to be one",
    "string_pattern_mismatch": "must be 1 to 64 of letters, digits and _ . -",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "too_short": "must hold at least one rule",
}
"""What pydantic finds, in the words of the file; every whole number in it but the version is seconds."""


def _interval_tag(value: object) -> str:
    return _CURVE_TAG if isinstance(value, dict) else _SECONDS_TAG


def _rule_names(value: object) -> object:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of at least one rule")
    if any(name in value[:number] for number, name in enumerate(value)):
        raise ValueError("names a rule twice")
    return value


def _then(value: object) -> int | None:
    if value == PREVIOUS:
        return None
    if type(value) is not int or not INTERVAL_MIN_SECONDS <= value <= INTERVAL_MAX_SECONDS:
        raise ValueError(f"{NOT_SECONDS}, or {PREVIOUS}")
    return value


_THEN_SCHEMA: Final = {
    "anyOf": [
        {"type": "integer", "minimum": INTERVAL_MIN_SECONDS, "maximum": INTERVAL_MAX_SECONDS},
        {"const": PREVIOUS},
    ]
}


_Interval = Annotated[
    Annotated[Seconds, Tag(_SECONDS_TAG)] | Annotated[CurveDocument, Tag(_CURVE_TAG)],
    Discriminator(_interval_tag),
]


class RuleDocument(Part):
    """What to do about some events. Exactly one of `interval` and `hold` is needed."""

    name: Annotated[
        str,
        Field(pattern=NAME),
        says("The rule's name, shown in answers, logs and metrics."),
    ]
    match: Annotated[
        dict[str, Any],
        says("Which events: an EventBridge event pattern. Without one the rule matches every event."),
    ] = Field(default_factory=dict)
    interval: Annotated[
        _Interval | None,
        BeforeValidator(not_null),
        says("Seconds between snapshots, or the curve that gives them."),
    ] = None
    hold: Annotated[
        Literal[True] | None,
        only(constant=True, spelling="true"),
        BeforeValidator(not_null),
        says("`true`: matched, and deliberately no change."),
    ] = None

    when: Annotated[
        WhenDocument | None,
        BeforeValidator(not_null),
        says("It matches only then, by the event's time."),
    ] = None
    target: Annotated[
        TargetDocument | None,
        BeforeValidator(not_null),
        says("Where its events name their task, part by part instead of the policy's `target`."),
    ] = None
    bounds: Annotated[
        BoundsDocument | None, BeforeValidator(not_null), says("Bounds of its own, inside the policy's.")
    ] = None
    lasts: Annotated[
        Duration | None,
        Field(alias="for"),
        says("How long the interval holds, from the event's time on; without it until a newer event."),
    ] = None
    then: Annotated[
        int | None,
        PlainValidator(_then),
        WithJsonSchema(_THEN_SCHEMA),
        says("What comes when `for` is over: seconds, or `previous`: what else the task should be by then."),
    ] = None
    default: Annotated[
        Seconds | None,
        BeforeValidator(not_null),
        says("With `previous`: seconds that come when `for` is over and nothing else was ever asked for."),
    ] = None
    ends: Annotated[
        list[str] | None,
        BeforeValidator(_rule_names),
        Field(json_schema_extra={"minItems": 1, "uniqueItems": True}),
        says("Rules with `for`: an event of this rule ends what older events of those rules asked for."),
    ] = None
    lengthen_after: Annotated[
        Duration | None,
        says("A longer interval waits until no event has asked for a shorter one for this long."),
    ] = None

    urgent: Annotated[
        Literal[True] | None,
        only(constant=True, spelling="true, or be left out"),
        says("`true`: its changes go before others, in a batch and for a call slot."),
    ] = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.interval is None) == (self.hold is None):
            raise ValueError("needs either interval or hold: true, and not both")
        if self.hold and self.lasts is not None:
            raise ValueError("for: hold changes nothing, so there is nothing to end")
        if self.hold and self.lengthen_after is not None:
            raise ValueError("lengthen_after: hold changes nothing, so there is nothing to wait for")
        if self.hold and self.bounds is not None:
            raise ValueError("bounds: hold changes nothing, so there is nothing to keep in bounds")
        if self.hold and self.target is not None and not self.ends:
            raise ValueError("target: hold changes nothing, so it has no task to name")
        if self.hold and self.urgent and not self.ends:
            raise ValueError("urgent: hold changes nothing, so nothing of it can go first")
        if self.default is not None and (self.lasts is None or self.then is not None):
            raise ValueError("default: needs for and then: previous; it follows where nothing else was ever asked for")
        if "then" in self.model_fields_set and self.lasts is None:
            raise ValueError("then: says what follows when for is over, so it needs for")
        return self


class PolicyDocument(Part):
    """How events become snapshot intervals. The first rule that matches an event decides."""

    version: Annotated[Literal[1], only(constant=1, spelling="1"), says("The version of this file's grammar.")]
    order: Annotated[
        Order,
        Field(strict=False),
        says("What decides which of two events of a task is newer: their time, or their sequence number."),
    ] = Order.TIME
    require_time: Annotated[
        Literal[True] | None,
        only(constant=True, spelling="true, or be left out"),
        says("Rejects events that have no time of their own, instead of ordering them by when they were sent."),
    ] = None
    events: Annotated[
        list[ReadingDocument],
        says("How bodies that are not a known envelope are read. The first reading that matches a body reads it."),
    ] = Field(default_factory=list)
    bounds: BoundsDocument = BoundsDocument()
    target: TargetDocument = TargetDocument()
    lengthen_after: Annotated[
        Duration | None,
        says("For rules without their own: a longer interval waits until none asked for a shorter one for this long."),
    ] = None
    skip_unchanged_within: Annotated[
        Duration | None,
        says("Skips the call if the same interval was confirmed this recently. Off without it."),
    ] = None
    limits: Annotated[list[LimitDocument], says("Limits for the intervals of all rules; all that match apply.")] = (
        Field(default_factory=list)
    )
    rules: Annotated[list[RuleDocument], Field(min_length=1), says("Tried from the top.")]


def validate(value: Json) -> tuple[PolicyDocument | None, list[tuple[Place, str]]]:
    """The document, None where it has mistakes; and all mistakes of its shape, each with its place."""
    try:
        return PolicyDocument.model_validate(value), []
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False)
    places = [tuple(part for part in each["loc"] if part not in (_SECONDS_TAG, _CURVE_TAG)) for each in mistakes]
    return None, [
        (place, _reason(place, each["type"], each.get("ctx", {}))) for place, each in zip(places, mistakes, strict=True)
    ]


def _reason(place: Place, kind: str, context: dict[str, Any]) -> str:
    match kind:
        case "extra_forbidden":
            return f"unknown key; known here are {', '.join(_keys(_model_at(place)))}"
        case "enum":
            return f"must be {context['expected']}"
        case "value_error":
            return str(context["error"])
        case _:
            return _REASONS.get(kind, f"is not valid ({kind})")


def _keys(model: type[Part]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(place: Place) -> type[Part]:
    match place:
        case ("bounds", _):
            return BoundsDocument
        case ("target", _) | ("rules" | "events", _, "target", _):
            return TargetDocument
        case ("rules" | "limits", _, "bounds", _):
            return BoundsDocument
        case ("rules" | "limits", _, "when", _):
            return WhenDocument
        case ("limits", _, _):
            return LimitDocument
        case ("events", _, _):
            return ReadingDocument
        case ("events", _, "parts", _, _):
            return PartDocument
        case ("rules", _, _):
            return RuleDocument
        case ("rules", _, "interval", _):
            return CurveDocument
        case _:
            return PolicyDocument
