"""What is wrong with a deployed stack that cfn-lint does not see; every finding is one sentence."""

from collections.abc import Iterator, Mapping
from typing import Any

from snapshot_tuner.aws.secrets import STANDS_FOR
from snapshot_tuner.settings import VARIABLES
from tests.template import ledger, operations, url
from tests.template.cloudformation import Stack, find_function, references, referred

Properties = Mapping[str, Any]

SECRETS = frozenset(variable for variables in STANDS_FOR.values() for variable in variables)
EXTENSION_CACHE = "PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED"
REQUIRED_VARIABLES = frozenset(
    {
        "CREDENTIALS_SECRET_ARN",
        EXTENSION_CACHE,
        "VOLCENGINE_ECS_METADATA_DISABLED",
        "POWERTOOLS_SERVICE_NAME",
        "POWERTOOLS_LOG_LEVEL",
    }
)
KNOWN_VARIABLES = REQUIRED_VARIABLES | STANDS_FOR.keys() | SECRETS | frozenset(VARIABLES)
"""What the settings, the SDK, Powertools and the secrets extension read."""

NETWORK_INTERFACES = frozenset(
    f"ec2:{action}"
    for action in (
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeVpcs",
    )
)
"""What pollers in a broker's subnets need; Lambda takes no narrower resource than all for it."""

VPC_POLICY = "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"


def findings(stack: Stack) -> list[str]:
    """All of them, sorted; empty is good."""
    checks = (
        dangling_references,
        url.open_endpoints,
        queue_mappings,
        stream_mappings,
        queues,
        functions,
        variables,
        secrets,
        permissions,
        rule_deliveries,
        function_deliveries,
        alarms,
        memories,
        *operations.CHECKS,
        *ledger.CHECKS,
    )
    return sorted(finding for check in checks for finding in check(stack))


def dangling_references(stack: Stack) -> Iterator[str]:
    for name, entry in {**stack.resources, **stack.outputs}.items():
        for function, target in references(entry):
            if target not in stack.resources:
                yield f"{name}: {function} of {target}, which is not there"
        depends_on = entry.get("DependsOn", [])
        for target in [depends_on] if isinstance(depends_on, str) else depends_on:
            if target not in stack.resources:
                yield f"{name}: depends on {target}, which is not there"


def queue_mappings(stack: Stack) -> Iterator[str]:
    for name, mapping in _mappings(stack, "sqs").items():
        queue = referred(stack, mapping["EventSourceArn"])
        function = find_function(stack, mapping["FunctionName"])
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: without ReportBatchItemFailures one bad record brings the whole batch back"
        if mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 0) < 2:
            yield f"{name}: MaximumConcurrency must be 2 or more"
        window = mapping.get("MaximumBatchingWindowInSeconds", 0)
        timeout, visibility = function.get("Timeout", 3), queue.get("VisibilityTimeout", 30)
        receives = queue.get("RedrivePolicy", {}).get("maxReceiveCount", 0)
        timeouts, said = (6.0, "six timeouts") if receives < RECEIVES_TO_SPARE else (1.5, "1.5 timeouts")
        least = round(timeouts * timeout + window)
        if visibility < least:
            yield f"{name}: the queue's VisibilityTimeout must be {least} s or more: {said} and the window"
        if receives < 5:
            yield f"{name}: maxReceiveCount must be 5 or more, or a busy task makes a dead letter"
        if receives * visibility < RETRIES_SECONDS:
            yield f"{name}: after an outage of less than {RETRIES_SECONDS} s events are dead letters"
        if queue.get("FifoQueue") and (mapping["BatchSize"] > 10 or window):
            yield f"{name}: a FIFO queue takes batches of at most 10 and no window"


def _mappings(stack: Stack, *services: str) -> dict[str, Properties]:
    """The event source mappings of these services; only the queue is made with the stack, and so has no plain ARN."""

    def service(mapping: Properties) -> str:
        arn = mapping["EventSourceArn"]
        return arn.split(":")[2] if isinstance(arn, str) else "sqs"

    found = stack.find_all("AWS::Lambda::EventSourceMapping")
    return {name: mapping for name, mapping in found.items() if service(mapping) in services}


