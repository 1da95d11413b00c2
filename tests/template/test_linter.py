"""cfn-lint, on what SAM makes of the template: nothing is found, by a linter that is really at work."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from devkit.template import __main__ as validate
from devkit.template.linter import linted
from tests.effort import cases
from tests.template.cloudformation import (
    ALL_OPTIONS,
    PUBLIC_URL,
    REQUIRED,
    RTC_CALLBACK_SECRETS,
    WEBHOOK_SECRETS,
    WEBHOOK_TOKENS,
    deploy,
)

SECRETS = [WEBHOOK_SECRETS, WEBHOOK_TOKENS, RTC_CALLBACK_SECRETS, PUBLIC_URL][: cases(1) - 1]
"""Of a public URL, once a week: each takes seconds, and all options have them all."""

DECIDED = {
    "defaults": REQUIRED,
    "all options": ALL_OPTIONS,
    **{", ".join(secrets): {**REQUIRED, "HttpAuth": "signature", **secrets} for secrets in SECRETS},
}


def test_make_validate_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """cfn-lint passes SAM's result with its conditions and parameters."""
    assert validate.main() == 0
    assert capsys.readouterr().out == "template.yaml: no findings\n"


def test_make_validate_tells_what_it_finds_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for each finding, and an exit code that stops `make`."""
    monkeypatch.setattr(validate, "linted", lambda _: ["E3002 a", "E3012 b"])
    assert validate.main() == 1
    assert capsys.readouterr().out == "E3002 a\nE3012 b\ntemplate.yaml: 2 findings\n"


@pytest.mark.parametrize("options", DECIDED.values(), ids=DECIDED)
def test_it_finds_nothing_once_the_conditions_are_decided(
    source: Mapping[str, Any], options: Mapping[str, str]
) -> None:
    """It sees more of a property when no condition hides it."""
    assert linted(deploy(source, options).as_template()) == []


def test_it_sees_what_is_left_to_it(source: Mapping[str, Any]) -> None:
    """Attributes, property names, ranges and types of resources are its part."""
    deployed = deploy(source, REQUIRED).resources
    queues = ("EventQueue", "EventDeadLetters", "BusDeadLetters", "BusDeadLettersAlarm")
    resources = copy.deepcopy({name: deployed[name] for name in queues})
    assert linted({"Resources": resources}) == []
    resources["BusDeadLettersAlarm"]["Properties"]["Dimensions"][0]["Value"] = {"Fn::GetAtt": ["BusDeadLetters", "Nom"]}
    resources["EventQueue"]["Properties"]["VisibilityTimeoutSeconds"] = 121
    resources["BusDeadLetters"]["Properties"]["MessageRetentionPeriod"] = 1_209_601
    resources["AgeAlarm"] = {"Type": "AWS::CloudWatch::Alarms", "Properties": {}}
    rules = {line.split(" ")[0] for line in linted({"Resources": resources})}
    assert {"E1010", "E3002", "E3034", "E3006"} <= rules
