"""How a deployment of the template becomes what runs: versions, the alias, snapshots, and the right to the secrets."""

import copy
import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.template.cloudformation import (
    FUNCTIONS,
    OWN_EXTENSION,
    OWN_POLICY,
    OWN_STORE,
    PUBLIC_URL,
    RABBIT_MQ,
    REQUIRED,
    SECRETS_KEY,
    SHARED_LEDGER,
    TOPIC,
    Stack,
    deploy,
    properties,
)

NO_SNAPSHOT: Final = {"SnapStart": "false"}


@pytest.fixture(scope="module")
def as_is(source: Mapping[str, Any]) -> Stack:
    """What the required parameters and the defaults deploy."""
    return deploy(source, REQUIRED)


OTHERS: Final = {
    "LogLevel": "DEBUG",
    "LogEventData": "false",
    "SnapStart": "false",
    "CredentialsSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-a1b2c3",
    "RtcMaxQps": 200,
    "DryRun": "true",
    "RtcProvider": "byteplus",
    # These reach a function with RtcProvider custom only.
    "RtcEndpoint": "https://example.com",
    "RtcRegion": "eu-1",
    "RtcApiVersion": "2024-01-01",
    **OWN_EXTENSION,
    **OWN_STORE,
    **SHARED_LEDGER,
    "LedgerNamespace": "other",
    "PolicyLayerArn": OWN_POLICY,
    "PolicyParameter": "/tuner/policy",
    "SubnetIds": "subnet-0a1b2c3d",
    "SecurityGroupIds": "sg-0a1b2c3d",
    # These do not reach a function, but for its tags, which no version has.
    "Stage": "dev",
    "LogRetentionDays": 7,
    "AlarmTopicArn": TOPIC,
    "SilenceHours": 6,
    "UnmatchedPerHour": 10,
    "SecretsKeyArn": SECRETS_KEY,
    "UrgentTypes": "moderation.alert,fire",
    "FifoQueue": "true",
    "DirectBusRule": "true",
    "RtcAppIds": "5f3a1c0e9b7d4e2a8c6f0b13",
    "HttpConcurrency": 20,
    **RABBIT_MQ,
    **PUBLIC_URL,
}


@pytest.mark.parametrize("parameter", OTHERS)
def test_a_parameter_that_reaches_a_function_publishes_a_version(
    source: Mapping[str, Any], as_is: Stack, parameter: str
) -> None:
    """Else the alias would stay at the old value. Nor is a function published that it does not reach: Lambda refuses a
    version that is like the last one.
    """
    changed = deploy(source, {**REQUIRED, parameter: OTHERS[parameter]})
    for function in FUNCTIONS:

        def configuration(stack: Stack, name: str = function) -> dict[str, Any]:
            return {key: value for key, value in properties(stack, name).items() if key != "Tags"}

        def version(stack: Stack, name: str = function) -> tuple[str, dict[str, Any]]:
            published = properties(stack, f"{name}Aliaslive")["FunctionVersion"]["Fn::GetAtt"][0]
            return published, properties(stack, published)

        is_published = version(as_is) != version(changed)
        assert is_published == (configuration(as_is) != configuration(changed)), function


def test_every_parameter_is_tried(source: Mapping[str, Any]) -> None:
    assert OTHERS.keys() == source["Parameters"].keys()


@pytest.mark.parametrize("layer", ["DependenciesLayer", "SnapshotTunerLayer", "PolicyLayer"])
def test_new_content_of_a_layer_publishes_a_version(source: Mapping[str, Any], as_is: Stack, layer: str) -> None:
    """A policy, a dependency or shared code that changed reaches the alias; so does the functions' own code."""
    changed = copy.deepcopy(dict(source))
    changed["Resources"][layer]["Properties"]["ContentUri"] += "-changed"
    assert deploy(changed, REQUIRED).find_all("AWS::Lambda::Version") != as_is.find_all("AWS::Lambda::Version")


