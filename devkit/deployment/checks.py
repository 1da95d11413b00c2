"""What is found out before anything is asked of AWS: what is missing, and what CloudFormation would refuse late."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from devkit.template.cloudformation import deploy

DESCRIPTION_MOST = 256
_LAYER_VERSION = "12345"
"""In place of what only CloudFormation knows: of that length at most."""

NO_EXTENSION = {"Arn": ""}

_FOR_CREDENTIALS = """\
The functions read the Volcengine key from a secret. If there is none yet, make it in another terminal:

  aws secretsmanager create-secret --region REGION --name snapshot-tuner/volcengine \\
    --secret-string '{"VOLCENGINE_ACCESS_KEY": "…", "VOLCENGINE_SECRET_KEY": "…"}'

Its ARN"""
_FOR_EXTENSION = """\
The template does not list AWS's Parameters and Secrets extension for REGION. The AWS Systems Manager user guide
has a table ("Using Parameter Store parameters in AWS Lambda functions"). Its ARN for ARM64 there"""

Template = Mapping[str, Any]


def questions(template: Template, overrides: Mapping[str, str], region: str) -> Iterator[tuple[str, str]]:
    """The parameters without which nothing can be deployed, each with a question in words."""
    if "CredentialsSecretArn" not in overrides:
        yield "CredentialsSecretArn", _FOR_CREDENTIALS.replace("REGION", region)
    if region not in template["Mappings"]["SecretsExtension"] and "SecretsExtensionArn" not in overrides:
        yield "SecretsExtensionArn", _FOR_EXTENSION.replace("REGION", region)


def mistake(template: Template, name: str, text: str, region: str) -> str | None:
    """What is wrong with an answer; None where nothing is."""
    declared = template["Parameters"][name]
    if not text or not re.fullmatch(declared["AllowedPattern"], text):
        return str(declared["ConstraintDescription"]).removesuffix(", or empty")
    if text.startswith("arn:") and text.split(":")[3] != region:
        return f"is of the region {text.split(':')[3]}, not of {region}"
    return None


def too_long(template: Template, overrides: Mapping[str, str], region: str) -> list[str]:
    """The functions whose version would have a description that Lambda does not take."""
    stack = deploy(template, overrides, {"AWS::Region": region})
    found = []
    for name, version in stack.find_all("AWS::Lambda::Version").items():
        length = len(_text(version["Description"]))
        if length > DESCRIPTION_MOST:
            found.append(f"{name}: {length} characters")
    return found


def _text(node: object) -> str:
    match node:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_text(part) for part in parts)
        case {"Fn::Select": _}:
            return _LAYER_VERSION
        case _:
            return str(node)


def add_region(template_file: Path, region: str) -> None:
    """A row without an ARN in the built template: CloudFormation looks the region up in any case."""
    text = template_file.read_text("utf-8")
    template_file.write_text(
        text.replace("\n  SecretsExtension:\n", f'\n  SecretsExtension:\n    {region}: {{Arn: ""}}\n', 1), "utf-8"
    )
