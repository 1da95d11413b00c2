"""Compiling a pattern for a test."""

from typing import Any

from snapshot_tuner.policy.patterns.compiler import Pattern, compile_pattern


def compiled(match: dict[str, Any], problems: list[str] | None = None) -> Pattern:
    """Where a test does not take the problems, there must be none."""
    found: list[str] = [] if problems is None else problems
    pattern = compile_pattern(match, (), lambda _place, reason: found.append(reason))
    assert problems is not None or found == []
    return pattern
