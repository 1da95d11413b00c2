"""The scheduled function over the real parts: ledger, HTTP and the stand-in."""

import time
from pathlib import Path

import pytest

from reconciler import handler as reconciler
from snapshot_tuner import bootstrap
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.events.signals import from_object
from snapshot_tuner.model import OutcomeKind
from tests.functions.conftest import TASK, Deployment, LambdaContext
from tests.one_signal import one

ALERT = """
  - name: alert
    match: {type: [alert]}
    interval: 2
    for: 1s
"""


def reconcile() -> dict[str, int]:
    return reconciler.lambda_handler({}, LambdaContext())


def test_an_alert_ends_without_an_event(deployment: Deployment, environment: Path) -> None:
    """The base is in effect again, by the reconciler's call; meanwhile an event for the base was deferred."""
    environment.write_text(environment.read_text(encoding="utf-8") + ALERT, encoding="utf-8")
    assert deployment.queue(deployment.wanted("e-1", 30)) == []
    assert deployment.queue(deployment.event("e-2", type="alert", seconds=time_since(deployment))) == []
    assert deployment.queue(deployment.wanted("e-3", 40, seconds=0.5)) == []
    assert deployment.sent() == [30, 2]
    give_up = time.monotonic() + 10
    while deployment.stands_at() != 40 and time.monotonic() < give_up:
        counts = reconcile()
    assert deployment.sent() == [30, 2, 40]
    assert (counts["due"], counts["asserted"]) == (1, 1)
    assert reconcile() == dict.fromkeys(counts, 0)


def test_in_one_batch_the_event_that_waits_is_not_called_a_superseded_one(
    deployment: Deployment, environment: Path
) -> None:
    """It is newer or older, and takes effect when the alert ends."""
    environment.write_text(environment.read_text(encoding="utf-8") + ALERT.replace("1s", "1h"), encoding="utf-8")
    events = [deployment.wanted("e-1", 30), deployment.event("e-2", type="alert", seconds=1)]
    signals = [one(from_object(event)) for event in events]
    (base,), (alert,) = bootstrap.tuner().process(signals, time.monotonic() + 20)
    assert (base.kind, alert.kind) == (OutcomeKind.DEFERRED, OutcomeKind.APPLIED)
    assert base.reason.endswith("; rule alert keeps the task at 2 s")
    assert alert.reason == "fixed 2 s, for 3600 s, then previous"
    assert deployment.sent() == [2]


def test_a_task_is_remembered_as_long_as_any_adjustment_lasts(
    deployment: Deployment, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its end would be forgotten with it: the deployment is refused before any event is touched."""
    environment.write_text(environment.read_text(encoding="utf-8") + ALERT.replace("1s", "2h"), encoding="utf-8")
    monkeypatch.setenv("IDEMPOTENCY_TTL_SECONDS", "3600")
    monkeypatch.setenv("TASK_TTL_SECONDS", "7199")
    with pytest.raises(SettingsError) as caught:
        reconcile()
    assert str(caught.value) == "TASK_TTL_SECONDS: must be at least the policy's longest duration, 7200 s"
    assert deployment.sent() == []


def time_since(deployment: Deployment) -> float:
    """Seconds since the deployment's test began, for an event that happens now."""
    return time.time() - deployment.started.timestamp()


def test_the_read_back_speaks_the_providers_language(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signed GET; a restarted task is repaired, an odd answer repairs nothing, an ended task is forgotten."""
    monkeypatch.setattr("snapshot_tuner.tuning.reconciler.LATE_CALL_SECONDS", -1.0)
    deployment.queue(deployment.wanted("e-1", 30))
    deployment.standin.spoil_reads(200, b'{"Result": {"SnapshotTask": {"Status": "2"}}}')
    assert reconcile()["unreadable"] == 1
    deployment.standin.spoil_reads(502, b"<html>")
    assert reconcile()["unreadable"] == 1
    deployment.standin.read_as_usual()
    deployment.standin.restart_task(TASK)
    counts = reconcile()
    assert (counts["drifted"], counts["repaired"], counts["unreadable"]) == (1, 1, 0)
    assert deployment.sent() == [30, 30]
    deployment.standin.end_task(TASK)
    assert reconcile()["forgotten"] == 1
    assert reconcile()["forgotten"] == 0
