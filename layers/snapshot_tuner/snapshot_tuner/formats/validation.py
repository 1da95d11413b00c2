"""pydantic's validator, given its own core schemas instead of models.

Importing what turns classes into models takes 70 ms more processor time than the validator itself, which is in
Rust: an eighth of a cold start without SnapStart. `policy.document`, which a built policy does without, has models.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from snapshot_tuner.lean_import import without_init

with without_init("pydantic_core"):
    from pydantic_core._pydantic_core import SchemaValidator, ValidationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
    from pydantic_core.core_schema import CoreSchema

__all__ = [
    "Check",
    "ValidationError",
    "checked_then",
    "error_details",
    "flag",
    "integer",
    "literal",
    "made_by",
    "object_with",
    "text",
]

Check: TypeAlias = "CoreSchema"


def text(*, strict: bool = False, pattern: str | None = None, shortest: int = 0, longest: int | None = None) -> Check:
    """Lengths are in characters."""
    limits = {"pattern": pattern, "max_length": longest}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return {"type": "str", "strict": strict, "min_length": shortest, **given}


def integer(least: int, most: int) -> Check:
    """A number, or text that is one."""
    return {"type": "int", "ge": least, "le": most}


def flag() -> Check:
    """A boolean, or a word for one."""
    return {"type": "bool"}


def literal(*values: str) -> Check:
    """One of these."""
    return {"type": "literal", "expected": list(values)}


def made_by(function: Callable[[Any], object]) -> Check:
    """Whatever the function makes of the value, or its ValueError."""
    return {"type": "function-plain", "function": {"type": "no-info", "function": function}}


def checked_then(first: Check, function: Callable[[Any], object]) -> Check:
    """Likewise, of a value that has passed the first check."""
    return {"type": "function-after", "function": {"type": "no-info", "function": function}, "schema": first}


def object_with(checks: Mapping[str, Check], *, needed: frozenset[str]) -> Callable[[object], dict[str, Any]]:
    """A function from an object to those of its members that are named here, checked. It raises ValidationError."""
    return SchemaValidator(
        {
            "type": "typed-dict",
            "fields": {
                name: {"type": "typed-dict-field", "schema": check, "required": name in needed}
                for name, check in checks.items()
            },
        }
    ).validate_python


def error_details(error: ValidationError, *, with_input: bool) -> "list[ErrorDetails]":
    """What is wrong, in the order of the checks; the input itself only where it may be shown."""
    return error.errors(include_url=False, include_input=with_input)
