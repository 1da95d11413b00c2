"""What all objects of the policy file's shape are made of."""

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


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

    # Built when the document is: else each part is built once for itself and once more inside of what holds it.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
