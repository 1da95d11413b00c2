"""The template, translated and decided for every set of options: nothing for the linter or for us to find in it."""

import copy
import itertools
import os
import re
import subprocess
import sys
from collections import ChainMap
from collections.abc import Mapping
from typing import Any, Final

import pytest

from snapshot_tuner.aws.secrets import STANDS_FOR
from snapshot_tuner.settings import Settings
from tests.template.cloudformation import (
    BYTEPLUS,
    CUSTOM_PROVIDER,
    FUNCTIONS,
    IN_VPC,
    OWN_EXTENSION,
    OWN_POLICY,
    PUBLIC_URL,
    RABBIT_MQ,
    REQUIRED,
    ROOT,
    SECRETS_KEY,
    SHARED_LEDGER,
    SOURCES,
    TOPIC,
    Stack,
    deploy,
    properties,
    references,
)
from tests.template.findings import VPC_POLICY, findings

REST: Final = {
    "AlarmTopicArn": TOPIC,
    "PolicyLayerArn": OWN_POLICY,
    "SecretsKeyArn": SECRETS_KEY,
    "SnapStart": "false",
    **OWN_EXTENSION,
}
OPTIONS: Final = (
    {"FifoQueue": "true", "UrgentTypes": "", **SHARED_LEDGER},
    {**IN_VPC, **BYTEPLUS},
    {"DirectBusRule": "true", **CUSTOM_PROVIDER, **SOURCES},
    PUBLIC_URL,
    REST,
)


@pytest.mark.parametrize(
    "options",
    [dict(ChainMap(*chosen, REQUIRED)) for chosen in itertools.product(*(({}, option) for option in OPTIONS))],
    ids=lambda options: ",".join(sorted(options.keys() - REQUIRED.keys())) or "defaults",
)
def test_nothing_is_found_with_any_set_of_options(source: Mapping[str, Any], options: Mapping[str, str]) -> None:
    """Whichever way the conditions fall, what is deployed is whole, safe and watched."""
    assert findings(deploy(source, options)) == []


def test_fifo_changes_the_queue_its_dead_letters_the_batch_and_the_rule(source: Mapping[str, Any]) -> None:
    """Names, batch size, window and message group follow the option; the other dead-letter queues stay standard."""
    standard, fifo = deploy(source, REQUIRED), deploy(source, {**REQUIRED, "FifoQueue": "true"})

    def facts(stack: Stack) -> list[object]:
        batches = properties(stack, "QueueWorkerBatches")
        return [
            [queue["QueueName"] for queue in stack.find_all("AWS::SQS::Queue").values()],
            [queue.get("FifoQueue") for queue in stack.find_all("AWS::SQS::Queue").values()],
            batches["BatchSize"],
            batches.get("MaximumBatchingWindowInSeconds"),
            properties(stack, "QueueRule")["Targets"][0].get("SqsParameters"),
        ]

    others = [
        "tuner-urgent-events",
        "tuner-urgent-dead-letters",
        "tuner-bus-dead-letters",
        "tuner-listener-dead-letters",
    ]
    assert facts(standard) == [
        ["tuner-events", "tuner-event-dead-letters", *others],
        [None] * 6,
        100,
        1,
        None,
    ]
    assert facts(fifo) == [
        ["tuner-events.fifo", "tuner-event-dead-letters.fifo", *others],
        [True, True, None, None, None, None],
        10,
        None,
        {"MessageGroupId": "bus"},
    ]


WIRED = {
    "SnsTopicArn": {
        "SnsSubscription",
        "SnsPermission",
        "SnsDeadLetters",
        "SnsDeadLettersPolicy",
        "SnsDeadLettersAlarm",
    },
    "Kafka": {"KafkaMapping", "KafkaLagAlarm"},
    "Kinesis": {"KinesisMapping", "KinesisLagAlarm"},
    "Mq": {"MqMapping", "MqBacklogAlarm"},
}
OF_STREAMS = {"StreamDeadLetters", "StreamDeadLettersPolicy", "StreamDeadLettersAlarm"}


