"""What every test of the template starts from."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from samtranslator.translator import translator

from tests.template.cloudformation import load


@pytest.fixture(scope="session", autouse=True)
def policy_templates() -> Iterator[None]:
    """SAM's own: it would check them against their schema in each translation, which is half of its time."""
    with pytest.MonkeyPatch.context() as patch:
        name = "make_policy_template_for_function_plugin"
        patch.setattr(translator, name, cache(getattr(translator, name)))
        yield


@pytest.fixture(scope="session")
def source() -> Mapping[str, Any]:
    return load()
