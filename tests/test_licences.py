"""`make licences`: everything of other people's is listed, and under a licence that allows what we do with it."""

import re

import pytest

from devkit import licences
from devkit.licences import ALLOWED, DEPLOYED, ROOT


def test_every_licence_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    """Of what is deployed, and of what is in the repository."""
    assert licences.main() == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for name in ("pydantic ", "redis ", "volcenginesdk-core ", "swagger-ui ", "uplot "):
        assert f"\n {name}" in printed.out
    assert {each.licence for each in licences.licences()} <= ALLOWED


def test_nothing_that_is_deployed_is_left_out() -> None:
    """But what another version of Python needs."""
    pinned = {
        name
        for file in DEPLOYED
        for name in re.findall(r"^([\w.-]+)==\S+ \\", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert pinned <= {each.package for each in licences.licences()}


def test_a_licence_that_is_not_allowed_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name."""
    monkeypatch.setattr(licences, "ALLOWED", ALLOWED - {"MIT"})
    assert licences.main() == 1
    assert "not among the allowed licences: pydantic: MIT" in capsys.readouterr().err
