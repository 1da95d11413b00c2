"""Reads a policy file and finds every mistake in it, each with its line, its rule and its reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from snapshot_tuner.formats.strict_yaml import Mark, NotYamlError, read
from snapshot_tuner.model import Json, Place, TaskRef
from snapshot_tuner.policy import windows
from snapshot_tuner.policy.compiled import BoundsForm, LimitForm, PolicyForm, RuleForm
from snapshot_tuner.policy.document import (
    RULES_WITH_AN_END_MOST,
    PolicyDocument,
    RuleDocument,
    validate,
)
from snapshot_tuner.policy.document_parts import (
    BoundsDocument,
    CurveDocument,
    LimitDocument,
    TargetDocument,
    WhenDocument,
)
from snapshot_tuner.policy.patterns.compiler import Pattern, compile_body_pattern, compile_pattern
from snapshot_tuner.policy.patterns.grammar import OR, matches_everything
from snapshot_tuner.policy.patterns.operators import Report
from snapshot_tuner.policy.readings import checks

RULES: Final = "rules"
LIMITS: Final = "limits"
TYPES_TIMES_RULES_MOST: Final = 1_000_000
"""Each type has its list of the rules to ask, with those that name no types."""

MAX_SHOWN_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class PolicyMistake:
    """A mistake in the file; `line` and `column` count from 1, `place` says it in the words of the file."""

    line: int
    column: int
    place: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.place}: {self.reason}" if self.place else f"line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a file holds: the document with a compiled pattern for each rule. Only without problems is it whole."""

    document: PolicyDocument | None
    patterns: tuple[Pattern, ...]
    problems: tuple[PolicyMistake, ...]


def form_of(document: PolicyDocument) -> PolicyForm:
    """What a document without mistakes says."""
    bounds, target = document.bounds, document.target
    return {
        "version": document.version,
        "order": document.order.value,
        "require_time": document.require_time is True,
        "readings": [checks.form_of(reading) for reading in document.events],
        "bounds": {"min": bounds.min, "max": bounds.max},
        "target": {name: getattr(target, name) for name in TargetDocument.model_fields},
        "reading_targets": {each.called: _target_form(each.target) for each in document.events if each.target},
        "limits": [_limit_form(limit, index) for index, limit in enumerate(document.limits)],
        "lengthen_after": document.lengthen_after,
        "skip_unchanged_within": document.skip_unchanged_within,
        "rules": [_rule_form(rule) for rule in document.rules],
    }


def _rule_form(rule: RuleDocument) -> RuleForm:
    interval = rule.interval
    return {
        "name": rule.name,
        "match": rule.match,
        "interval": {"of": interval.of, "curve": interval.curve} if isinstance(interval, CurveDocument) else interval,
        "lasts": rule.lasts,
        "then": rule.then,
        "default": rule.default,
        "ends": rule.ends or [],
        "lengthen_after": rule.lengthen_after,
        "urgent": rule.urgent is True,
        "when": None if rule.when is None else _window_form(rule.when),
        "target": _target_form(rule.target),
        "bounds": _bounds_form(rule.bounds),
    }


def _window_form(when: WhenDocument) -> windows.WindowForm:
    return windows.form_of(when.days, when.begins, when.ends, when.zone)


def _limit_form(limit: LimitDocument, index: int) -> LimitForm:
    return {
        "label": limit.name or f"{LIMITS}[{index}]",
        "match": limit.match,
        "task": limit.task,
        "when": None if limit.when is None else _window_form(limit.when),
        "factor": limit.factor,
        "bounds": _bounds_form(limit.bounds),
    }


def _bounds_form(own: BoundsDocument | None) -> BoundsForm | None:
    return None if own is None else {"min": own.min, "max": own.max}


def _target_form(target: TargetDocument | None) -> dict[str, str]:
    return {} if target is None else {name: getattr(target, name) for name in sorted(target.model_fields_set)}


def examine(text: str) -> PolicyFile:
    """Reads the text of a policy file. Raises nothing: what is wrong is in `problems`, by line."""
    try:
        reading = read(text)
    except NotYamlError as error:
        return PolicyFile(None, (), (PolicyMistake(error.mark.line, error.mark.column, "", error.reason),))
    if reading.value is None and not reading.mistakes:
        return PolicyFile(None, (), (PolicyMistake(1, 1, "", "the file is empty"),))

    # One reason per place, the first: a word that is not valid YAML would also have the wrong type.
    reasons: dict[Place, str] = {}

    def report(place: Place, reason: str) -> None:
        reasons.setdefault(place, reason)

    document, mistakes = validate(reading.value)
    for place, reason in (*reading.mistakes, *mistakes):
        report(place, reason)
    rules = _entries(reading.value, RULES)
    patterns = tuple(_patterns(rules, report))
    for index, limit in _entries(reading.value, LIMITS):
        _check_patterns_of_limit(limit, index, report)
    _compare_rules(rules, reading.marks, report)
    _check_types(patterns, report)
    if document is not None:
        _check_bounds(document, report)
        _check_ends(document, report)
        checks.check_readings(document.events, report)

    names = {
        (key, index): name
        for key in (RULES, LIMITS)
        for index, entry in _entries(reading.value, key)
        if isinstance(name := entry.get("name"), str) and name
    }
    problems = [_problem(place, reason, reading.marks, names) for place, reason in reasons.items()]
    problems.sort(key=lambda problem: (problem.line, problem.column))
    return PolicyFile(document, patterns, tuple(problems))


def _entries(value: Json, key: str) -> list[tuple[int, dict[str, Json]]]:
    entries = value.get(key) if isinstance(value, dict) else None
    return [(i, each) for i, each in enumerate(entries if isinstance(entries, list) else []) if isinstance(each, dict)]


