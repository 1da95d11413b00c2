"""cfn-lint, in a module of its own: it takes a second to import, and `make deploy` has no use for it."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner

from devkit.template.cloudformation import REGION


def linted(template: Mapping[str, Any]) -> list[str]:
    """What cfn-lint says, each line beginning with the rule's id; it gets text, as it wants positions.

    Where conditions are still open, descriptions of versions are moved to where it does not make every text that they
    can be: that takes four fifths of its time. It sees them where the conditions are decided, and `make deploy` counts
    their characters.
    """
    resources = {
        name: {
            **resource,
            "Properties": {**resource["Properties"], "Description": "in the metadata"},
            "Metadata": {"Description": resource["Properties"]["Description"]},
        }
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Version" and isinstance(resource["Properties"].get("Description"), dict)
    }
    linted = {**template, "Resources": {**template["Resources"], **resources}}
    decoded, mistakes = decode_str(json.dumps(linted, indent=1))
    return [f"{match.rule.id} {match.message}" for match in mistakes or _runner().validate_template(decoded)]


@cache
def _runner() -> Runner:
    """With all rules, which take most of a second to load."""
    return Runner(ConfigMixIn(regions=[REGION]))
