"""Mistakes to plant in how streams and brokers are wired: place, value, what is found then."""

from typing import Final

from tests.template.operations_planted import REMOVED

IN_STREAMS: Final[tuple[tuple[str, object, str], ...]] = (
    ("Resources/KafkaLagAlarm", REMOVED, "KafkaMapping: no alarm on what waits there"),
    # MSK's own metric: an alarm on it by function never rings.
    (
        "Resources/KafkaLagAlarm/Properties/MetricName",
        "MaxOffsetLag",
        "KafkaMapping: no alarm on what waits there",
    ),
    ("Resources/KinesisLagAlarm", REMOVED, "KinesisMapping: no alarm on what waits there"),
    ("Resources/MqBacklogAlarm", REMOVED, "MqMapping: no alarm on what waits there"),
    (
        "Resources/KafkaMapping/Properties/FunctionResponseTypes",
        REMOVED,
        "KafkaMapping: without ReportBatchItemFailures one bad record brings the whole batch back",
    ),
    (
        "Resources/KinesisMapping/Properties/MaximumRetryAttempts",
        REMOVED,
        "KinesisMapping: one bad record holds up all behind it, or takes them along",
    ),
    (
        "Resources/KinesisMapping/Properties/BisectBatchOnFunctionError",
        False,
        "KinesisMapping: one bad record holds up all behind it, or takes them along",
    ),
    (
        "Resources/KafkaMapping/Properties/DestinationConfig",
        REMOVED,
        "KafkaMapping: what is given up on is lost",
    ),
    (
        "Resources/KinesisMapping/Properties/DestinationConfig/OnFailure/Destination",
        {"Fn::GetAtt": ["EventDeadLetters", "Arn"]},
        "KinesisMapping: what is given up on is lost",
    ),
    (
        "Resources/KafkaMapping/Properties/ProvisionedPollerConfig",
        REMOVED,
        "KafkaMapping: only provisioned pollers read the answer and end retries",
    ),
)