def _patterns(rules: list[tuple[int, dict[str, Json]]], report: Report) -> Iterator[Pattern]:
    for index, rule in rules:
        match = rule.get("match", {})
        if isinstance(match, dict):
            yield compile_pattern(match, (RULES, index, "match"), report)


def _compare_rules(rules: list[tuple[int, dict[str, Json]]], marks: dict[Place, Mark], report: Report) -> None:
    named: dict[str, int] = {}
    greedy: str | None = None
    for index, rule in rules:
        name = rule.get("name")
        if isinstance(name, str):
            if name in named:
                line = marks[RULES, named[name]].line
                report((RULES, index, "name"), f"is already the name of the rule on line {line}")
            named.setdefault(name, index)
        if greedy is not None:
            report((RULES, index), f"is never reached: {greedy} before it matches every event")
        match = rule.get("match", {})
        if greedy is None and isinstance(match, dict) and matches_everything(match) and "when" not in rule:
            greedy = _entry(RULES, index, {(RULES, index): name} if isinstance(name, str) else {})


def _check_types(patterns: Sequence[Pattern], report: Report) -> None:
    types = {name for pattern in patterns for name in pattern.types or ()}
    of_any = sum(pattern.types is None for pattern in patterns)
    if len(types) * of_any > TYPES_TIMES_RULES_MOST:
        report(
            (RULES,),
            f"{len(types):,} types times {of_any:,} rules that name no types: more than {TYPES_TIMES_RULES_MOST:,}",
        )


def _check_patterns_of_limit(limit: dict[str, Json], index: int, report: Report) -> None:
    match, task = limit.get("match", {}), limit.get("task", {})
    if isinstance(match, dict):
        compile_pattern(match, (LIMITS, index, "match"), report)
    if isinstance(task, dict):
        place: Place = (LIMITS, index, "task")
        for name in task.keys() - {*TaskRef._fields, OR}:
            report((*place, name), f"a task has no such part; these are {', '.join(TaskRef._fields)}")
        compile_body_pattern(task, place, report)


def _check_bounds(document: PolicyDocument, report: Report) -> None:
    policy = document.bounds
    owners: list[tuple[Place, BoundsDocument | None]] = [
        *(((RULES, index), rule.bounds) for index, rule in enumerate(document.rules)),
        *(((LIMITS, index), limit.bounds) for index, limit in enumerate(document.limits)),
    ]
    for place, own in owners:
        for name in sorted(own.model_fields_set) if own is not None else ():
            if not policy.min <= (seconds := getattr(own, name)) <= policy.max:
                reason = f"{seconds} s is outside the policy's bounds {policy.min} to {policy.max} s"
                report((*place, "bounds", name), reason)
    for index, limit in enumerate(document.limits):
        own = limit.bounds
        if limit.factor is None and own is not None and own.min <= policy.min and own.max >= policy.max:
            report((LIMITS, index, "bounds"), "have no effect: they equal the policy's")


def _check_ends(document: PolicyDocument, report: Report) -> None:
    ending = 0
    rules = {rule.name: rule for rule in document.rules}
    for index, rule in enumerate(document.rules):
        for bounds, of in ((document.bounds, "the bounds"), (rule.bounds, "the rule's bounds")):
            for key in ("then", "default"):
                seconds = getattr(rule, key)
                if seconds is not None and bounds is not None and not bounds.min <= seconds <= bounds.max:
                    report((RULES, index, key), f"{seconds} s is outside {of} {bounds.min} to {bounds.max} s")
        for number, name in enumerate(rule.ends or ()):
            if (reason := _why_not_ended(rule, rules.get(name), name)) is not None:
                report((RULES, index, "ends", number), reason)
        ending += rule.lasts is not None
        if rule.lasts is not None and ending == RULES_WITH_AN_END_MOST + 1:
            report((RULES, index, "for"), f"no more than {RULES_WITH_AN_END_MOST} rules can have an end")


def _why_not_ended(by: RuleDocument, rule: RuleDocument | None, name: str) -> str | None:
    if rule is None:
        return f"there is no rule {_shortened(name)!r}"
    if rule is by:
        return "is the rule itself: a newer event of a rule takes the place of the older one anyway"
    if rule.lasts is None:
        return f"rule {name!r} has no for, so it has nothing to end"
    if rule.then is None and rule.default is None:
        return (
            f"rule {name!r} needs then: SECONDS or default: SECONDS, "
            f"or a task keeps its interval where nothing else was ever asked for"
        )
    return None


def _problem(place: Place, reason: str, marks: dict[Place, Mark], names: dict[tuple[str, int], str]) -> PolicyMistake:
    known = next(place[:end] for end in range(len(place), -1, -1) if place[:end] in marks)
    mark = marks[known]
    match place:
        case (checks.EVENTS, int(index), *inside):
            parts = [f"events entry {index + 1}", _spelled(inside)]
        case ("rules" | "limits" as key, int(index), *inside):
            parts = [_entry(key, index, names), _spelled(inside)]
        case _:
            parts = [_spelled(place)]
    return PolicyMistake(mark.line, mark.column, ", ".join(part for part in parts if part), reason)


def _entry(key: str, index: int, names: dict[tuple[str, int], str]) -> str:
    name = names.get((key, index))
    return f"{key[:-1]} {index + 1 if name is None else repr(_shortened(name))}"


def _spelled(place: Place | list[str | int]) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{_shortened(part)}"
    return text.removeprefix(".")


def _shortened(text: str) -> str:
    shortened = text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "..."
    return shortened if shortened.isprintable() else ascii(shortened)
