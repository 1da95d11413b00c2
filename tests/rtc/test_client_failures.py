"""UpdateSnapshot against the stand-in: what every failure is called."""

import time

import pytest

from devkit.rtc_standin import Fault, FaultKind, ProviderError, StandIn
from snapshot_tuner.errors import (
    ApiError,
    CallFailed,
    CallRefused,
    CredentialsRefused,
    TaskNotFound,
    Throttled,
    TimestampRefused,
)
from snapshot_tuner.rtc.client import SnapshotApi
from tests.rtc.api_calls import TASK, failure, update

RAISED: dict[ProviderError, type[ApiError]] = {
    ProviderError.MISSING_PARAMETER: CallRefused,
    ProviderError.MISSING_REQUEST_INFO: CallRefused,
    ProviderError.INVALID_PARAMETER: CallRefused,
    ProviderError.ACTIVE_TASK_NOT_FOUND: TaskNotFound,
    ProviderError.MISSING_AUTHENTICATION_TOKEN: CredentialsRefused,
    ProviderError.MISSING_SIGNATURE: CredentialsRefused,
    ProviderError.SIGNATURE_DOES_NOT_MATCH: CredentialsRefused,
    ProviderError.INVALID_ACCESS_KEY: CredentialsRefused,
    ProviderError.INVALID_SECRET_TOKEN: CredentialsRefused,
    ProviderError.INVALID_AUTHORIZATION: CredentialsRefused,
    ProviderError.INVALID_CREDENTIAL: CredentialsRefused,
    ProviderError.INVALID_TIMESTAMP: TimestampRefused,
    ProviderError.SERVICE_NOT_FOUND: CallRefused,
    ProviderError.INVALID_ACTION_OR_VERSION: CallRefused,
    ProviderError.LACK_POLICY: CredentialsRefused,
    ProviderError.ACCESS_DENIED: CredentialsRefused,
    ProviderError.ACCESS_DENIED_DETAILED: CredentialsRefused,
    ProviderError.INTERNAL_ERROR: CallFailed,
    ProviderError.INTERNAL_ERROR_DETAILED: CallFailed,
    ProviderError.UNDEFINED_ERROR: CallFailed,
    ProviderError.FAIL_TO_CONNECT: CallFailed,
    ProviderError.INTERNAL_SERVICE_TIMEOUT: CallFailed,
    ProviderError.FLOW_LIMIT_EXCEEDED: Throttled,
    ProviderError.QPS_OVER_LIMIT: Throttled,
    ProviderError.ACCOUNT_FLOW_LIMIT_EXCEEDED: Throttled,
    ProviderError.REQUEST_LIMIT_EXCEEDED: Throttled,
    ProviderError.SERVICE_UNAVAILABLE_TEMP: CallFailed,
}


def test_every_error_of_the_provider_is_in_the_table() -> None:
    assert set(RAISED) == set(ProviderError)


@pytest.mark.parametrize("provider_error", ProviderError)
@pytest.mark.parametrize("as_status", [None, 200], ids=["its-status", "http-200"])
def test_every_error_of_the_provider_is_raised_as_what_the_caller_does_about_it(
    stand_in: StandIn, api: SnapshotApi, provider_error: ProviderError, as_status: int | None
) -> None:
    """Every row of the table over a real connection, which stays usable; under HTTP 200 as well."""
    stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=provider_error, status=as_status))
    raised = failure(api)
    assert type(raised) is RAISED[provider_error]
    assert (raised.code, raised.status) == (provider_error.code, as_status or provider_error.status)
    assert len(raised.request_id or "") == 32
    assert raised.outcome_unknown is (provider_error is ProviderError.INTERNAL_SERVICE_TIMEOUT)
    assert update(api)
    assert {call.connection for call in stand_in.calls()} == {1}


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Fault(kind=FaultKind.HTML_PAGE, status=502), "MalformedAnswer", 502),
        (Fault(kind=FaultKind.NOT_AN_OBJECT), "MalformedAnswer", 200),
        (Fault(kind=FaultKind.EMPTY_BODY), "MalformedAnswer", 200),
        (Fault(kind=FaultKind.RESULT_NOT_OK), "MalformedAnswer", 200),
        (Fault(kind=FaultKind.NOT_UTF8), "MalformedAnswer", 200),
        (Fault(kind=FaultKind.HUGE_BODY), "MalformedAnswer", None),
        (Fault(kind=FaultKind.CUT_BEFORE_BODY), "ConnectionLost", None),
        (Fault(kind=FaultKind.CUT), "ConnectionLost", None),
        (Fault(kind=FaultKind.CUT, apply_after=0.0), "ConnectionLost", None),
        (Fault(kind=FaultKind.CUT_IN_ANSWER), "ConnectionLost", None),
    ],
)
@pytest.mark.parametrize("reused", [False, True], ids=["new-connection", "reused-connection"])
def test_whatever_goes_wrong_after_sending_leaves_the_outcome_unknown(
    *, stand_in: StandIn, api: SnapshotApi, fault: Fault, code: str, status: int | None, reused: bool
) -> None:
    """Applied or not, the caller cannot know; the next call works."""
    if reused:
        update(api)
    stand_in.add_fault(fault)
    raised = failure(api)
    assert type(raised) is CallFailed
    assert (raised.code, raised.status, raised.outcome_unknown) == (code, status, True)
    assert update(api, 9)
    assert stand_in.intervals() == {TASK: 9}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.SILENCE),
        Fault(kind=FaultKind.SILENCE, apply_after=0.0),
        Fault(kind=FaultKind.LATENCY, delay=30.0),
        Fault(kind=FaultKind.SLOW_HEADER, delay=0.05),
        Fault(kind=FaultKind.SLOW_BODY, delay=0.05),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.apply_after}",
)
def test_the_timeout_bounds_the_whole_call_however_the_answer_drips(
    stand_in: StandIn, api: SnapshotApi, fault: Fault
) -> None:
    """Each byte comes in time, the answer does not; and its connection is not used again."""
    stand_in.add_fault(fault)
    began = time.monotonic()
    raised = failure(api, timeout=0.4)
    assert 0.4 <= time.monotonic() - began < 0.4 + 1.5
    assert (type(raised), raised.code, raised.outcome_unknown) == (CallFailed, "Timeout", True)
    update(api)
    assert [call.connection for call in stand_in.calls()] == [1, 2]
