"""Every answer of the API and what each source is told: the table of outcomes."""

from typing import Any

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError
from snapshot_tuner.errors import EventNotSettled
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import TASK, Deployment

TASK_JSON = {"AppId": TASK.app_id, "RoomId": TASK.room_id, "TaskId": TASK.task_id}


def eventbridge(event: dict[str, Any]) -> dict[str, Any]:
    """The same event as a bus delivers it."""
    names = {"id": event["id"], "source": event["source"], "time": event["time"]}
    return {"version": "0", "detail-type": event["type"], "detail": event["data"], **names}


def test_an_applied_event_is_explained(deployment: Deployment) -> None:
    """The answer over HTTP: which event, which rule, which task, which interval, and why."""
    assert deployment.post(deployment.event())[:2] == (
        200,
        {
            "outcomes": [
                {
                    "id": "e-1",
                    "outcome": "applied",
                    "rule": "room-load-high",
                    "task": TASK_JSON,
                    "interval": 20,
                    "reason": "load 0.84 -> curve 20 s",
                }
            ]
        },
    )
    assert deployment.stands_at() == 20


def test_a_clamped_interval_says_so(deployment: Deployment) -> None:
    """The rule asks for 1 s, the bounds allow 2 s at least."""
    _, body, _ = deployment.post(deployment.event(type="moderation.alert"))
    assert body["outcomes"][0]["interval"] == 2
    assert body["outcomes"][0]["reason"] == "fixed 1 s, clamped to 2 s by bounds.min"
    assert deployment.stands_at() == 2


@pytest.mark.parametrize(
    ("changes", "outcome", "rule"),
    [
        ({"data": {"load": 0.7}}, "held", "dead-band"),
        ({"type": "rtc.UserJoinRoom"}, "unmatched", None),
    ],
)
def test_an_event_that_changes_nothing_is_acknowledged_everywhere(
    deployment: Deployment, changes: dict[str, Any], outcome: str, rule: str | None
) -> None:
    """Held and unmatched: no call, 200 over HTTP, no item failure, no exception."""
    event = deployment.event(**changes)
    status, body, _ = deployment.post(event)
    assert (status, body["outcomes"][0]["outcome"], body["outcomes"][0]["rule"]) == (200, outcome, rule)
    assert deployment.queue(event) == []
    deployment.bus(eventbridge(event))
    assert deployment.sent() == []


CALLS = [
    (Fault(kind=FaultKind.ERROR, error=ProviderError.ACTIVE_TASK_NOT_FOUND), 409, "task-not-found", None),
    (Fault(kind=FaultKind.ERROR, error=ProviderError.INVALID_PARAMETER), 422, "refused", None),
    (Fault(kind=FaultKind.ERROR, error=ProviderError.SERVICE_NOT_FOUND), 422, "refused", None),
    (Fault(kind=FaultKind.ERROR, error=ProviderError.QPS_OVER_LIMIT), 429, "throttled", "1"),
    (Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR), 503, "unavailable", "5"),
    (Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_SERVICE_TIMEOUT), 503, "unknown", "20"),
    (Fault(kind=FaultKind.ERROR, error=ProviderError.ACCESS_DENIED), 503, "credentials", "60"),
    (Fault(kind=FaultKind.ERROR, error=ProviderError.SIGNATURE_DOES_NOT_MATCH), 503, "credentials", "60"),
    (Fault(kind=FaultKind.HTML_PAGE, status=502), 503, "unknown", "20"),
    (Fault(kind=FaultKind.RESULT_NOT_OK), 503, "unknown", "20"),
    (Fault(kind=FaultKind.CUT), 503, "unknown", "20"),
]


@pytest.mark.parametrize(("fault", "status", "problem", "retry_after"), CALLS, ids=[str(case[2]) for case in CALLS])
def test_what_the_api_says_decides_the_answer(
    deployment: Deployment, fault: Fault, status: int, problem: str, retry_after: str | None
) -> None:
    """Problem details with the outcomes in them; `Retry-After` where another try can help."""
    deployment.standin.add_fault(fault)
    answered, body, headers = deployment.post(deployment.event())
    assert (answered, body["status"], body["type"]) == (status, status, f"urn:snapshot-tuner:problem:{problem}")
    assert headers["content-type"] == "application/problem+json"
    assert headers.get("retry-after") == retry_after
    assert [outcome["outcome"] for outcome in body["outcomes"]] == ["retry" if retry_after else "rejected"]


def test_the_queue_gets_back_what_is_not_settled_and_nothing_else(deployment: Deployment) -> None:
    """One message of each kind in one batch: the two that failed are named, their neighbours are applied."""
    tasks = [TaskRef("app", f"room-{number}", "task") for number in range(4)]
    deployment.standin.end_task(tasks[1])
    deployment.standin.add_fault(
        Fault(kind=FaultKind.ERROR, error=ProviderError.SERVICE_UNAVAILABLE_TEMP, task=tasks[2])
    )
    failed = deployment.queue(*[deployment.event(f"e-{n}", task=task) for n, task in enumerate(tasks)])
    assert failed == ["m-1", "m-2"]
    assert deployment.standin.intervals() == {tasks[0]: 20, tasks[3]: 20}


