"""One event of each kind that Lambda's sources hand to a function: the members that tell it from the others.

The shapes are those of the AWS Lambda Developer Guide; names and values are made up.
"""

from typing import Any, Final

_RECORD: Final = {"awsRegion": "eu-central-1", "eventVersion": "2.1"}
_V2: Final = {"http": {"method": "GET", "path": "/p", "sourceIp": "192.0.2.1"}, "stage": "$default", "timeEpoch": 1}
_ALB: Final = {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/t/1"}}
_IAM: Final = {"iam": {"accountId": "123456789012", "userArn": "arn:aws:iam::123456789012:user/u"}}
_COGNITO: Final = {"version": "1", "region": "eu-central-1", "userPoolId": "p", "userName": "u", "request": {}}
_CONFIG: Final = {"invokingEvent": "{}", "ruleParameters": "{}", "resultToken": "t", "configRuleName": "r"}
_STACK: Final = {"RequestType": "Create", "ResponseURL": "https://example.com", "StackId": "s", "RequestId": "r"}
_BUS: Final = {"version": "0", "id": "e-1", "account": "1", "region": "eu-central-1", "resources": []}
_AT: Final = "2026-03-01T09:00:00Z"


def _records(**members: object) -> dict[str, Any]:
    return {"Records": [{**_RECORD, **members}]}


QUEUE: Final[dict[str, Any]] = {
    "SQS": _records(messageId="m", eventSource="aws:sqs", body="no event", attributes={"SentTimestamp": "1"}),
    "SQS, of S3": _records(messageId="m", eventSource="aws:sqs", body='{"Records": []}', attributes={}),
}

STREAM: Final[dict[str, Any]] = {
    "Kinesis": _records(eventSource="aws:kinesis", kinesis={"data": "e30=", "sequenceNumber": "1"}),
    "MSK": {"eventSource": "aws:kafka", "records": {"topic-0": [{"offset": 1, "value": "e30="}]}},
    "Kafka": {"eventSource": "SelfManagedKafka", "records": {"topic-0": []}},
}

BROKER: Final[dict[str, Any]] = {
    "ActiveMQ": {"eventSource": "aws:mq", "messages": [{"messageID": "m", "data": "e30="}]},
    "RabbitMQ": {"eventSource": "aws:rmq", "rmqMessagesByQueue": {"queue::/": [{"data": "e30="}]}},
}

TOPIC: Final[dict[str, Any]] = {
    "SNS": {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "Sns": {"Type": "Notification", "TopicArn": "a", "Message": "no event", "Timestamp": _AT},
            }
        ]
    },
}

HTTP: Final[dict[str, Any]] = {
    "function URL": {"version": "2.0", "rawPath": "/p", "headers": {}, "requestContext": _V2},
    "function URL, IAM": {"version": "2.0", "rawPath": "/p", "requestContext": {**_V2, "authorizer": _IAM}},
    "API Gateway HTTP, stage": {"version": "2.0", "rawPath": "/s/p", "requestContext": {**_V2, "stage": "s"}},
    "API Gateway HTTP, JWT": {"rawPath": "/p", "requestContext": {**_V2, "authorizer": {"jwt": {"claims": {}}}}},
    "API Gateway REST": {
        "resource": "/p",
        "path": "/p",
        "httpMethod": "GET",
        "headers": {"A": "b"},
        "multiValueHeaders": {"A": ["a", "b"]},
        "requestContext": {"stage": "s", "identity": {"userArn": None}, "authorizer": {"claims": None}},
        "body": None,
    },
    "API Gateway REST, no headers": {"path": "/p", "httpMethod": "GET", "requestContext": {"authorizer": {}}},
    "ALB": {"requestContext": _ALB, "httpMethod": "GET", "path": "/p", "headers": {}, "body": ""},
    "ALB, lists": {"requestContext": _ALB, "httpMethod": "GET", "path": "/p", "multiValueHeaders": {"a": ["b"]}},
    "VPC Lattice": {"raw_path": "/p", "method": "GET", "headers": {}, "body": "", "is_base64_encoded": False},
    "VPC Lattice, 2": {"version": "2.0", "path": "/p", "method": "GET", "headers": {"a": ["b"]}, "requestContext": {}},
}