def test_a_versions_description_is_short_enough(source: Mapping[str, Any]) -> None:
    """CloudFormation takes 256 characters. With three subnets, two groups and another stack's ledger there is room for
    the names of a public URL's secrets.
    """
    options = {
        **REQUIRED,
        **SHARED_LEDGER,
        "SubnetIds": ",".join(["subnet-0123456789abcdef0"] * 3),
        "SecurityGroupIds": ",".join(["sg-0123456789abcdef0"] * 2),
        "LedgerNamespace": "production",
        "PolicyLayerArn": OWN_POLICY,
        "PolicyParameter": "/tuner/policy",
        **PUBLIC_URL,
    }
    stack = deploy(source, options)

    def description(function: str) -> str:
        version = properties(stack, f"{function}Aliaslive")["FunctionVersion"]["Fn::GetAtt"][0]
        return str(properties(stack, version)["Description"])

    for function, own in (
        ("QueueWorker", "/tuner/policy"),
        ("HttpEndpoint", "/tuner/policy p webhooks-a7b8c9 tokens-b8c9d0 people-c9d0e1 rtc-d0e1f2 -"),
        ("BusListener", "/tuner/policy"),
        ("Reconciler", ""),
    ):
        assert description(function) == (
            "INFO 150 -se volcengine production ~0a1b2c3d-4e5f volcengine-a1b2c3 "
            "24 123456789012 policy 7 "
            "0123456789abcdef0 0123456789abcdef0 0123456789abcdef0 0123456789abcdef0 0123456789abcdef0"
            f"{own}"
        )
        assert len(description(function)) <= 256


def test_a_function_starts_from_a_snapshot_unless_told_otherwise(source: Mapping[str, Any]) -> None:
    """And whoever invokes it invokes the alias `live` of the version that the snapshot is of."""
    for options, applies_to in ((REQUIRED, "PublishedVersions"), ({**REQUIRED, **NO_SNAPSHOT}, "None")):
        stack = deploy(source, options)
        for function in FUNCTIONS:
            assert properties(stack, function)["SnapStart"] == {"ApplyOn": applies_to}
            alias = properties(stack, f"{function}Aliaslive")
            assert alias["FunctionVersion"]["Fn::GetAtt"][0] in stack.find_all("AWS::Lambda::Version")
        assert properties(stack, "QueueWorkerBatches")["FunctionName"] == {"Ref": "QueueWorkerAliaslive"}
        assert properties(stack, "HttpEndpointUrl")["TargetFunctionArn"] == {"Ref": "HttpEndpointAliaslive"}
        assert properties(stack, "BusListenerEventInvokeConfig")["Qualifier"] == "live"


def test_a_function_may_read_its_two_secrets_and_decrypt_nothing_else(source: Mapping[str, Any]) -> None:
    """The key is granted for Secrets Manager alone, and where there is one."""
    options = {**REQUIRED, **OWN_STORE}
    plain, encrypted = deploy(source, options), deploy(source, {**options, "SecretsKeyArn": SECRETS_KEY})
    for function in FUNCTIONS:
        read = {
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": [REQUIRED["CredentialsSecretArn"], OWN_STORE["LedgerUrlSecretArn"]],
        }
        decrypt = {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": SECRETS_KEY,
            "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com"}},
        }
        role = f"{function}Role"
        without, with_key = (
            properties(stack, role)["Policies"][0]["PolicyDocument"]["Statement"] for stack in (plain, encrypted)
        )
        assert without[-1] == read
        assert with_key[-2:] == [read, decrypt]


def test_the_arn_of_a_secret_is_whole(source: Mapping[str, Any]) -> None:
    """Secrets Manager finds a secret without what it puts behind the name, but the roles could not read it."""
    whole = REQUIRED["CredentialsSecretArn"]
    patterns = [
        re.compile(declared["AllowedPattern"])
        for declared in source["Parameters"].values()
        if ":secretsmanager:" in declared.get("AllowedPattern", "")
    ]
    assert len(patterns) == 7
    for pattern in patterns:
        assert pattern.fullmatch(whole)
        assert not pattern.fullmatch(whole.removesuffix("-a1b2c3"))
        assert not pattern.fullmatch(f"{whole}:VOLCENGINE_ACCESS_KEY::")


def test_a_function_that_decides_may_read_the_policys_parameter_and_no_other(source: Mapping[str, Any]) -> None:
    """The reconciler decides nothing; without a parameter nobody may read any."""
    named, plain = deploy(source, {**REQUIRED, "PolicyParameter": "/tuner/policy"}), deploy(source, REQUIRED)
    for function in FUNCTIONS:
        decides = function != "Reconciler"
        arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/tuner/policy"
        expected = [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": arn}] if decides else []
        for stack, statements in ((named, expected), (plain, [])):
            policy = properties(stack, f"{function}Role")["Policies"][0]["PolicyDocument"]["Statement"]
            assert [each for each in policy if "ssm:" in str(each["Action"])] == statements
        variables = properties(named, function)["Environment"]["Variables"]
        assert variables.get("POLICY_PARAMETER") == ("/tuner/policy" if decides else None)
