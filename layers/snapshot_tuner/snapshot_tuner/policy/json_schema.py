"""The JSON Schema of the policy file, with which editors complete and check it.

`python -m snapshot_tuner.policy.json_schema > layers/policy/policy.schema.json` makes it anew; a test says when.
"""

import json
import sys
from typing import Any, Final

from snapshot_tuner.policy.document import PolicyDocument
from snapshot_tuner.policy.patterns.operators import TEXT_OPERATORS, Operator

_TEXTS: Final = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_IGNORING_CASE: Final = {
    "type": "object",
    "properties": {Operator.EQUALS_IGNORE_CASE: {"type": "string"}},
    "required": [Operator.EQUALS_IGNORE_CASE],
    "additionalProperties": False,
}
_TEXT_OR_IGNORING_CASE: Final = {"anyOf": [{"type": "string"}, _IGNORING_CASE]}

_OPERANDS: Final[dict[Operator, dict[str, Any]]] = {
    Operator.PREFIX: _TEXT_OR_IGNORING_CASE | {"description": "Text that begins so."},
    Operator.SUFFIX: _TEXT_OR_IGNORING_CASE | {"description": "Text that ends so."},
    Operator.EQUALS_IGNORE_CASE: {"type": "string", "description": "The same text in letters of either case."},
    Operator.WILDCARD: {"type": "string", "description": "Text in which each * stands for any characters."},
    Operator.CIDR: {
        "type": "string",
        "pattern": "^[0-9A-Fa-f.:]+/[0-9]{1,3}$",
        "description": "The address of a range: 10.0.0.0/8 or 2001:db8::/32.",
    },
    Operator.EXISTS: {"type": "boolean", "description": "Whether the field is there."},
    Operator.NUMERIC: {
        "type": "array",
        "items": {"anyOf": [{"enum": ["=", ">", ">=", "<", "<="]}, {"type": "number"}]},
        "minItems": 2,
        "maxItems": 4,
        "description": 'A number within limits: [">=", 0.8] or [">", 0.6, "<", 0.8].',
    },
    Operator.ANYTHING_BUT: {
        "description": "Any value but these.",
        "anyOf": [
            {"type": ["string", "number"]},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            {"type": "array", "items": {"type": "number"}, "minItems": 1},
            {
                "type": "object",
                "properties": dict.fromkeys(TEXT_OPERATORS, _TEXTS),
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
            },
        ],
    },
}

_PATTERN: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Every field has to match: an object of fields, or a list of which one value has to match.",
    "properties": {
        "$or": {
            "type": "array",
            "minItems": 2,
            "items": {"allOf": [{"$ref": "#/$defs/Pattern"}, {"minProperties": 1}]},
            "description": "One of these has to match.",
        }
    },
    "propertyNames": {"not": {"enum": list(Operator)}},
    "additionalProperties": {
        "anyOf": [
            {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/PatternValue"}},
            {"allOf": [{"$ref": "#/$defs/Pattern"}, {"minProperties": 1}]},
        ]
    },
}

_PATTERN_VALUE: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": ["string", "number", "boolean", "null"]},
        {
            "type": "object",
            "properties": {operator: _OPERANDS[operator] for operator in Operator},
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        },
    ]
}


def schema() -> dict[str, Any]:
    """The schema, draft 2020-12."""
    made = PolicyDocument.model_json_schema()
    parts = made["$defs"]
    rule = parts["RuleDocument"]
    for name in ("interval", "hold"):
        # pydantic lets an optional field be null; the file does not.
        shape = rule["properties"][name]
        del shape["default"]
        shape |= shape.pop("anyOf")[0]
    for part, name in (
        (rule, "for"),
        (rule, "lengthen_after"),
        (rule, "urgent"),
        (made, "lengthen_after"),
        (made, "skip_unchanged_within"),
        (made, "require_time"),
    ):
        shape = part["properties"][name]
        del shape["default"]
        shape |= shape.pop("anyOf")[0]
    del rule["properties"]["then"]["default"]
    rule["dependentRequired"] = {"then": ["for"], "default": ["for"]}
    rule["oneOf"] = [{"required": ["interval"]}, {"required": ["hold"]}]
    for name in ("when", "target", "bounds", "default", "ends"):
        _without_null(rule["properties"][name])
    limit = parts["LimitDocument"]
    limit["anyOf"] = [{"required": ["bounds"]}, {"required": ["factor"]}]
    for name in ("ReadingDocument", "PartDocument", "LimitDocument", "WhenDocument"):
        for shape in parts[name]["properties"].values():
            _without_null(shape)
    parts["ReadingDocument"]["anyOf"] = [{"required": ["use"]}, {"required": ["name", "match"]}]
    parts["PartDocument"]["oneOf"] = [{"required": ["where"]}, {"required": ["each"]}]
    parts["WhenDocument"]["anyOf"] = [{"required": [key]} for key in ("days", "from", "to")]
    for part, key in (
        (rule, "match"),
        (limit, "match"),
        (limit, "task"),
        (parts["ReadingDocument"], "match"),
        (parts["PartDocument"], "where"),
    ):
        pattern = part["properties"][key]
        pattern["$ref"] = "#/$defs/Pattern"
        for member in ("additionalProperties", "type"):
            pattern.pop(member, None)
    parts |= {"Pattern": _PATTERN, "PatternValue": _PATTERN_VALUE}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _without_null(shape: dict[str, Any]) -> None:
    shape.pop("default", None)
    kinds = [kind for kind in shape.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        shape |= kinds[0]
    elif kinds:
        shape["anyOf"] = kinds


if __name__ == "__main__":
    json.dump(schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
