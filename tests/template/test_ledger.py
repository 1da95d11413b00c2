"""What a deployment need not bring: the ledger that comes with the stack, the extension of its region, a provider."""

import copy
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.template.cloudformation import (
    BYTEPLUS,
    CUSTOM_PROVIDER,
    FUNCTIONS,
    OWN_EXTENSION,
    OWN_STORE,
    REQUIRED,
    SHARED_LEDGER,
    deploy,
    properties,
)


def test_each_role_may_connect_to_the_stacks_own_ledger_and_to_nothing_else(source: Mapping[str, Any]) -> None:
    """As its one user; with another stack's ledger to that one, and with a server of one's own to none."""
    base = "arn:aws:elasticache:eu-central-1:123456789012"
    for options, cache in (
        (REQUIRED, {"Fn::Join": [":", [f"{base}:serverlesscache", {"Ref": "Ledger"}]]}),
        ({**REQUIRED, **SHARED_LEDGER}, f"{base}:serverlesscache:snapshot-tuner-0a1b2c3d-4e5f"),
        ({**REQUIRED, **OWN_STORE}, None),
    ):
        stack = deploy(source, options)
        connect = {
            "Effect": "Allow",
            "Action": "elasticache:Connect",
            "Resource": [cache, f"{base}:user:default.iam-user"],
        }
        granted = {
            name: [each for each in role["Policies"][0]["PolicyDocument"]["Statement"] if "elasticache" in str(each)]
            for name, role in stack.find_all("AWS::IAM::Role").items()
        }
        those_of_functions = {f"{function}Role" for function in FUNCTIONS} if cache else set()
        assert granted == {name: [connect] if name in those_of_functions else [] for name in granted}
        assert those_of_functions <= granted.keys()


def test_the_ledgers_name_is_short_and_another_ones_with_every_new_stack(source: Mapping[str, Any]) -> None:
    """The one that an earlier stack of the same name has left keeps its own. The service takes 40 characters."""
    ids = ("e722ae60-fe62-11e8-9a0e-0ae8cc519968", "f722ae60-fe62-11e8-9a0e-0ae8cc519968")
    arn = f"arn:aws:cloudformation:eu-central-1:123456789012:stack/{'n' * 128}"
    names = [
        properties(deploy(source, REQUIRED, {"AWS::StackId": f"{arn}/{each}"}), "Ledger")["ServerlessCacheName"]
        for each in ids
    ]
    assert names == ["snapshot-tuner-e722ae60-fe62", "snapshot-tuner-f722ae60-fe62"]
    assert max(map(len, names)) <= 40


def test_a_ledger_is_made_only_where_none_is_named(source: Mapping[str, Any]) -> None:
    """Two ledgers on one Volcengine account would be two times its quota; its alarms come with it."""
    own = deploy(source, REQUIRED)
    assert {name for name in own.resources if name.startswith("Ledger")} == {
        *(
            "Ledger",
            "LedgerAlarm",
            "LedgerBytesAlarm",
            "LedgerClockAlarm",
            "LedgerEvictionsAlarm",
            "LedgerForgottenAlarm",
        ),
        "LedgerThrottlesAlarm",
    }
    assert own.outputs["LedgerUrl"]["Value"] == properties(own, "Reconciler")["Environment"]["Variables"]["LEDGER_URL"]
    shared = deploy(source, {**REQUIRED, **SHARED_LEDGER})
    assert {name for name in shared.resources if name.startswith("Ledger")} == {
        "LedgerAlarm",
        "LedgerClockAlarm",
        "LedgerForgottenAlarm",
    }
    assert shared.outputs["LedgerUrl"]["Value"] == SHARED_LEDGER["LedgerUrl"]
    assert "LedgerUrl" not in deploy(source, {**REQUIRED, **OWN_STORE}).outputs


def test_the_extension_is_the_regions_unless_another_is_given(source: Mapping[str, Any]) -> None:
    """A region that the template does not list needs a row of its own there, and then the parameter."""
    of_region = source["Mappings"]["SecretsExtension"]["us-west-2"]["Arn"]
    elsewhere = deploy(source, REQUIRED, {"AWS::Region": "us-west-2"})
    assert properties(elsewhere, "QueueWorker")["Layers"][3] == of_region
    given = deploy(source, {**REQUIRED, **OWN_EXTENSION})
    assert properties(given, "QueueWorker")["Layers"][3] == OWN_EXTENSION["SecretsExtensionArn"]
    with pytest.raises(KeyError):
        deploy(source, {**REQUIRED, **OWN_EXTENSION}, {"AWS::Region": "xx-new-1"})
    with_row = copy.deepcopy(dict(source))
    with_row["Mappings"]["SecretsExtension"]["xx-new-1"] = {"Arn": ""}
    stack = deploy(with_row, {**REQUIRED, **OWN_EXTENSION}, {"AWS::Region": "xx-new-1"})
    assert properties(stack, "QueueWorker")["Layers"][3] == OWN_EXTENSION["SecretsExtensionArn"]


def test_the_listed_extensions_have_the_form_of_their_region_and_partition(source: Mapping[str, Any]) -> None:
    """Every ARN is one that the parameter would take; 38 regions on the day when AWS's table was read."""
    partitions = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    rows = {region: row["Arn"] for region, row in source["Mappings"]["SecretsExtension"].items()}
    assert len(rows) == 38
    for region, arn in rows.items():
        assert re.fullmatch(source["Parameters"]["SecretsExtensionArn"]["AllowedPattern"], arn)
        partition = next((name for prefix, name in partitions.items() if region.startswith(prefix)), "aws")
        assert arn.split(":")[:4] == ["arn", partition, "lambda", region]


def test_the_provider_is_one_of_two_or_ones_own(source: Mapping[str, Any]) -> None:
    """Endpoint, region and version go together."""
    for options, expected in (
        ({}, ("https://rtc.volcengineapi.com", "cn-north-1", "2023-11-01")),
        (BYTEPLUS, ("https://open.byteplusapi.com", "ap-singapore-1", "2022-06-01")),
        (CUSTOM_PROVIDER, ("https://open-ap-singapore-1.volcengineapi.com", "ap-singapore-1", "2023-11-01")),
    ):
        variables = properties(deploy(source, {**REQUIRED, **options}), "QueueWorker")["Environment"]["Variables"]
        assert (variables["RTC_ENDPOINT"], variables["RTC_REGION"], variables["RTC_API_VERSION"]) == expected