BUS: Final = {
    "EventBridge": {**_BUS, "detail-type": "of no rule", "source": "s", "time": _AT, "detail": {}},
    "EventBridge, of S3": {**_BUS, "detail-type": "Object Created", "source": "aws.s3", "time": _AT, "detail": {}},
}

SCHEDULE: Final = {
    "EventBridge Scheduler": {
        **_BUS, "detail-type": "Scheduled Event", "source": "aws.scheduler", "time": _AT, "detail": "{}",
    },
    "EventBridge rule, schedule": {
        **_BUS, "detail-type": "Scheduled Event", "source": "aws.events", "time": _AT, "detail": {},
    },
    "by hand": {},
}  # fmt: skip

OTHER: Final[dict[str, Any]] = {
    "S3": _records(eventSource="aws:s3", eventName="ObjectCreated:Put", s3={"object": {"key": "k"}}),
    "SES": _records(eventSource="aws:ses", ses={"mail": {}, "receipt": {}}),
    "DynamoDB": _records(eventSource="aws:dynamodb", dynamodb={"SequenceNumber": "1"}),
    "CodeCommit": _records(eventSource="aws:codecommit", codecommit={"references": []}),
    "CloudFront": {"Records": [{"cf": {"config": {}, "request": {"method": "GET", "uri": "/"}}}]},
    "Kafka, no lists": {"eventSource": "aws:kafka", "records": {"topic-0": "x"}},
    "SNS, of two sources": {"Records": [{"EventSource": "aws:sns", "Sns": {}}, {"eventSource": "aws:s3"}]},
    "DocumentDB": {"eventSource": "aws:docdb", "events": [{"event": {}}]},
    "Firehose": {"invocationId": "i", "deliveryStreamArn": "a", "records": [{"recordId": "r", "data": "e30="}]},
    "S3 Batch": {"invocationId": "i", "job": {"id": "j"}, "tasks": [{"taskId": "t", "s3Key": "k"}]},
    "S3 Object Lambda": {"xAmzRequestId": "x", "getObjectContext": {"outputToken": "t"}, "userRequest": {}},
    "CloudWatch Logs": {"awslogs": {"data": "H4sIAAAA"}},
    "CloudWatch alarm": {"source": "aws.cloudwatch", "alarmArn": "a", "time": _AT, "alarmData": {"alarmName": "n"}},
    "CloudWatch dashboard": {"original": "param", "widgetContext": {}},
    "CodePipeline": {"CodePipeline.job": {"id": "j", "data": {}}},
    "CodeDeploy": {"DeploymentId": "d", "LifecycleEventHookExecutionId": "l"},
    "CloudFormation": _STACK,
    "Config": _CONFIG,
    "Cognito": {**_COGNITO, "triggerSource": "PostConfirmation_ConfirmSignUp", "response": {}},
    "Connect": {"Name": "ContactFlowEvent", "Details": {"ContactData": {}, "Parameters": {}}},
    "Bedrock agent": {"actionGroup": "g", "agent": {}, "httpMethod": "GET", "apiPath": "/claims"},
    "AppSync": {"arguments": {}, "identity": None, "source": None, "request": {"headers": {}}, "info": {}},
    "AppSync, batch": [{"arguments": {}, "info": {}}],
    "AppSync authorizer": {"authorizationToken": "t", "requestContext": {"apiId": "a", "requestId": "r"}},
    "API Gateway authorizer, token": {"type": "TOKEN", "authorizationToken": "t", "methodArn": "a"},
    "API Gateway authorizer, request": {
        "type": "REQUEST", "methodArn": "a", "httpMethod": "GET", "path": "/p", "requestContext": {},
    },
    "API Gateway authorizer, 2": {
        "version": "2.0", "type": "REQUEST", "routeArn": "a", "rawPath": "/p", "requestContext": _V2,
    },
    "Secrets Manager": {"SecretId": "s", "ClientRequestToken": "t", "Step": "createSecret"},
    "IoT": {"temperature": 20},
    "Step Functions": {"input": {"load": 0.9}},
    "Lex": {"sessionId": "s", "invocationSource": "DialogCodeHook", "bot": {"name": "b"}},
    "nothing": None,
    "text": "load is high",
    "a number": 7,
}  # fmt: skip
