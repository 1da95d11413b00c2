"""The parameters that the template's tests deploy it with; the rest is `devkit.template.cloudformation`'s."""

from devkit.template.cloudformation import REGION, ROOT, Stack, deploy, linted, load, references, translate

__all__ = [
    "ALL_OPTIONS",
    "IN_VPC",
    "OWN_POLICY",
    "REGION",
    "REQUIRED",
    "ROOT",
    "SECRETS_KEY",
    "TOPIC",
    "Stack",
    "deploy",
    "linted",
    "load",
    "references",
    "translate",
]

REQUIRED = {
    "Stage": "prod",
    "CredentialsSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:volcengine-a1b2c3",
    "LedgerUrlSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ledger-d4e5f6",
    "SecretsExtensionArn": (
        "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:12"
    ),
}
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
OWN_POLICY = "arn:aws:lambda:eu-central-1:123456789012:layer:policy:7"
SECRETS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
IN_VPC = {"SubnetIds": "subnet-0a1b2c3d,subnet-4e5f6a7b", "SecurityGroupIds": "sg-0a1b2c3d"}
ALL_OPTIONS = {
    **REQUIRED,
    **IN_VPC,
    "FifoQueue": "true",
    "DirectBusRule": "true",
    "AlarmTopicArn": TOPIC,
    "PolicyLayerArn": OWN_POLICY,
    "SecretsKeyArn": SECRETS_KEY,
}