RECEIVES_TO_SPARE = 20
"""With so many, one that a throttled poller wastes costs nothing; else Lambda asks for six timeouts."""

RETRIES_SECONDS = 600

STREAM_GRANTS = {
    "kafka": {
        "kafka:DescribeClusterV2",
        "kafka:GetBootstrapBrokers",
        "kafka-cluster:Connect",
        "kafka-cluster:DescribeTopic",
        "kafka-cluster:ReadData",
        "kafka-cluster:DescribeGroup",
        "kafka-cluster:AlterGroup",
    },
    "kinesis": {"kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"},
    "mq": {"mq:DescribeBroker", "secretsmanager:GetSecretValue"},
}
"""What Lambda's pollers need of the function's role (Lambda Developer Guide), by service."""


def stream_mappings(stack: Stack) -> Iterator[str]:
    alarmed = {alarm["MetricName"] for alarm in stack.find_all("AWS::CloudWatch::Alarm").values()}
    for service, metrics in (
        ("kafka", {"OffsetLag"}),
        ("kinesis", {"IteratorAge"}),
        ("mq", {"MessageCount", "QueueSize"}),
    ):
        for name, mapping in _mappings(stack, service).items():
            function = find_function(stack, mapping["FunctionName"])
            grants = _grants(referred(stack, function["Role"])) if function else []
            for action in sorted(STREAM_GRANTS[service] - {action for action, _ in grants}):
                yield f"{name}: the function's role lacks {action}"
            if alarmed.isdisjoint(metrics):
                yield f"{name}: no alarm on what waits there"
            if service == "mq":
                continue
            if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
                yield f"{name}: without ReportBatchItemFailures one bad record brings the whole batch back"
            if mapping.get("MaximumRetryAttempts", -1) < 1 or not mapping.get("BisectBatchOnFunctionError"):
                yield f"{name}: one bad record holds up all behind it, or takes them along"
            destination = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
            if ("sqs:SendMessage", destination) not in grants:
                yield f"{name}: what is given up on is lost"
            if service == "kafka" and "ProvisionedPollerConfig" not in mapping:
                yield f"{name}: only provisioned pollers read the answer and end retries"


def queues(stack: Stack) -> Iterator[str]:
    every_queue = stack.find_all("AWS::SQS::Queue")
    for name, queue in every_queue.items():
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{name}: not encrypted"
        if bool(queue.get("FifoQueue")) != queue["QueueName"].endswith(".fifo"):
            yield f"{name}: a FIFO queue's name ends in .fifo, and no other's does"
        if "RedrivePolicy" not in queue and "RedriveAllowPolicy" not in queue:
            yield f"{name}: neither has a dead-letter queue nor says whose it is"
        if "RedrivePolicy" in queue:
            dead_letters = referred(stack, queue["RedrivePolicy"]["deadLetterTargetArn"])
            allowed = dead_letters.get("RedriveAllowPolicy", {}).get("sourceQueueArns", [])
            if not any(arn.endswith(f":{queue['QueueName']}") for arn in allowed):
                yield f"{name}: its dead-letter queue does not allow it"
            if bool(dead_letters.get("FifoQueue")) != bool(queue.get("FifoQueue")):
                yield f"{name}: FIFO and standard do not go together with its dead-letter queue"
            if dead_letters["MessageRetentionPeriod"] <= queue["MessageRetentionPeriod"]:
                yield f"{name}: dead letters are kept no longer than the queue's own messages"


def functions(stack: Stack) -> Iterator[str]:
    log_groups = stack.find_all("AWS::Logs::LogGroup")
    alarmed = {
        (alarm["MetricName"], target)
        for alarm in stack.find_all("AWS::CloudWatch::Alarm").values()
        for _, target in references(alarm["Dimensions"])
    }
    roles = [function["Role"] for function in stack.find_all("AWS::Lambda::Function").values()]
    for name, function in stack.find_all("AWS::Lambda::Function").items():
        group = function.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref")
        if "RetentionInDays" not in log_groups.get(group, {}):
            yield f"{name}: no log group with a retention"
        if function.get("LoggingConfig", {}).get("LogFormat", "Text") != "Text":
            yield f"{name}: Lambda takes lines of metrics for INFO, and drops them where LogLevel is higher"
        for metric in ("Errors", "Throttles"):
            if (metric, name) not in alarmed:
                yield f"{name}: no alarm on {metric}"
        if roles.count(function["Role"]) > 1:
            yield f"{name}: shares its role with another function"
        for layer in (referred(stack, layer) for layer in function["Layers"] if isinstance(layer, dict)):
            if layer and function["Runtime"] not in layer["CompatibleRuntimes"]:
                yield f"{name}: a layer is not for {function['Runtime']}: {layer['Description']}"
            if layer and not set(function["Architectures"]) <= set(layer["CompatibleArchitectures"]):
                yield f"{name}: a layer is not for {function['Architectures'][0]}: {layer['Description']}"


