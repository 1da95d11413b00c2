"""Policies for `tuner check`, and what it finds in them."""

from devkit.tuner.check.findings import FindingKind
from devkit.tuner.check.inspection import inspect


def rules(*lines: str, head: str = "") -> str:
    return "\n".join(["version: 1", head, "rules:", *(f"  - {{{line}}}" for line in lines)])


def found(text: str) -> list[tuple[FindingKind, tuple[str, ...]]]:
    inspection = inspect(text, "policy.yaml")
    assert not inspection.mistakes
    return [(each.suspicion.kind, each.suspicion.rules) for each in inspection.suspicious]
