"""The parameters that the template's tests deploy it with, and ways about a stack; the rest is
`devkit.template.cloudformation`'s.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from devkit.template import cloudformation
from devkit.template.cloudformation import ROOT, Stack, decide, load, references, translate

__all__ = [
    "ALL_OPTIONS",
    "BYTEPLUS",
    "CUSTOM_PROVIDER",
    "FUNCTIONS",
    "IN_VPC",
    "OPERATOR_TOKENS",
    "OWN_EXTENSION",
    "OWN_POLICY",
    "OWN_STORE",
    "PUBLIC_URL",
    "RABBIT_MQ",
    "REQUIRED",
    "ROOT",
    "RTC_CALLBACK_SECRETS",
    "SECRETS_KEY",
    "SHARED_LEDGER",
    "SOURCES",
    "TOPIC",
    "WEBHOOK_SECRETS",
    "WEBHOOK_TOKENS",
    "Stack",
    "decide",
    "deploy",
    "find_function",
    "load",
    "properties",
    "references",
    "referred",
    "translate",
]

FUNCTIONS = ("QueueWorker", "HttpEndpoint", "BusListener", "Reconciler")
REQUIRED = {"CredentialsSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:volcengine-a1b2c3"}
OWN_STORE = {"LedgerUrlSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ledger-d4e5f6"}
SHARED_LEDGER = {
    "LedgerUrl": "rediss://default.iam-user@other-1a2b3c.public.serverless.eu-central-1.cache.amazonaws.com:6379/0"
    "?auth=iam&cache=snapshot-tuner-0a1b2c3d-4e5f"
}
OWN_EXTENSION = {
    "SecretsExtensionArn": (
        "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"
    )
}
BYTEPLUS = {"RtcProvider": "byteplus"}
CUSTOM_PROVIDER = {
    "RtcProvider": "custom",
    "RtcEndpoint": "https://open-ap-singapore-1.volcengineapi.com",
    "RtcRegion": "ap-singapore-1",
    "RtcApiVersion": "2023-11-01",
}
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
OWN_POLICY = "arn:aws:lambda:eu-central-1:123456789012:layer:policy:7"
SECRETS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
IN_VPC = {"SubnetIds": "subnet-0a1b2c3d,subnet-4e5f6a7b", "SecurityGroupIds": "sg-0a1b2c3d"}
WEBHOOK_SECRETS = {
    "WebhookSecretsArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:webhooks-a7b8c9",
}
WEBHOOK_TOKENS = {
    "WebhookTokensArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokens-b8c9d0",
}
OPERATOR_TOKENS = {
    "OperatorTokensArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:people-c9d0e1",
}
RTC_CALLBACK_SECRETS = {
    "RtcCallbackSecretsArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rtc-d0e1f2",
}
PUBLIC_URL = {"HttpAuth": "signature", **WEBHOOK_SECRETS, **WEBHOOK_TOKENS, **OPERATOR_TOKENS, **RTC_CALLBACK_SECRETS}
SOURCES = {
    "SnsTopicArn": "arn:aws:sns:eu-central-1:123456789012:rtc-events",
    "KafkaClusterArn": "arn:aws:kafka:eu-central-1:123456789012:cluster/rtc/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0-4",
    "KafkaTopic": "room-load",
    "KinesisStreamArn": "arn:aws:kinesis:eu-central-1:123456789012:stream/room-load",
    "MqBrokerArn": "arn:aws:mq:eu-central-1:123456789012:broker:rtc:b-9bcfa592-423a-4942-879d-eb284b418fc8",
    "MqQueue": "room-load",
    "MqSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:broker-a1b2c3",
}
RABBIT_MQ = {**SOURCES, "MqVirtualHost": "/"}
ALL_OPTIONS = {
    **REQUIRED,
    **OWN_STORE,
    **OWN_EXTENSION,
    **CUSTOM_PROVIDER,
    **IN_VPC,
    **PUBLIC_URL,
    **RABBIT_MQ,
    "FifoQueue": "true",
    "DirectBusRule": "true",
    "AlarmTopicArn": TOPIC,
    "PolicyLayerArn": OWN_POLICY,
    "PolicyParameter": "/tuner/policy",
    "SilenceHours": "6",
    "SecretsKeyArn": SECRETS_KEY,
}


def deploy(
    source: Mapping[str, Any], parameters: Mapping[str, object], pseudo: Mapping[str, str] | None = None
) -> Stack:
    """As `devkit.template.cloudformation` does; what many tests start from is made once, for them to look at only."""
    return _deploy(json.dumps([source, parameters, pseudo]))


@lru_cache(maxsize=64)
def _deploy(asked: str) -> Stack:
    return cloudformation.deploy(*json.loads(asked))


def properties(stack: Stack, name: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.resources[name]["Properties"]
    return found


def referred(stack: Stack, reference: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of the resource that a Ref or GetAtt names; none where it dangles, a finding of its own."""
    properties: dict[str, Any] = {}
    for _, name in references(reference):
        properties = stack.resources.get(name, {}).get("Properties", {})
    return properties


def find_function(stack: Stack, reference: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of the function that is referred to, be it by its alias."""
    properties = referred(stack, reference)
    return referred(stack, properties["FunctionName"]) if "FunctionVersion" in properties else properties
