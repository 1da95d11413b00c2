"""The local runtime runs what the template deploys: its values are the template's."""

import json
from typing import Any

import pytest

from devkit.build.artifacts import TARGET_PYTHON
from devkit.local_runtime.application import HANDLERS, ApplicationSettings, QueueSettings
from tests.template import cloudformation

DEFAULTS = ApplicationSettings(name="defaults", environment={})


@pytest.fixture(scope="module")
def stack() -> cloudformation.Stack:
    return cloudformation.deploy(cloudformation.load(), {**cloudformation.REQUIRED, "DirectBusRule": "true"})


def functions(stack: cloudformation.Stack) -> list[dict[str, Any]]:
    """Those that take events."""
    named = stack.find_all("AWS::Lambda::Function").values()
    return [function for function in named if function["Handler"] in HANDLERS.values()]


def test_the_functions_are_the_templates(stack: cloudformation.Stack) -> None:
    """Handlers, timeout, memory and the Python that they are built for."""
    deployed = {function["Handler"]: function for function in functions(stack)}
    assert set(deployed) == set(HANDLERS.values())
    for name, handler in HANDLERS.items():
        assert deployed[handler]["Timeout"] == DEFAULTS.timeout_seconds[name]
        assert deployed[handler]["MemorySize"] == DEFAULTS.memory_mb
        assert deployed[handler]["Runtime"] == f"python{TARGET_PYTHON}"


@pytest.mark.parametrize(
    ("name", "batches", "settings"),
    [("EventQueue", "Batches", DEFAULTS.queue), ("UrgentQueue", "UrgentBatches", DEFAULTS.urgent_queue)],
)
def test_a_queue_and_its_mapping_are_the_templates(
    stack: cloudformation.Stack, name: str, batches: str, settings: QueueSettings
) -> None:
    """Batch, window, concurrency, visibility and receives."""
    mapping = stack.find_all("AWS::Lambda::EventSourceMapping")[f"QueueWorker{batches}"]
    queue = stack.find_all("AWS::SQS::Queue")[name]

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (mapping["BatchSize"], mapping.get("MaximumBatchingWindowInSeconds", 0)) == (
        settings.mapping.batch_size,
        settings.mapping.window_seconds,
    )
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": settings.mapping.maximum_concurrency}
    assert queue["VisibilityTimeout"] == settings.visibility_seconds
    assert queue["RedrivePolicy"]["maxReceiveCount"] == settings.receives


def test_the_bus_and_its_retries_are_the_templates(stack: cloudformation.Stack) -> None:
    """Which events go straight to the listener, and how often Lambda tries."""
    (invoke,) = stack.find_all("AWS::Lambda::EventInvokeConfig").values()
    rules = [
        json.dumps(rule["EventPattern"])
        for rule in stack.find_all("AWS::Events::Rule").values()
        if "EventPattern" in rule
    ]

    urgent = list(DEFAULTS.urgent_types)
    assert invoke["MaximumRetryAttempts"] == len(DEFAULTS.retry_seconds)
    assert sorted(rules) == sorted(
        json.dumps({"detail-type": wanted}) for wanted in (urgent, [{"anything-but": urgent}])
    )