@pytest.mark.parametrize("of", WIRED)
def test_a_source_is_wired_alone_and_nothing_without_it(source: Mapping[str, Any], of: str) -> None:
    """Its mapping or subscription, its alarm, and a place for what is given up; the others' are not there."""
    options = {name: value for name, value in SOURCES.items() if name.startswith(of)}
    without, wired = deploy(source, REQUIRED), deploy(source, {**REQUIRED, **options})
    assert findings(wired) == []
    added = WIRED[of] | (OF_STREAMS if of in ("Kafka", "Kinesis") else set())
    assert wired.resources.keys() - without.resources.keys() == added


def test_the_alarm_of_a_broker_follows_its_kind(source: Mapping[str, Any]) -> None:
    """RabbitMQ has virtual hosts; ActiveMQ's metrics name the instance of the broker."""
    queue = {"Name": "Queue", "Value": "room-load"}
    active, rabbit = (
        properties(deploy(source, {**REQUIRED, **options}), "MqBacklogAlarm") for options in (SOURCES, RABBIT_MQ)
    )
    assert (active["MetricName"], active["Dimensions"]) == ("QueueSize", [{"Name": "Broker", "Value": "rtc-1"}, queue])
    assert (rabbit["MetricName"], rabbit["Dimensions"]) == (
        "MessageCount",
        [{"Name": "Broker", "Value": "rtc"}, {"Name": "VirtualHost", "Value": "/"}, queue],
    )


def test_subnets_put_every_function_into_the_vpc(source: Mapping[str, Any]) -> None:
    """With subnets each function has them and may make its network interfaces; without, neither is there."""
    outside, inside = deploy(source, REQUIRED), deploy(source, {**REQUIRED, **IN_VPC})
    for function in FUNCTIONS:
        assert "VpcConfig" not in properties(outside, function)
        assert "ManagedPolicyArns" not in properties(outside, f"{function}Role")
        assert properties(inside, function)["VpcConfig"] == {
            "SubnetIds": ["subnet-0a1b2c3d", "subnet-4e5f6a7b"],
            "SecurityGroupIds": ["sg-0a1b2c3d"],
        }
        assert properties(inside, f"{function}Role")["ManagedPolicyArns"] == [VPC_POLICY]


@pytest.mark.parametrize(
    ("options", "urgent", "ways"),
    [
        ({}, ["moderation.alert"], {"UrgentRule": "UrgentQueue"}),
        ({"UrgentTypes": "fire,load.high"}, ["fire", "load.high"], {"UrgentRule": "UrgentQueue"}),
        ({"DirectBusRule": "true"}, ["moderation.alert"], {"ListenerRule": "BusListenerAliaslive"}),
        ({"UrgentTypes": "fire", "DirectBusRule": "true"}, ["fire"], {"ListenerRule": "BusListenerAliaslive"}),
        ({"UrgentTypes": ""}, [], {}),
        ({"UrgentTypes": "", "DirectBusRule": "true"}, [], {}),
    ],
    ids=str,
)
def test_every_event_on_the_bus_takes_exactly_one_way(
    source: Mapping[str, Any], options: Mapping[str, str], urgent: list[str], ways: dict[str, str]
) -> None:
    """The queue gets everything but what is urgent; that goes to the urgent queue, or straight to the function."""
    stack = deploy(source, {**REQUIRED, **options})
    rules = stack.find_all("AWS::Events::Rule")
    rest = [{"anything-but": urgent}] if urgent else [{"prefix": ""}]
    assert {name: rule["EventPattern"] for name, rule in rules.items()} == {
        "QueueRule": {"detail-type": rest},
        **{name: {"detail-type": urgent} for name in ways},
    }
    assert {
        name: target
        for name, rule in rules.items()
        for each in rule["Targets"]
        for _, target in references(each["Arn"])
    } == {"QueueRule": "EventQueue", **ways}
    invoked = "ListenerRule" in ways
    assert set(stack.find_all("AWS::Lambda::Permission")) == ({"ListenerRulePermission"} if invoked else set())


