"""What every test of the template starts from."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.template.cloudformation import REGION, load


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    # SAM asks boto3 for the region; nothing here connects to anything.
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


@pytest.fixture(scope="module")
def source() -> Mapping[str, Any]:
    return load()