def variables(stack: Stack) -> Iterator[str]:
    for name, function in stack.find_all("AWS::Lambda::Function").items():
        environment = function["Environment"]["Variables"]
        for variable in sorted(environment.keys() - KNOWN_VARIABLES):
            yield f"{name}: nobody reads {variable}"
        for variable in sorted(REQUIRED_VARIABLES - environment.keys()):
            yield f"{name}: {variable} is not set"
        for variable in sorted(SECRETS & environment.keys() - ledger.PLAIN):
            yield f"{name}: {variable} is a secret, and everybody who may look at the function sees it"


def secrets(stack: Stack) -> Iterator[str]:
    for name, function in stack.find_all("AWS::Lambda::Function").items():
        environment = function["Environment"]["Variables"]
        named = sorted(environment[variable] for variable in STANDS_FOR if variable in environment)
        named = sorted([*named, *(uri for uri in _broker_secrets(stack, function))])
        granted = _granted_secrets(referred(stack, function["Role"]))
        if sorted(granted) != named:
            yield f"{name}: may not read just those secrets that its variables name"
        if not any("AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:" in str(layer) for layer in function["Layers"]):
            yield f"{name}: has no secrets extension for its architecture"
        if environment.get(EXTENSION_CACHE) != "false":
            yield f"{name}: the extension would hand out a secret from before its rotation"


def _broker_secrets(stack: Stack, function: Properties) -> list[str]:
    """Those that Lambda's pollers log in with, with the function's role."""
    return [
        access["URI"]
        for mapping in _mappings(stack, "mq").values()
        for access in mapping["SourceAccessConfigurations"]
        if access["Type"] == "BASIC_AUTH" and find_function(stack, mapping["FunctionName"]) is function
    ]


def _granted_secrets(role: Properties) -> list[str]:
    return [str(resource) for action, resource in _grants(role) if action == "secretsmanager:GetSecretValue"]


def permissions(stack: Stack) -> Iterator[str]:
    for name, role in stack.find_all("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            yield from _wide_statements(name, policy["PolicyDocument"])
        for arn in role.get("ManagedPolicyArns", []):
            if arn != VPC_POLICY:
                yield f"{name}: {arn} grants more than the function needs"
    for name, policy in stack.find_all("AWS::SQS::QueuePolicy").items():
        yield from _wide_statements(name, policy["PolicyDocument"])
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow" and "aws:SourceArn" not in statement.get("Condition", {}).get(
                "ArnEquals", {}
            ):
                yield f"{name}: any account's rule may send to the queue"
    for name in stack.find_all("AWS::SQS::Queue"):
        if name not in set(_queues_over_tls(stack)):
            yield f"{name}: takes plain HTTP"