def test_the_bus_listener_raises_for_what_is_not_settled(deployment: Deployment) -> None:
    """Lambda then tries again, and at last hands the event to the on-failure destination."""
    deployment.standin.end_task(TASK)
    with pytest.raises(EventNotSettled, match=r"^rejected: load 0\.84 -> curve 20 s; .*ErrorActiveTaskNotFound"):
        deployment.bus(eventbridge(deployment.event()))


@pytest.mark.parametrize("error", [ProviderError.INVALID_AUTHORIZATION, ProviderError.INVALID_CREDENTIAL])
def test_a_refused_credential_that_comes_as_400_is_no_fault_of_the_event(
    deployment: Deployment, error: ProviderError
) -> None:
    """As a wrong region has it: the event comes back, and the alarm of credentials rings."""
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=error))
    status, body, _ = deployment.post(deployment.event())
    assert (status, body["type"]) == (503, "urn:snapshot-tuner:problem:credentials")
    assert body["outcomes"][0]["outcome"] == "retry"
    assert deployment.post(deployment.event())[0] == 200


def test_of_several_outcomes_the_one_to_retry_decides(deployment: Deployment) -> None:
    """Two tasks: one is not running, the other call failed: 503, and both are told."""
    gone, broken = TaskRef("app", "room-1", "gone"), TaskRef("app", "room-1", "broken")
    deployment.standin.end_task(gone)
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR, task=broken))
    status, body, _ = deployment.post(deployment.event(data={"TaskId": ["gone", "broken"]}))
    assert status == 503
    assert [outcome["outcome"] for outcome in body["outcomes"]] == ["rejected", "retry"]


def test_a_refused_timestamp_is_signed_afresh_once(deployment: Deployment) -> None:
    """The first answer is InvalidTimestamp; the second call, with a new signature and slot, is applied."""
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INVALID_TIMESTAMP))
    assert deployment.post(deployment.event())[0] == 200
    assert deployment.sent() == [20, 20]


def test_a_timestamp_refused_twice_goes_back_to_the_source(deployment: Deployment) -> None:
    """Then the clock of this machine is wrong, and a third call would be no better."""
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INVALID_TIMESTAMP, times=2))
    assert deployment.post(deployment.event())[0] == 503
    assert deployment.sent() == [20, 20]


def test_a_call_that_no_longer_fits_is_not_made(deployment: Deployment) -> None:
    """1.4 s are left, 0.5 of them for the answer: a call would have less than 1 s."""
    deployment.context.remaining_ms = 1_400
    status, body, _ = deployment.post(deployment.event())
    assert (status, body["type"]) == (503, "urn:snapshot-tuner:problem:unavailable")
    assert deployment.sent() == []
    deployment.context.remaining_ms = 30_000
    assert deployment.post(deployment.event())[0] == 200


@pytest.mark.slow
def test_a_call_is_never_cut_off_by_the_runtime(deployment: Deployment) -> None:
    """2.5 s are left and the API is silent: the answer is there in time, with an unknown outcome."""
    deployment.context.remaining_ms = 2_500
    deployment.standin.add_fault(Fault(kind=FaultKind.SILENCE))
    status, body, _ = deployment.post(deployment.event())
    assert (status, body["type"]) == (503, "urn:snapshot-tuner:problem:unknown")


def test_no_slot_before_the_deadline_is_throttling(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call per second and two seconds: of five tasks one or two are called, the others come back."""
    monkeypatch.setenv("RTC_MAX_QPS", "1")
    deployment.context.remaining_ms = 2_700
    tasks = [TaskRef("app", f"room-{number}", "task") for number in range(5)]
    failed = deployment.queue(*[deployment.event(f"e-{n}", task=task) for n, task in enumerate(tasks)])
    called = deployment.standin.intervals()
    assert 1 <= len(called) <= 2
    assert failed == [f"m-{n}" for n, task in enumerate(tasks) if task not in called]


def test_a_dry_run_decides_and_calls_nothing(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome is held, with the interval that would have been set; nothing is admitted either."""
    monkeypatch.setenv("DRY_RUN", "true")
    _, body, _ = deployment.post(deployment.event())
    assert [body["outcomes"][0][name] for name in ("outcome", "interval", "reason")] == [
        "held", 20, "load 0.84 -> curve 20 s; dry run",
    ]  # fmt: skip
    monkeypatch.setenv("DRY_RUN", "false")
    assert deployment.post(deployment.event())[1]["outcomes"][0]["outcome"] == "applied"


def test_an_unknown_route_is_a_problem_too(deployment: Deployment) -> None:
    """404 in the same form as everything else."""
    status, body, headers = deployment.post({}, path="/nowhere")
    assert (status, body["type"]) == (404, "urn:snapshot-tuner:problem:no-such-route")
    assert headers["content-type"] == "application/problem+json"