@pytest.mark.parametrize("fifo", ["true", "false"])
def test_what_is_urgent_has_a_queue_and_workers_of_its_own(source: Mapping[str, Any], fifo: str) -> None:
    """Small batches that wait for no company, also where the queue is FIFO; a redrive leads back to it alone."""
    stack = deploy(source, {**REQUIRED, "FifoQueue": fifo})
    mapping, queue = properties(stack, "QueueWorkerUrgentBatches"), properties(stack, "UrgentQueue")
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["UrgentQueue", "Arn"]}
    assert mapping["FunctionName"] == {"Ref": "QueueWorkerAliaslive"}
    assert (mapping["BatchSize"], "MaximumBatchingWindowInSeconds" in mapping) == (10, False)
    assert "FifoQueue" not in queue
    assert properties(stack, "UrgentDeadLetters")["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": ["arn:aws:sqs:eu-central-1:123456789012:tuner-urgent-events"],
    }


def test_two_stacks_in_a_region_share_no_name(source: Mapping[str, Any]) -> None:
    """The second one could not be created. Versions of a layer do not collide, but whose are those that stay?"""

    def names(stage: str) -> set[tuple[str, str]]:
        stack = deploy(
            source, {**REQUIRED, **SOURCES}, {"AWS::StackName": f"tuner-{stage}", "AWS::StackId": f"a/b/{stage}-c"}
        )
        return {
            (resource["Type"], value)
            for resource in stack.resources.values()
            for key, value in resource["Properties"].items()
            if key.endswith("Name") and isinstance(value, str)
        }

    inside_their_own = {"AWS::Lambda::Alias", "AWS::CloudWatch::Alarm"}
    of_both = {(kind, name) for kind, name in names("dev") & names("prod") if kind not in inside_their_own}
    gone_with_their_stack = {
        ("AWS::Lambda::LayerVersion", f"{name}Layer") for name in ("Dependencies", "SnapshotTuner")
    }
    assert of_both == gone_with_their_stack


def test_a_policy_layer_takes_the_place_of_the_bundled_one(source: Mapping[str, Any]) -> None:
    """Exactly one of the two layers is attached, as the last."""
    bundled, own = deploy(source, REQUIRED), deploy(source, {**REQUIRED, "PolicyLayerArn": OWN_POLICY})
    assert sorted(layer["Description"] for layer in bundled.find_all("AWS::Lambda::LayerVersion").values()) == [
        "Dependencies of snapshot-tuner for python3.13 on arm64.",
        "The policy that maps events to snapshot intervals.",
        "The snapshot_tuner package.",
    ]
    assert len(own.find_all("AWS::Lambda::LayerVersion")) == 2
    assert re.fullmatch(r"PolicyLayer[0-9a-f]{10}", properties(bundled, "BusListener")["Layers"][2]["Ref"])
    assert properties(own, "BusListener")["Layers"][2] == OWN_POLICY


def test_alarms_go_to_the_topic_where_there_is_one(source: Mapping[str, Any]) -> None:
    """Every alarm has the topic as its only action; without a topic it has none."""
    silent, loud = deploy(source, REQUIRED), deploy(source, {**REQUIRED, "AlarmTopicArn": TOPIC})
    assert {str(alarm.get("AlarmActions")) for alarm in silent.find_all("AWS::CloudWatch::Alarm").values()} == {"None"}
    assert {str(alarm.get("AlarmActions")) for alarm in loud.find_all("AWS::CloudWatch::Alarm").values()} == {
        str([TOPIC])
    }


