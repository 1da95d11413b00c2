"""samconfig.toml: two deployments of one template, prepared but for what only the operator knows."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from tests.template.cloudformation import ALL_OPTIONS, ROOT, load


@pytest.fixture(scope="module")
def source() -> Mapping[str, Any]:
    return load()


def samconfig() -> dict[str, Any]:
    return tomllib.loads((ROOT / "samconfig.toml").read_text())


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_samconfig_deploys_each_stage_under_its_own_name_and_tags(source: Mapping[str, Any], stage: str) -> None:
    """Stack, tags and the Stage parameter agree, and every parameter it sets is one the template has."""
    config = samconfig()[stage]["deploy"]["parameters"]
    overrides = dict(override.split("=", 1) for override in config["parameter_overrides"])
    assert config["stack_name"] == f"snapshot-tuner-{stage}"
    assert config["tags"] == ["application=snapshot-tuner", f"stage={stage}"]
    assert overrides["Stage"] == stage
    assert sorted(overrides.keys() - source["Parameters"].keys()) == []
    assert config["capabilities"] == "CAPABILITY_IAM"


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_samconfig_is_refused_until_its_arns_are_real(source: Mapping[str, Any], stage: str) -> None:
    """Every placeholder fails its parameter's pattern, so that nothing is deployed by accident; real ARNs pass."""
    overrides = samconfig()[stage]["deploy"]["parameters"]["parameter_overrides"]
    placeholders = dict(override.split("=", 1) for override in overrides if "ARN-OF-" in override)
    assert placeholders.keys() == {"CredentialsSecretArn"}
    for name, placeholder in placeholders.items():
        pattern = source["Parameters"][name]["AllowedPattern"]
        assert not re.fullmatch(pattern, placeholder)
        assert re.fullmatch(pattern, ALL_OPTIONS[name])
