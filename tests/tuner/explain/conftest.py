"""Fixtures of the tests of `tuner explain`."""

from pathlib import Path

import pytest

from tests.tuner.explain.explaining import Explainer


@pytest.fixture
def explainer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Explainer:
    """The command, with a folder of its own."""
    return Explainer(tmp_path, capsys)
