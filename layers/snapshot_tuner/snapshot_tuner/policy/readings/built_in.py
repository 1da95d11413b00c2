"""Readings of well-known senders, in the grammar of the policy file.

Sources: Prometheus Alertmanager, "webhook_config" (version 4); Grafana, "Webhook notifications"; Amazon CloudWatch,
"Amazon SNS notifications"; Volcengine Cloud Monitor, "webhook" of metric and of event alerts.
"""

from typing import Final, TypedDict

from snapshot_tuner.model import Json


class BuiltIn(TypedDict, total=False):
    """An entry of `events:` as the file would have it, and a path to how many elements the sender has left out."""

    match: dict[str, Json]
    each: str
    parts: list[dict[str, Json]]
    id: str
    source: str
    type: str
    time: str
    data: Json
    left_out: str


_THERE: Final[list[Json]] = [{"exists": True}]
_RESOLVED: Final[list[dict[str, Json]]] = [{"where": {"status": ["resolved"]}, "time": "{item.endsAt}"}]
# The fingerprint is of the labels, and an alert that fires again starts anew; annotations and values may change.
_ALERT_ID: Final = "{item.fingerprint}/{item.status}/{item.startsAt}"

BUILT_IN: Final[dict[str, BuiltIn]] = {
    "alertmanager": {
        "match": {"version": ["4"], "groupKey": _THERE, "receiver": _THERE, "status": ["firing", "resolved"]},
        "each": "body.alerts",
        "id": _ALERT_ID,
        "type": "alertmanager.{item.status}",
        "time": "{item.startsAt}",
        "parts": _RESOLVED,
        "left_out": "body.truncatedAlerts",
    },
    "grafana": {
        "match": {"version": ["1"], "orgId": _THERE, "receiver": _THERE, "status": ["firing", "resolved"]},
        "each": "body.alerts",
        "id": _ALERT_ID,
        "type": "grafana.{item.status}",
        "time": "{item.startsAt}",
        "parts": _RESOLVED,
        "left_out": "body.truncatedAlerts",
    },
    "cloudwatch-alarm": {
        "match": {
            "AlarmName": _THERE,
            "NewStateValue": ["OK", "ALARM", "INSUFFICIENT_DATA"],
            "StateChangeTime": _THERE,
        },
        "id": "{body.AlarmName}/{body.NewStateValue}/{body.StateChangeTime}",
        "type": "cloudwatch-alarm.{body.NewStateValue}",
        "time": "{body.StateChangeTime}",
    },
    "cloud-monitor": {
        "match": {"Type": ["Metric"], "RuleId": _THERE, "HappenedAt": _THERE},
        "parts": [
            {
                "each": "body.Resources",
                "id": "{body.RuleId}/{item.Id}/firing/{item.FirstAlertTime}",
                "type": "cloud-monitor.firing",
                "time": "{item.FirstAlertTime}",
            },
            {
                "each": "body.RecoveredResources",
                "id": "{body.RuleId}/{item.Id}/resolved/{item.FirstAlertTime}",
                "type": "cloud-monitor.resolved",
                "time": "{body.HappenedAt}",
            },
        ],
    },
    "cloud-monitor-event": {
        "match": {"Type": ["Event"], "Details": {"id": _THERE, "source": _THERE, "type": _THERE}},
        "id": "{body.Details.id}",
        "source": "{body.Details.source}",
        "type": "{body.Details.type}",
        "time": "{body.Details.time}",
        "data": "{body.Details.data}",
    },
}
