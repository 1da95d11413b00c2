"""What is wrong with a stack's ledger, and who gets into it; every finding is one sentence."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.template.cloudformation import Stack, references, referred

PLAIN = frozenset({"LEDGER_URL"})
"""A secret that is none where IAM decides who gets in."""

_TYPE = "AWS::ElastiCache::ServerlessCache"
_NAME = re.compile(r"[a-z](?:-?[a-z0-9]){0,39}")
_BY_IAM = re.compile(r"rediss://default\.iam-user@[^@]+/0\?auth=iam&cache=(.+)")
_FIRST_PUBLIC_VERSION = 9
_ALARMED = ("BytesUsedForCache", "Evictions", "ThrottledCmds")


def caches(stack: Stack) -> Iterator[str]:
    """What cfn-lint takes and the service does not, or what would lose the ledger."""
    for name, cache in stack.find_all(_TYPE).items():
        cache_name = cache["ServerlessCacheName"]
        if not _NAME.fullmatch(cache_name) or len(cache_name) > 40:
            yield f"{name}: a serverless cache has no such name as {cache_name}"
        if cache.get("ConnectionType") != "public":
            yield f"{name}: ConnectionType is {cache.get('ConnectionType')}, so it cannot be reached without a VPC"
        if cache.get("Engine") != "valkey" or int(cache.get("MajorEngineVersion", 0)) < _FIRST_PUBLIC_VERSION:
            yield f"{name}: only Valkey 9 and later have a public endpoint"
        if cache.get("UserGroupId") != "default.iam-user-group":
            yield f"{name}: IAM lets nobody in without the user group default.iam-user-group"
        if cache.keys() & {"SubnetIds", "SecurityGroupIds"}:
            yield f"{name}: a public endpoint takes no subnets and no security groups"
        entry = stack.resources[name]
        if (entry.get("DeletionPolicy"), entry.get("UpdateReplacePolicy")) != ("RetainExceptOnCreate", "Retain"):
            yield f"{name}: is deleted with the stack, and everything is forgotten"
        for metric in _ALARMED:
            if metric not in _alarmed(stack, name):
                yield f"{name}: no alarm on {metric}"


def _alarmed(stack: Stack, cache: str) -> set[str]:
    return {
        alarm["MetricName"]
        for alarm in stack.find_all("AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "AWS/ElastiCache"
        and alarm["Dimensions"] == [{"Name": "clusterId", "Value": {"Ref": cache}}]
    }


def connections(stack: Stack) -> Iterator[str]:
    """Each function may connect to just the cache that its URL names, and nobody else may."""
    functions = stack.find_all("AWS::Lambda::Function")
    for name, function in functions.items():
        variables = function["Environment"]["Variables"]
        if ("LEDGER_URL" in variables) == ("LEDGER_URL_SECRET_ARN" in variables):
            yield f"{name}: has not just one of LEDGER_URL and LEDGER_URL_SECRET_ARN"
        granted = [_plain(arn) for arn in _connect_grants(referred(stack, function["Role"]))]
        if granted != _wanted(variables.get("LEDGER_URL")):
            yield f"{name}: may not connect to just the cache of its LEDGER_URL"
    roles = {role for function in functions.values() for _, role in references(function["Role"])}
    for name, role in stack.find_all("AWS::IAM::Role").items():
        if name not in roles and _connect_grants(role):
            yield f"{name}: nobody but the functions has to do with the ledger"


def _wanted(url: object) -> list[str] | None:
    """The two resources that connecting takes; None where the URL lets anybody in, or holds a password."""
    if url is None:
        return []
    named = _BY_IAM.fullmatch(_plain(url))
    base = "arn:aws:elasticache:eu-central-1:123456789012"
    return [f"{base}:serverlesscache:{named[1]}", f"{base}:user:default.iam-user"] if named else None


def _connect_grants(role: Mapping[str, Any]) -> list[object]:
    statements = [each for policy in role.get("Policies", []) for each in policy["PolicyDocument"]["Statement"]]
    return [
        arn
        for statement in statements
        if "elasticache" in json.dumps(statement["Action"])
        for arn in (statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]])
    ]


def _plain(value: object) -> str:
    """As text, with references to the cache's name as its logical id."""
    match value:
        case {"Fn::Sub": str(text)}:
            return text.replace("${Ledger}", "Ledger")
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_plain(part) for part in parts)
        case {"Ref": str(name)}:
            return name
        case _:
            return str(value)


CHECKS: tuple[Callable[[Stack], Iterator[str]], ...] = (caches, connections)
