"""What is wrong with how a deployed stack is released, measured and watched; every finding is one sentence."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from snapshot_tuner.model import OutcomeKind
from snapshot_tuner.telemetry.emf import NAMESPACE
from snapshot_tuner.telemetry.metrics import Metric
from snapshot_tuner.tuning.instrumentation import _OF_KIND
from tests.template.cloudformation import Stack, references

ALARMED = (
    Metric.CALLS_REFUSED,
    Metric.LEDGER_STEPS_FAILED,
    Metric.CREDENTIALS_REFUSED,
    Metric.POLICY_REFUSED,
    Metric.BOUNDS_HELD_LONG,
    Metric.EVENTS_UNMATCHED,
    Metric.RECORDS_SET_ASIDE,
    Metric.LEDGER_CLOCK_OFF,
    Metric.LEDGER_MAY_HAVE_FORGOTTEN,
)


def versions(stack: Stack) -> Iterator[str]:
    """Whatever invokes a function invokes its alias: SnapStart and a way back are for published versions only."""
    aliases = stack.find_all("AWS::Lambda::Alias")
    for name, function in stack.find_all("AWS::Lambda::Function").items():
        if {"Ref": name} not in [alias["FunctionName"] for alias in aliases.values()]:
            yield f"{name}: no alias"
        if function.get("SnapStart", {}).get("ApplyOn") not in ("PublishedVersions", "None"):
            yield f"{name}: does not say whether it starts from snapshots"
    invokers = {
        **{name: mapping["FunctionName"] for name, mapping in _properties(stack, "EventSourceMapping")},
        **{name: url["TargetFunctionArn"] for name, url in _properties(stack, "Url")},
        **{name: permission["FunctionName"] for name, permission in _properties(stack, "Permission")},
        **{
            f"{name} {target['Id']}": target["Arn"]
            for name, rule in stack.find_all("AWS::Events::Rule").items()
            for target in rule["Targets"]
        },
    }
    for name, reference in invokers.items():
        for _, target in references(reference):
            if stack.resources.get(target, {}).get("Type") == "AWS::Lambda::Function":
                yield f"{name}: invokes {target} past its alias"
    for name, config in _properties(stack, "EventInvokeConfig"):
        if config["Qualifier"] not in [alias["Name"] for alias in aliases.values()]:
            yield f"{name}: is not for the alias"


def metric_alarms(stack: Stack) -> Iterator[str]:
    services = {
        json.dumps(function["Environment"]["Variables"].get("POWERTOOLS_SERVICE_NAME"))
        for function in stack.find_all("AWS::Lambda::Function").values()
    }
    alarmed = set()
    for name, alarm in stack.find_all("AWS::CloudWatch::Alarm").items():
        if alarm["Namespace"] != NAMESPACE:
            continue
        alarmed.add(alarm["MetricName"])
        if alarm["MetricName"] not in set(Metric):
            yield f"{name}: nobody counts {alarm['MetricName']}"
        if {json.dumps(dimension["Value"]) for dimension in alarm["Dimensions"]} != services:
            yield f"{name}: its metric has no such dimensions"
    for metric in ALARMED:
        if metric not in alarmed:
            yield f"{metric}: no alarm"


def silences(stack: Stack) -> Iterator[str]:
    """What does not run, and what nobody sends, fails nothing and counts nothing."""
    schedule_alarms = []
    for name, alarm in stack.find_all("AWS::CloudWatch::Alarm").items():
        if not alarm["ComparisonOperator"].startswith("Less"):
            continue
        if alarm.get("TreatMissingData") != "breaching":
            yield f"{name}: does not ring where there is nothing at all"
        if alarm["Statistic"] not in ("SampleCount", "Sum"):
            yield f"{name}: {alarm['Statistic']} does not count"
        schedule_alarms += [
            target for _, target in references(alarm["Dimensions"]) if alarm["MetricName"] == "Invocations"
        ]
    for name, function in stack.find_all("AWS::Lambda::Function").items():
        if function["Handler"].startswith("reconciler.") and name not in schedule_alarms:
            yield f"{name}: no alarm where its schedule does not invoke it"


def dashboard(stack: Stack) -> Iterator[str]:
    (board,) = stack.find_all("AWS::CloudWatch::Dashboard").values()
    widgets = [widget["properties"] for widget in _body(board)["widgets"]]
    charts = [[line for line in widget["metrics"] if isinstance(line[0], str)] for widget in widgets]
    everything = [tuple(line[:2]) for lines in charts for line in lines]
    for namespace, metric in everything:
        if namespace == NAMESPACE and metric not in set(Metric):
            yield f"Dashboard: nobody counts {metric}"
    if {("AWS/SQS", "ApproximateAgeOfOldestMessage"), (NAMESPACE, Metric.EVENT_TO_APPLIED)} - {
        tuple(line[:2]) for line in charts[0]
    }:
        yield "Dashboard: does not begin with how far behind the application is"
    for metric in (*(_OF_KIND[kind] for kind in OutcomeKind), *ALARMED, Metric.CALLS_SENT, Metric.CALLS_THROTTLED):
        if (NAMESPACE, metric) not in everything:
            yield f"Dashboard: does not show {metric}"
    queues = {line[3] for lines in charts for line in lines if line[0] == "AWS/SQS"}
    for name, queue in stack.find_all("AWS::SQS::Queue").items():
        # By its name, one that a condition leaves out can stand there too.
        if queues.isdisjoint({f"${{{name}.QueueName}}", queue["QueueName"]}):
            yield f"Dashboard: does not show {name}"
    quotas = [line["value"] for widget in widgets for line in widget.get("annotations", {}).get("horizontal", [])]
    allowed = {
        function["Environment"]["Variables"]["RTC_MAX_QPS"]
        for function in stack.find_all("AWS::Lambda::Function").values()
    }
    if {str(quota) for quota in quotas} != {str(quota) for quota in allowed}:
        yield "Dashboard: the quota is not drawn where it is"


def ledger_chart(stack: Stack) -> Iterator[str]:
    (board,) = stack.find_all("AWS::CloudWatch::Dashboard").values()
    lines = [line for widget in _body(board)["widgets"] for line in widget["properties"]["metrics"]]
    shown = {(line[1], line[3]) for line in lines if line[0] == "AWS/ElastiCache"}
    for name in stack.find_all("AWS::ElastiCache::ServerlessCache"):
        for metric in ("BytesUsedForCache", "Evictions"):
            if (metric, f"${{{name}}}") not in shown:
                yield f"Dashboard: does not show the ledger's {metric}"


CHECKS: tuple[Callable[[Stack], Iterator[str]], ...] = (versions, metric_alarms, silences, dashboard, ledger_chart)


def _properties(stack: Stack, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from stack.find_all(f"AWS::Lambda::{kind}").items()


def _body(board: dict[str, Any]) -> dict[str, Any]:
    """The dashboard as JSON; names of resources stay in as they are written."""
    text = board["DashboardBody"]
    body: dict[str, Any] = json.loads(text["Fn::Sub"] if isinstance(text, dict) else text)
    assert not re.search(r"\$\{RtcMaxQps", json.dumps(body))
    return body
