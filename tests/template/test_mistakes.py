"""Mistakes planted in copies of the template: all are found, so finding none in the template itself means something."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from tests.template.cloudformation import ALL_OPTIONS, REQUIRED, decide, translate
from tests.template.findings import findings
from tests.template.ledger_planted import IN_LEDGER
from tests.template.operations_planted import IN_OPERATIONS, REMOVED
from tests.template.streams_planted import IN_STREAMS
from tests.template.url_planted import IN_URL

PLANTED: Final[tuple[tuple[str, object, str], ...]] = (
    *IN_OPERATIONS,
    *IN_LEDGER,
    *IN_URL,
    *IN_STREAMS,
    (
        "Outputs/BusArn/Value",
        {"Fn::GetAtt": ["Buss", "Arn"]},
        "BusArn: GetAtt of Buss, which is not there",
    ),
    (
        "Globals/Function/Layers/0",
        {"Ref": "DependencyLayer"},
        "QueueWorker: Ref of DependencyLayer, which is not there",
    ),
    (
        "Resources/QueueWorkerLogGroup/Properties/LogGroupName",
        {"Fn::Sub": "/aws/lambda/${QueueWorkr}"},
        "QueueWorkerLogGroup: Sub of QueueWorkr, which is not there",
    ),
    ("Resources/QueueRule/DependsOn", "Buss", "QueueRule: depends on Buss, which is not there"),
    (
        # There in one set of options only.
        "Resources/EventQueuePolicy/Properties/PolicyDocument/Statement/0/Condition/ArnEquals/aws:SourceArn",
        {"Fn::GetAtt": ["ListenerRule", "Arn"]},
        "EventQueuePolicy: GetAtt of ListenerRule, which is not there",
    ),
    (
        "Resources/QueueWorker/Properties/Events/Batches/Properties/ScalingConfig/MaximumConcurrency",
        1,
        "QueueWorkerBatches: MaximumConcurrency must be 2 or more",
    ),
    (
        "Resources/QueueWorker/Properties/Events/Batches/Properties/FunctionResponseTypes",
        ["ReportBatchItemFailure"],
        "QueueWorkerBatches: without ReportBatchItemFailures one bad record brings the whole batch back",
    ),
    (
        "Resources/EventQueue/Properties/VisibilityTimeout",
        120,
        "QueueWorkerBatches: the queue's VisibilityTimeout must be 121 s or more: six timeouts and the window",
    ),
    (
        "Globals/Function/Timeout",
        21,
        "QueueWorkerBatches: the queue's VisibilityTimeout must be 127 s or more: six timeouts and the window",
    ),
    (
        "Resources/EventQueue/Properties/RedrivePolicy/maxReceiveCount",
        4,
        "QueueWorkerBatches: maxReceiveCount must be 5 or more, or a busy task makes a dead letter",
    ),
    (
        "Resources/UrgentQueue/Properties/VisibilityTimeout",
        29,
        "QueueWorkerUrgentBatches: the queue's VisibilityTimeout must be 30 s or more: 1.5 timeouts and the window",
    ),
    (
        "Resources/UrgentQueue/Properties/RedrivePolicy/maxReceiveCount",
        19,
        "QueueWorkerUrgentBatches: the queue's VisibilityTimeout must be 120 s or more: six timeouts and the window",
    ),
    (
        "Resources/UrgentQueue/Properties/RedrivePolicy/maxReceiveCount",
        19,
        "QueueWorkerUrgentBatches: after an outage of less than 600 s events are dead letters",
    ),
    (
        "Resources/QueueWorker/Properties/Events/UrgentBatches/Properties/FunctionResponseTypes",
        REMOVED,
        "QueueWorkerUrgentBatches: without ReportBatchItemFailures one bad record brings the whole batch back",
    ),
    (
        "Resources/UrgentDeadLetters/Properties/RedriveAllowPolicy/sourceQueueArns/0",
        {"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-events"},
        "UrgentQueue: its dead-letter queue does not allow it",
    ),
    (
        "Resources/QueueWorkerRole/Properties/Policies/0/PolicyDocument/Statement/0/Resource/1",
        REMOVED,
        "QueueWorkerUrgentBatches: the function's role lacks sqs:ReceiveMessage",
    ),
    ("Resources/UrgentQueuePolicy", REMOVED, "UrgentRule: is not permitted to send to UrgentQueue"),
    ("Resources/UrgentQueueAgeAlarm", REMOVED, "UrgentQueue: no alarm on the age of its oldest message"),
    ("Resources/UrgentDeadLettersAlarm", REMOVED, "UrgentDeadLetters: no alarm on dead letters"),
    (
        "Resources/QueueWorker/Properties/Events/Batches/Properties/BatchSize",
        100,
        "QueueWorkerBatches: a FIFO queue takes batches of at most 10 and no window",
    ),
    ("Resources/BusDeadLetters/Properties/SqsManagedSseEnabled", REMOVED, "BusDeadLetters: not encrypted"),
    (
        "Resources/EventQueue/Properties/QueueName",
        {"Fn::Sub": "${AWS::StackName}-events"},
        "EventQueue: a FIFO queue's name ends in .fifo, and no other's does",
    ),
    (
        "Resources/EventQueue/Properties/QueueName",
        "happenings",
        "EventQueue: its dead-letter queue does not allow it",
    ),
    (
        "Resources/EventDeadLetters/Properties/FifoQueue",
        REMOVED,
        "EventQueue: FIFO and standard do not go together with its dead-letter queue",
    ),
    (
        "Resources/EventQueue/Properties/RedrivePolicy",
        REMOVED,
        "EventQueue: neither has a dead-letter queue nor says whose it is",
    ),
    (
        "Resources/EventDeadLetters/Properties/MessageRetentionPeriod",
        3600,
        "EventQueue: dead letters are kept no longer than the queue's own messages",
    ),
    (
        "Resources/Reconciler/Properties/LoggingConfig/LogFormat",
        "JSON",
        "Reconciler: Lambda takes lines of metrics for INFO, and drops them where LogLevel is higher",
    ),
    (
        "Resources/BusListener/Properties/LoggingConfig",
        REMOVED,
        "BusListener: no log group with a retention",
    ),
    (
        "Resources/BusListenerLogGroup/Properties/RetentionInDays",
        REMOVED,
        "BusListener: no log group with a retention",
    ),
    ("Resources/QueueWorkerErrorsAlarm", REMOVED, "QueueWorker: no alarm on Errors"),
    (
        "Resources/HttpEndpointThrottlesAlarm/Properties/Dimensions/0/Value",
        {"Ref": "QueueWorker"},
        "HttpEndpoint: no alarm on Throttles",
    ),
    (
        "Resources/BusListener/Properties/Role",
        {"Fn::GetAtt": ["QueueWorkerRole", "Arn"]},
        "BusListener: shares its role with another function",
    ),
    (
        "Globals/Function/Runtime",
        "python3.12",
        "QueueWorker: a layer is not for python3.12: The snapshot_tuner package.",
    ),
    (
        "Globals/Function/Architectures",
        ["x86_64"],
        "QueueWorker: a layer is not for x86_64: Dependencies of snapshot-tuner for python3.13 on arm64.",
    ),
    ("Globals/Function/Environment/Variables/RTC_MAXQPS", "150", "BusListener: nobody reads RTC_MAXQPS"),
    (
        "Globals/Function/Environment/Variables/CREDENTIALS_SECRET_ARN",
        REMOVED,
        "QueueWorker: CREDENTIALS_SECRET_ARN is not set",
    ),
    (
        "Globals/Function/Environment/Variables/VOLCENGINE_SECRET_KEY",
        {"Fn::Sub": "{{resolve:secretsmanager:${CredentialsSecretArn}:SecretString:VOLCENGINE_SECRET_KEY}}"},
        "HttpEndpoint: VOLCENGINE_SECRET_KEY is a secret, and everybody who may look at the function sees it",
    ),
    (
        "Resources/HttpEndpointRole/Properties/Policies/0/PolicyDocument/Statement/1/Resource/1",
        REMOVED,
        "HttpEndpoint: may not read just those secrets that its variables name",
    ),
    (
        "Resources/QueueWorkerRole/Properties/Policies/0/PolicyDocument/Statement/2/Resource",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-a1b2c3",
        "QueueWorker: may not read just those secrets that its variables name",
    ),
    (
        "Globals/Function/Layers/3",
        "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension:12",
        "BusListener: has no secrets extension for its architecture",
    ),
    (
        "Globals/Function/Environment/Variables/PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED",
        "true",
        "QueueWorker: the extension would hand out a secret from before its rotation",
    ),
    (
        "Resources/BusListenerRole/Properties/Policies/0/PolicyDocument/Statement/4/Fn::If/1/Condition",
        REMOVED,
        "BusListenerRole: decrypts more than secrets",
    ),
    (
        "Resources/QueueWorkerRole/Properties/Policies/0/PolicyDocument/Statement/0/Resource",
        "*",
        "QueueWorkerRole: wildcard in Resource *",
    ),
    (
        "Resources/BusListenerRole/Properties/Policies/0/PolicyDocument/Statement/0/Action",
        ["sqs:*"],
        "BusListenerRole: wildcard in Action sqs:*",
    ),
    (
        "Resources/HttpEndpointRole/Properties/ManagedPolicyArns",
        ["arn:aws:iam::aws:policy/AdministratorAccess"],
        "HttpEndpointRole: arn:aws:iam::aws:policy/AdministratorAccess grants more than the function needs",
    ),
    (
        "Resources/BusDeadLettersPolicy/Properties/PolicyDocument/Statement/0/Condition",
        REMOVED,
        "BusDeadLettersPolicy: any account's rule may send to the queue",
    ),
    *(
        (
            f"Resources/{queue}Policy/Properties/PolicyDocument/Statement/{number}/Condition/Bool/aws:SecureTransport",
            "true",
            f"{queue}: takes plain HTTP",
        )
        for queue, number in (
            ("EventQueue", 1),
            ("EventDeadLetters", 0),
            ("UrgentQueue", 1),
            ("UrgentDeadLetters", 0),
            ("BusDeadLetters", 1),
            ("ListenerDeadLetters", 0),
        )
    ),
    (
        "Resources/EventQueuePolicy",
        REMOVED,
        "QueueRule: is not permitted to send to EventQueue",
    ),
    (
        "Resources/ListenerRulePermission",
        REMOVED,
        "ListenerRule: is not permitted to send to BusListenerAliaslive",
    ),
    (
        "Resources/BusDeadLettersPolicy/Properties/PolicyDocument/Statement/0/Condition/ArnEquals/aws:SourceArn/2",
        REMOVED,
        "ListenerRule: is not permitted to send to its dead-letter queue",
    ),
    (
        "Resources/QueueRule/Properties/Targets/0/DeadLetterConfig",
        REMOVED,
        "QueueRule: what it cannot deliver is lost",
    ),
    (
        "Resources/BusListener/Properties/EventInvokeConfig/DestinationConfig",
        REMOVED,
        "BusListenerEventInvokeConfig: what the function gives up on is lost",
    ),
    (
        "Resources/BusListenerRole/Properties/Policies/0/PolicyDocument/Statement/0",
        REMOVED,
        "BusListenerEventInvokeConfig: the function is not permitted to hand over what it gives up on",
    ),
    (
        "Resources/QueueWorkerRole/Properties/Policies/0/PolicyDocument/Statement/0/Action",
        ["sqs:ReceiveMessage", "sqs:GetQueueAttributes"],
        "QueueWorkerBatches: the function's role lacks sqs:DeleteMessage",
    ),
    (
        "Resources/EventQueueAgeAlarm/Properties/AlarmDescription",
        "Too old.",
        "EventQueueAgeAlarm: does not say what happened and what to do",
    ),
    (
        "Resources/EventQueueAgeAlarm",
        REMOVED,
        "EventQueue: no alarm on the age of its oldest message",
    ),
    (
        # This one does not count what a redrive brings back.
        "Resources/ListenerDeadLettersAlarm/Properties/MetricName",
        "NumberOfMessagesSent",
        "ListenerDeadLetters: no alarm on dead letters",
    ),
    (
        "Resources/EventQueue/Properties/MessageRetentionPeriod",
        86400,
        "QueueWorker: IDEMPOTENCY_TTL_SECONDS is less than an event's way to its last retry",
    ),
    (
        "Resources/ListenerDeadLetters/Properties/MessageRetentionPeriod",
        1209600,
        "BusListener: TASK_TTL_SECONDS is less than that and the time in a dead-letter queue",
    ),
)


def planted(node: Any, path: Sequence[str], value: object) -> Any:  # noqa: ANN401 - any part of a template
    """A copy with one place set or removed; that the place exists is checked on the way."""
    changed = copy.copy(node)
    step = int(path[0]) if isinstance(node, list) else path[0]
    if path[1:]:
        changed[step] = planted(node[step], path[1:], value)
    elif value is REMOVED:
        del changed[step]
    else:
        changed[step] = value
    return changed


@pytest.fixture(scope="module")
def translated(source: Mapping[str, Any]) -> list[tuple[Mapping[str, str], dict[str, Any]]]:
    """What SAM makes of the template without a mistake, with all options and with none."""
    return [(options, translate(source, options)) for options in (ALL_OPTIONS, REQUIRED)]


def is_left_to_cloudformation(source: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Whether SAM hands this on as it is written, so that a mistake in it can be planted behind the translation."""
    if path[0] == "Resources":
        return not source["Resources"][path[1]]["Type"].startswith("AWS::Serverless::")
    return path[0] == "Outputs"


@pytest.mark.parametrize(("path", "value", "finding"), PLANTED, ids=[finding for _, _, finding in PLANTED])
def test_a_planted_mistake_is_found(
    source: Mapping[str, Any],
    translated: list[tuple[Mapping[str, str], dict[str, Any]]],
    path: str,
    value: object,
    finding: str,
) -> None:
    """The finding comes with all options or with none, by its exact words."""
    steps = path.split("/")
    if is_left_to_cloudformation(source, steps):
        templates = [(options, planted(template, steps, value)) for options, template in translated]
    else:
        changed = planted(source, steps, value)
        templates = [(options, translate(changed, options)) for options, _ in translated]
    assert any(finding in findings(decide(template, options)) for options, template in templates)
