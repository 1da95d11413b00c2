"""How one policy differs from another, in words; and what tasks keep of the rules that are gone."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from snapshot_tuner.formats import strict_yaml
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.rules import Hold

_MISSING = object()


def differences(old: str, new: str) -> list[str]:
    """Empty where both decide alike; texts of policies without mistakes."""
    before, after = _document(old), _document(new)
    rules_before, rules_after = _rules(before), _rules(after)
    changes = [_changed(key, before.get(key, _MISSING), after.get(key, _MISSING)) for key in _keys(before, after)]
    changes += [f"- rule {name} is gone" for name in rules_before if name not in rules_after]
    changes += [
        f"+ rule {name} is new: {_text(rule)}" for name, rule in rules_after.items() if name not in rules_before
    ]
    for name, rule in rules_after.items():
        was = rules_before.get(name, rule)
        changes += [
            f"~ rule {name}, {_changed(key, was.get(key, _MISSING), rule.get(key, _MISSING))[2:]}"
            for key in _keys(was, rule)
        ]
    common = [name for name in rules_before if name in rules_after]
    if common != [name for name in rules_after if name in rules_before]:
        changes.append("~ the order of the rules changes; the first one that matches decides")
    return changes


def held(old: Policy, new: Policy) -> Iterator[str]:
    """What tasks keep of the old policy's rules that are gone, or have no end any more, and how they are released."""
    of_new = {rule.name: rule for rule in new.rules}
    for rule in old.rules:
        left = of_new.get(rule.name)
        if rule.lasts is not None and (left is None or left.lasts is None):
            yield (
                f"rule {rule.name} goes on holding its tasks until {rule.lasts} s after their events. To release them"
                " sooner, publish a rule of this name with `for: 1s` first, and send each an event that it matches"
            )
        elif rule.lasts is None and left is None and not isinstance(rule.action, Hold):
            yield f"what rule {rule.name} has set stays until an event of another rule comes for the task"


def _document(text: str) -> Mapping[str, Any]:
    document = strict_yaml.read(text).value
    return document if isinstance(document, dict) else {}


def _rules(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {rule["name"]: rule for rule in document["rules"]}


def _keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    every = [*before, *(key for key in after if key not in before)]
    return [key for key in every if key != "rules" and before.get(key, _MISSING) != after.get(key, _MISSING)]


def _changed(key: str, before: object, after: object) -> str:
    if before is _MISSING:
        return f"+ {key}: {_text(after)}"
    return f"- {key}: {_text(before)}" if after is _MISSING else f"~ {key}: {_text(before)} becomes {_text(after)}"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