def test_parameters_and_outputs_say_what_they_are(source: Mapping[str, Any]) -> None:
    """Each is described in at least one sentence, and each parameter belongs to a group of the console's form."""
    described = {**source["Parameters"], **source["Outputs"]}
    assert [name for name, entry in described.items() if not entry.get("Description", "").endswith(".")] == []
    groups = source["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(source["Parameters"])


# ── What stands next to it ───────────────────────────────────────────────────────────────────────────────────────────


def import_failures(source: Mapping[str, Any]) -> list[str]:
    """Imports every handler in a process that has the functions' folder and the shared layer as its import roots."""
    roots = [
        source["Globals"]["Function"]["CodeUri"],
        source["Resources"]["SnapshotTunerLayer"]["Properties"]["ContentUri"],
    ]
    handlers = [source["Resources"][name]["Properties"]["Handler"] for name in FUNCTIONS]
    script = """
import importlib, sys
for handler in sys.argv[1:]:
    module, _, name = handler.rpartition(".")
    try:
        callable(getattr(importlib.import_module(module), name)) or print(f"{handler}: cannot be called")
    except Exception as error:
        print(f"{handler}: {type(error).__name__}: {error}")
"""
    imported = subprocess.run(  # noqa: S603 - this Python, with names from our own template
        [sys.executable, "-c", script, *handlers],
        cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join(str(ROOT / root) for root in roots), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return imported.stdout.splitlines()


def test_every_handler_can_be_imported_from_what_is_packaged(source: Mapping[str, Any]) -> None:
    """CodeUri and the layer give Lambda the import roots that the handlers' names begin at, with no variable set."""
    assert import_failures(source) == []


def test_a_handler_that_is_not_there_is_noticed(source: Mapping[str, Any]) -> None:
    """A wrong module, a wrong name and a wrong root are each reported."""
    broken = copy.deepcopy(dict(source))
    broken["Resources"]["QueueWorker"]["Properties"]["Handler"] = "queue_worker.handler.no_such_name"
    broken["Resources"]["HttpEndpoint"]["Properties"]["Handler"] = "handler.lambda_handler"
    reported = import_failures(broken)
    assert [line.split(":")[0] for line in reported] == [
        "queue_worker.handler.no_such_name",
        "handler.lambda_handler",
    ]
    broken["Globals"]["Function"]["CodeUri"] = "functions/queue_worker"
    assert (
        "bus_listener.handler.lambda_handler: ModuleNotFoundError: No module named 'bus_listener'"
        in import_failures(broken)
    )


def test_each_layer_is_built_for_the_functions_platform(source: Mapping[str, Any]) -> None:
    """The Makefiles have the targets that SAM calls, and pip picks wheels for the runtime and architecture."""
    layers = {
        name: (ROOT / resource["Properties"]["ContentUri"] / "Makefile").read_text()
        for name, resource in source["Resources"].items()
        if resource.get("Metadata", {}).get("BuildMethod") == "makefile"
    }
    assert sorted(layers) == ["DependenciesLayer", "SnapshotTunerLayer"]
    for name, makefile in layers.items():
        assert f"\nbuild-{name}:\n" in makefile
    shared = source["Globals"]["Function"]
    assert f"\nTARGET_PYTHON := {shared['Runtime'].removeprefix('python')}\n" in layers["DependenciesLayer"]
    assert shared["Architectures"] == ["arm64"]
    assert re.findall(r"--platform (\S+)", layers["DependenciesLayer"]) == [
        "manylinux2014_aarch64",
        "manylinux_2_28_aarch64",
    ]


def test_the_policy_is_where_the_functions_look_for_it(source: Mapping[str, Any]) -> None:
    """The policy layer has nothing to build: its folder is /opt, and the file in it is the one POLICY_PATH names."""
    layer = source["Resources"]["PolicyLayer"]
    path = source["Globals"]["Function"]["Environment"]["Variables"]["POLICY_PATH"]
    assert "Metadata" not in layer
    assert path == "/opt/policy.yaml"
    assert (ROOT / layer["Properties"]["ContentUri"] / "policy.yaml").is_file()


def test_the_settings_take_what_the_template_sets(source: Mapping[str, Any]) -> None:
    """Every function starts with the default parameters, and they are what the code takes for unset variables."""
    stack = deploy(source, REQUIRED)
    for function in FUNCTIONS:
        variables = properties(stack, function)["Environment"]["Variables"]
        environment = {name: str(value) for name, value in variables.items()} | {"LEDGER_URL": "rediss://ledger:6379/0"}
        assert Settings.from_env(environment) == Settings(ledger_url="rediss://ledger:6379/0")
        assert STANDS_FOR.keys() & environment.keys() == {"CREDENTIALS_SECRET_ARN"}
