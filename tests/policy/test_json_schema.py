"""The JSON Schema that editors check the policy file with, against what the policy itself takes."""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from snapshot_tuner.formats.strict_yaml import read
from snapshot_tuner.policy.json_schema import schema
from snapshot_tuner.policy.loader import examine

LAYER = Path(__file__).parents[2] / "layers" / "policy"


def test_the_published_schema_is_current() -> None:
    """Made anew with: python -m snapshot_tuner.policy.json_schema > layers/policy/policy.schema.json."""
    assert json.loads((LAYER / "policy.schema.json").read_text("utf-8")) == schema()


def as_json(text: str) -> object:
    def plain(value: object) -> object:
        if isinstance(value, Decimal):
            return float(value)
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return value

    return plain(read(text).value)


EVERY_OPERATOR = """
version: 1
rules:
  - name: every-operator
    match:
      $or: [{type: [a]}, {data: {x: [1]}}]
      source: [{prefix: a}, {prefix: {equals-ignore-case: a}}, {suffix: a}, {suffix: {equals-ignore-case: a}}]
      data:
        a: [x, 1, 1.5, true, null, {equals-ignore-case: a}, {wildcard: "a*"}, {exists: false}]
        b: [{numeric: ["=", 1]}, {numeric: [">", 0, "<=", 5]}, {anything-but: x}, {anything-but: [1, 2]}]
        c: [{anything-but: {prefix: [a, b]}}, {anything-but: {wildcard: "*a"}}]
    interval: {of: data.load, curve: [[0.8, 10], [1.0, 60]]}
"""


def test_the_schema_takes_what_the_policy_takes() -> None:
    """An editor has no complaint about the shipped file or about any operator."""
    check = jsonschema.Draft202012Validator(schema())
    check.check_schema(schema())
    for text in ((LAYER / "policy.yaml").read_text("utf-8"), EVERY_OPERATOR):
        assert examine(text).problems == ()
        assert list(check.iter_errors(as_json(text))) == []


@pytest.mark.parametrize(
    "members",
    [
        "interval: 0",
        "interval: 5, hold: true",
        "hold: false",
        "match: {}",
        "interval: {of: data.x, curve: [[1, 2]]}",
        "interval: {of: data.x, curve: [[1, 2], [2]]}",
        "targets: {}, interval: 5",
        "match: {type: x}, interval: 5",
        "match: {type: []}, interval: 5",
        "match: {data: {}}, interval: 5",
        "match: {data: {a: [{regex: x}]}}, interval: 5",
        "match: {data: {numeric: [1]}}, interval: 5",
        "match: {data: {a: [{anything-but: [1, x]}]}}, interval: 5",
        "match: {$or: [{type: [a]}]}, interval: 5",
    ],
)
def test_the_schema_refuses_what_the_policy_refuses(members: str) -> None:
    """An editor marks a mistake of shape before the file is published."""
    text = f"{{version: 1, rules: [{{name: r, {members}}}]}}"
    assert examine(text).problems
    assert not jsonschema.Draft202012Validator(schema()).is_valid(as_json(text))
