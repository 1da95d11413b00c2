"""Mistakes to plant in the ledger and in who gets into it: place, value, what is found then. cfn-lint sees none."""

from typing import Final

from tests.template.operations_planted import REMOVED

_LEDGER = "Resources/Ledger/Properties"
_STATEMENT = "Resources/QueueWorkerRole/Properties/Policies/0/PolicyDocument/Statement/3"
_MAY_CONNECT = f"{_STATEMENT}/Fn::If/1"

IN_LEDGER: Final[tuple[tuple[str, object, str], ...]] = (
    (
        f"{_LEDGER}/ConnectionType",
        "Public",
        "Ledger: ConnectionType is Public, so it cannot be reached without a VPC",
    ),
    (f"{_LEDGER}/ConnectionType", REMOVED, "Ledger: ConnectionType is None, so it cannot be reached without a VPC"),
    (f"{_LEDGER}/MajorEngineVersion", "8", "Ledger: only Valkey 9 and later have a public endpoint"),
    (f"{_LEDGER}/Engine", "redis", "Ledger: only Valkey 9 and later have a public endpoint"),
    (
        f"{_LEDGER}/UserGroupId",
        REMOVED,
        "Ledger: IAM lets nobody in without the user group default.iam-user-group",
    ),
    (
        f"{_LEDGER}/SubnetIds",
        ["subnet-0a1b2c3d"],
        "Ledger: a public endpoint takes no subnets and no security groups",
    ),
    (
        f"{_LEDGER}/ServerlessCacheName",
        "n" * 60,
        f"Ledger: a serverless cache has no such name as {'n' * 60}",
    ),
    (
        "Resources/Ledger/DeletionPolicy",
        "Delete",
        "Ledger: is deleted with the stack, and everything is forgotten",
    ),
    (
        "Resources/Ledger/UpdateReplacePolicy",
        REMOVED,
        "Ledger: is deleted with the stack, and everything is forgotten",
    ),
    ("Resources/LedgerBytesAlarm", REMOVED, "Ledger: no alarm on BytesUsedForCache"),
    ("Resources/LedgerEvictionsAlarm/Properties/Namespace", "AWS/SQS", "Ledger: no alarm on Evictions"),
    (
        "Resources/LedgerThrottlesAlarm/Properties/Dimensions/0/Name",
        "CacheClusterId",
        "Ledger: no alarm on ThrottledCmds",
    ),
    (
        _STATEMENT,
        REMOVED,
        "QueueWorker: may not connect to just the cache of its LEDGER_URL",
    ),
    (f"{_MAY_CONNECT}/Resource/1", REMOVED, "QueueWorker: may not connect to just the cache of its LEDGER_URL"),
    (
        f"{_MAY_CONNECT}/Resource/0",
        "arn:aws:elasticache:eu-central-1:123456789012:serverlesscache:other",
        "QueueWorker: may not connect to just the cache of its LEDGER_URL",
    ),
    (
        "Globals/Function/Environment/Variables/LEDGER_URL",
        "rediss://user:hunter2@host:6379/0",
        "QueueWorker: may not connect to just the cache of its LEDGER_URL",
    ),
    (
        "Globals/Function/Environment/Variables/LEDGER_URL",
        REMOVED,
        "QueueWorker: has not just one of LEDGER_URL and LEDGER_URL_SECRET_ARN",
    ),
    (
        "Resources/QueueWorker/Properties/Role",
        {"Fn::GetAtt": ["ReconcilerRole", "Arn"]},
        "QueueWorkerRole: nobody but the functions has to do with the ledger",
    ),
)