def _queues_over_tls(stack: Stack) -> Iterator[str]:
    for policy in stack.find_all("AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            match statement:
                case {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "sqs:*",
                    "Resource": {"Fn::GetAtt": [str(name), "Arn"]},
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                } if {"Ref": name} in policy["Queues"]:
                    yield name
                case _:
                    pass


def _wide_statements(name: str, document: Properties) -> Iterator[str]:
    for statement in document["Statement"]:
        if statement["Effect"] != "Allow" or set(statement["Action"]) <= NETWORK_INTERFACES:
            continue
        for key in ("Action", "Resource"):
            values = statement[key] if isinstance(statement[key], list) else [statement[key]]
            for value in values:
                if "*" in str(value):
                    yield f"{name}: wildcard in {key} {value}"
        if statement["Action"] == "kms:Decrypt" and "kms:ViaService" not in str(statement.get("Condition")):
            yield f"{name}: decrypts more than secrets"


def rule_deliveries(stack: Stack) -> Iterator[str]:
    for name, rule in stack.find_all("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            ((_, destination),) = references(target["Arn"])
            if name not in _senders(stack, destination):
                yield f"{name}: is not permitted to send to {destination}"
            if "DeadLetterConfig" not in target:
                yield f"{name}: what it cannot deliver is lost"
            elif name not in _senders(stack, target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]):
                yield f"{name}: is not permitted to send to its dead-letter queue"


def function_deliveries(stack: Stack) -> Iterator[str]:
    for name, config in stack.find_all("AWS::Lambda::EventInvokeConfig").items():
        destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        role = referred(stack, find_function(stack, config["FunctionName"])["Role"])
        if destination is None:
            yield f"{name}: what the function gives up on is lost"
        elif ("sqs:SendMessage", destination) not in _grants(role):
            yield f"{name}: the function is not permitted to hand over what it gives up on"
    for name, mapping in _mappings(stack, "sqs").items():
        role = referred(stack, find_function(stack, mapping["FunctionName"])["Role"])
        for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
            if (action, mapping["EventSourceArn"]) not in _grants(role):
                yield f"{name}: the function's role lacks {action}"


def _senders(stack: Stack, destination: str) -> set[str]:
    """The rules that a queue's policy or a function's permission lets in."""
    queue_policies = [
        policy["PolicyDocument"]["Statement"]
        for policy in stack.find_all("AWS::SQS::QueuePolicy").values()
        if {"Ref": destination} in policy["Queues"]
    ]
    function_permissions = [
        permission["SourceArn"]
        for permission in stack.find_all("AWS::Lambda::Permission").values()
        if permission["FunctionName"] == {"Ref": destination}
    ]
    return {name for _, name in references([queue_policies, function_permissions])} - {destination}


def _grants(role: Properties) -> list[tuple[str, object]]:
    return [
        (action, resource)
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]


def _listed(one_or_more: object) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def alarms(stack: Stack) -> Iterator[str]:
    every_alarm = stack.find_all("AWS::CloudWatch::Alarm")
    for name, alarm in every_alarm.items():
        if not alarm.get("AlarmDescription", "").endswith(".") or alarm["AlarmDescription"].count(". ") < 1:
            yield f"{name}: does not say what happened and what to do"
    visible = {
        target
        for alarm in every_alarm.values()
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        for _, target in references(alarm["Dimensions"])
    }
    aged = {
        target
        for alarm in every_alarm.values()
        if alarm["MetricName"] == "ApproximateAgeOfOldestMessage"
        for _, target in references(alarm["Dimensions"])
    }
    for name, queue in stack.find_all("AWS::SQS::Queue").items():
        if "RedrivePolicy" in queue and name not in aged:
            yield f"{name}: no alarm on the age of its oldest message"
        if "RedrivePolicy" not in queue and name not in visible:
            yield f"{name}: no alarm on dead letters"


def memories(stack: Stack) -> Iterator[str]:
    """Ids are remembered over every retry, and tasks over that and the time that dead letters are kept."""
    every_queue = stack.find_all("AWS::SQS::Queue").values()
    in_queue = max((queue["MessageRetentionPeriod"] for queue in every_queue if "RedrivePolicy" in queue), default=0)
    dead = max((queue["MessageRetentionPeriod"] for queue in every_queue if "RedrivePolicy" not in queue), default=0)
    on_bus = max(
        target["RetryPolicy"]["MaximumEventAgeInSeconds"]
        for rule in stack.find_all("AWS::Events::Rule").values()
        for target in rule["Targets"]
    )
    for name, function in stack.find_all("AWS::Lambda::Function").items():
        environment = function["Environment"]["Variables"]
        ids, tasks = int(environment["IDEMPOTENCY_TTL_SECONDS"]), int(environment["TASK_TTL_SECONDS"])
        if ids < on_bus + in_queue:
            yield f"{name}: IDEMPOTENCY_TTL_SECONDS is less than an event's way to its last retry"
        if tasks < ids + dead:
            yield f"{name}: TASK_TTL_SECONDS is less than that and the time in a dead-letter queue"
