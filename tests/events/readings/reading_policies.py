"""Policies with readings, and what they make of a body."""

import json
from collections.abc import Mapping
from typing import Any

from snapshot_tuner.events import signals
from snapshot_tuner.events.readings.reading import Event, Readings, record_of
from snapshot_tuner.model import Json, Signal
from snapshot_tuner.policy.engine import Policy
from tests.one_signal import one

SENT_US = 1_772_355_600_000_000
"""2026-03-01T09:00:00Z."""
ALERTMANAGER = "- use: alertmanager"


def readings_of(text: str) -> Readings:
    """Those of the entries of `events:`."""
    indented = text.replace("\n", "\n  ")
    return Policy.parse(
        f"version: 1\nevents:\n  {indented}\nrules: [{{name: all, interval: 5}}]", "policy.yaml"
    ).readings


def read(body: object, text: str, *, record: Mapping[str, Json] | None = None) -> list[Event]:
    """What the readings make of a body that came by itself."""
    said = record_of(id="record-1") if record is None else record
    return signals.from_body(json.dumps(body), sent_us=SENT_US, readings=readings_of(text), record=said)


def read_one(body: object, text: str) -> Signal:
    return one(read(body, text))


def group(*alerts: Mapping[str, Any], **more: object) -> dict[str, Any]:
    """What Alertmanager posts."""
    base = {"version": "4", "groupKey": "{}:{}", "receiver": "tuner", "status": "firing", "truncatedAlerts": 0}
    return {**base, "alerts": list(alerts), **more}


def alert(fingerprint: str = "f1", **more: object) -> dict[str, Any]:
    base = {"status": "firing", "labels": {"RoomId": "r"}, "annotations": {"load": "0.9"}, "fingerprint": fingerprint}
    return {**base, "startsAt": "2026-03-01T09:00:00Z", "endsAt": "0001-01-01T00:00:00Z", **more}
