"""UpdateSnapshot against the stand-in: what is sent, what comes back, and what every failure is called."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pytest
from volcenginesdkcore.auth.providers.static_provider import StaticCredentialProvider

from devkit.rtc_standin import Credentials, Fault, FaultKind, ProviderError, StandIn
from snapshot_tuner.errors import (
    ApiError,
    CallAbandoned,
    CallFailed,
    CallRefused,
    CredentialsRefused,
    TaskNotFound,
    Throttled,
    TimestampRefused,
)
from snapshot_tuner.model import TaskRef
from snapshot_tuner.snapshot_api import Credentials as ApiCredentials
from snapshot_tuner.snapshot_api import SnapshotApi
from snapshot_tuner.step_loop import StepLoop
from snapshot_tuner.steps import Steps
from tests.api_calls import TASK, update


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


@pytest.fixture
def api(stand_in: StandIn) -> Iterator[SnapshotApi]:
    client = client_of(stand_in)
    yield client
    client.close()


def client_of(stand_in: StandIn, credentials: Credentials | None = None, pool_size: int = 4) -> SnapshotApi:
    keys = credentials or stand_in.credentials
    provider = StaticCredentialProvider(keys.access_key, keys.secret_key, keys.session_token)
    return SnapshotApi(endpoint=stand_in.endpoint, region="cn-north-1", credentials=provider, pool_size=pool_size)


def failure(api: SnapshotApi, timeout: float = 5.0) -> ApiError:
    with pytest.raises(ApiError) as caught:
        update(api, timeout=timeout)
    return caught.value


def test_a_call_sets_the_interval_and_returns_the_request_id(stand_in: StandIn, api: SnapshotApi) -> None:
    """Signed by the vendor's signer, verified by the stand-in's own code."""
    request_id = update(api, 600, business_id="biz@1")
    assert len(request_id) == 32
    (call,) = stand_in.calls()
    assert (call.task, call.interval, call.business_id, call.outcome) == (TASK, 600, "biz@1", "ok")
    assert stand_in.intervals() == {TASK: 600}


def test_without_a_business_id_the_field_is_left_out(stand_in: StandIn, api: SnapshotApi) -> None:
    """The stand-in refuses a BusinessId of null, so an accepted call had none."""
    update(api)
    assert [(call.business_id, call.outcome) for call in stand_in.calls()] == [(None, "ok")]


def test_a_temporary_key_is_sent_with_its_session_token() -> None:
    """With the token the call passes; the same key without it is refused as credentials."""
    with StandIn(credentials=Credentials("AKTP", "secret", "token")) as stand_in:
        with_token, without = client_of(stand_in), client_of(stand_in, Credentials("AKTP", "secret"))
        assert update(with_token)
        error = failure(without)
        assert (type(error), error.code) == (CredentialsRefused, "InvalidAccessKey")
        with_token.close()
        without.close()


RAISED: dict[ProviderError, type[ApiError]] = {
    ProviderError.MISSING_PARAMETER: CallRefused,
    ProviderError.MISSING_REQUEST_INFO: CallRefused,
    ProviderError.INVALID_PARAMETER: CallRefused,
    ProviderError.ACTIVE_TASK_NOT_FOUND: TaskNotFound,
    ProviderError.MISSING_AUTHENTICATION_TOKEN: CredentialsRefused,
    ProviderError.MISSING_SIGNATURE: CredentialsRefused,
    ProviderError.SIGNATURE_DOES_NOT_MATCH: CredentialsRefused,
    ProviderError.INVALID_ACCESS_KEY: CredentialsRefused,
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


def test_the_time_before_sending_does_not_count(api: SnapshotApi) -> None:
    """The call's slot may be further away than the call may take."""
    slot = threading.Event()
    assert update(api, timeout=0.25, before_send=lambda: assert_waits(slot, 0.5))


def assert_waits(event: threading.Event, seconds: float) -> None:
    assert not event.wait(seconds)


@pytest.mark.parametrize("reason", [CallAbandoned("no time left"), KeyError("a bug")])
def test_a_call_given_up_before_sending_sends_nothing_and_keeps_the_connection(
    stand_in: StandIn, api: SnapshotApi, reason: Exception
) -> None:
    """Whatever is raised comes through; the stand-in has seen no call, and the next one takes the same connection."""
    update(api)

    def give_up() -> None:
        raise reason

    with pytest.raises(type(reason)) as caught:
        update(api, 9, before_send=give_up)
    assert caught.value is reason
    update(api, 7)
    assert [(call.interval, call.connection) for call in stand_in.calls()] == [(5, 1), (7, 1)]


def test_before_send_finds_the_connection_open_and_nothing_sent(stand_in: StandIn, api: SnapshotApi) -> None:
    """Nothing but the request itself lies between the slot and the provider."""
    seen: list[int] = []

    def look() -> None:
        deadline = time.monotonic() + 2
        while not stand_in._site.open_connections and time.monotonic() < deadline:
            threading.Event().wait(0.002)
        seen.append(len(stand_in._site.open_connections))
        assert stand_in.calls() == ()

    update(api, before_send=look)
    assert (seen, len(stand_in.calls())) == ([1], 1)


@pytest.mark.parametrize(
    ("task", "interval", "business_id"),
    [
        (TaskRef("", "room", "task"), 5, None),
        (TaskRef("app", "a room", "task"), 5, None),
        (TaskRef("app", "room", "x" * 129), 5, None),
        (TaskRef("app", "room\r\nX-Evil: 1", "task"), 5, None),
        (TaskRef("app", "room", "task\n"), 5, None),
        (TASK, 5, "a/b"),
        (TASK, 5, ""),
        (TASK, 0, None),
        (TASK, 601, None),
    ],
)
def test_what_the_provider_does_not_allow_is_not_sent(
    stand_in: StandIn, api: SnapshotApi, task: TaskRef, interval: int, business_id: str | None
) -> None:
    """Older versions of the API replaced an illegal interval by 2 s without a word."""
    with pytest.raises(ValueError, match=r"AppId|RoomId|TaskId|BusinessId|interval"):
        update(api, interval, task=task, business_id=business_id)
    assert stand_in.calls() == ()


def test_sixty_four_calls_at_once_take_as_many_connections_and_keep_them(stand_in: StandIn) -> None:
    """All in flight together, each task with its own interval, twice over the same connections."""
    api = client_of(stand_in, pool_size=64)
    together = threading.Barrier(64)
    tasks = {TaskRef("app", "room", f"task-{number}"): number + 1 for number in range(64)}

    def wait_for_all() -> None:
        together.wait(10)

    def call(task: TaskRef, interval: int) -> str:
        return update(api, interval, task=task, timeout=7, before_send=wait_for_all)

    with ThreadPoolExecutor(64) as threads:
        for _ in range(2):
            assert len(set(threads.map(call, tasks.keys(), tasks.values()))) == 64
    assert stand_in.intervals() == tasks
    assert {call.connection for call in stand_in.calls()} == set(range(1, 65))
    api.close()


@dataclass
class BrokenProvider:
    """Gives what it is told to, or raises it."""

    gives: object

    def get_credentials(self) -> ApiCredentials:
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives  # type: ignore[return-value]  # that is what is broken about it


@pytest.mark.parametrize(
    "gives",
    [
        RuntimeError('could not parse: raw={"sk": "TOP-SECRET"}'),
        StaticCredentialProvider("", "TOP-SECRET").get_credentials(),
        StaticCredentialProvider("ak", None).get_credentials(),
        StaticCredentialProvider("ak", "TOP-SECRET\r\nX: 1").get_credentials(),
        StaticCredentialProvider("ak", "TOP-SECRET", "tok\nen").get_credentials(),
    ],
)
def test_without_usable_credentials_nothing_is_sent_and_nothing_is_told(stand_in: StandIn, gives: object) -> None:
    """The deployment's fault, certain outcome, and the keys stay out of the text even when a provider quotes them."""
    api = SnapshotApi(
        endpoint=stand_in.endpoint,
        region="cn-north-1",
        credentials=BrokenProvider(gives),
        pool_size=1,
    )
    error = failure(api)
    assert (type(error), error.code, error.outcome_unknown) == (CredentialsRefused, "CredentialsUnavailable", False)
    assert "TOP-SECRET" not in str(error)
    assert error.__suppress_context__ or error.__context__ is None
    assert stand_in.calls() == ()
    api.close()


def test_a_provider_that_takes_its_time_holds_up_no_other_call(stand_in: StandIn) -> None:
    """It fetches new keys over HTTP, perhaps for half a minute; the calls beside it are made meanwhile."""
    fetched = threading.Event()

    class Slow:
        def get_credentials(self) -> ApiCredentials:
            assert fetched.wait(60)
            credentials: ApiCredentials = StaticCredentialProvider(
                "AKLTstandin", "standin-secret-key"
            ).get_credentials()
            return credentials

    slow = SnapshotApi(endpoint=stand_in.endpoint, region="cn-north-1", credentials=Slow(), pool_size=1)
    quick = client_of(stand_in)
    loop, ended = StepLoop(), list[str]()

    def note(name: str, error: Exception | None) -> None:
        ended.append(f"{name}: {error}")

    def nothing_to_wait_for() -> Steps[None]:
        yield from ()

    for name, api in (("slow", slow), ("quick", quick)):
        steps = api.update(TASK, 5, None, timeout=5, before_send=nothing_to_wait_for)
        loop.start(steps, partial(note, name))
    while len(ended) < 2:
        loop.round(time.monotonic() + 5)
        if ended:
            fetched.set()
    assert ended == ["quick: None", "slow: None"]
    for each in (slow, quick, loop):
        each.close()


def test_a_server_that_sends_our_request_back_gets_nothing_into_an_error() -> None:
    """Neither the signature nor a key nor the token stands in what is raised, its causes included."""
    keys = Credentials("AKSECRET", "SKSECRET", "STSECRET")
    with socket.create_server(("127.0.0.1", 0)) as echo:

        def send_back() -> None:
            while True:
                try:
                    client, _ = echo.accept()
                except OSError:
                    return
                with client:
                    request = client.recv(65536)
                    body = request.replace(b'"', b"'").replace(b"\r\n", b" ")
                    answer = b'{"ResponseMetadata": {"Error": {"Code": "AccessDenied", "Message": "%b"}}}' % body[150:]
                    header = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(answer)
                    client.sendall(request if first.pop() else header + answer)

        first = [False, True]
        thread = threading.Thread(target=send_back, daemon=True)
        thread.start()
        api = SnapshotApi(
            endpoint=f"http://127.0.0.1:{echo.getsockname()[1]}",
            region="cn-north-1",
            credentials=StaticCredentialProvider(keys.access_key, keys.secret_key, keys.session_token),
            pool_size=1,
        )
        errors = [failure(api), failure(api)]
        echo.shutdown(socket.SHUT_RDWR)
        thread.join()
        api.close()
    assert [type(error) for error in errors] == [CallFailed, CredentialsRefused]
    assert "[redacted]" in errors[1].message
    for error in errors:
        told = f"{error!r} {error} {error.__cause__!r}"
        assert error.__suppress_context__ or error.__context__ is None
        for secret in ("AKSECRET", "SKSECRET", "STSECRET", "Credential=", "SignedHeaders=", "Signature="):
            assert secret not in told


def test_an_answer_that_says_close_is_taken_at_its_word() -> None:
    """The connection is not used again."""
    answer = b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 16\r\n\r\n{"Result": "ok"}'
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_twice() -> None:
            for _ in range(2):
                client, _ = server.accept()
                with client:
                    client.recv(65536)
                    client.sendall(answer)
                    assert client.recv(1) == b""

        thread = threading.Thread(target=answer_twice, daemon=True)
        thread.start()
        api = SnapshotApi(
            endpoint=f"http://127.0.0.1:{server.getsockname()[1]}",
            region="cn-north-1",
            credentials=StaticCredentialProvider("ak", "sk"),
            pool_size=1,
        )
        assert [update(api), update(api)] == ["", ""]
        thread.join(5)
        assert not thread.is_alive()
        api.close()


@pytest.mark.parametrize(
    ("endpoint", "proxy"),
    [
        ("rtc.volcengineapi.com", None),
        ("ftp://rtc.volcengineapi.com", None),
        ("https://", None),
        ("https://host/path", None),
        ("https://host/?a=b", None),
        ("https://user:SECRET@host", None),
        ("https://host", "https://user:SECRET@proxy"),
        ("https://host", "http://user:SECRET@proxy:99999999"),
    ],
)
def test_an_endpoint_or_proxy_that_is_no_server_is_refused_at_once(endpoint: str, proxy: str | None) -> None:
    """A mistake of the settings is one clear error, without a proxy's password in it."""
    with pytest.raises(ValueError, match=r"is needed|user and password") as caught:
        SnapshotApi(endpoint=endpoint, region="r", credentials=BrokenProvider(None), proxy=proxy, pool_size=1)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_certificates_are_verified_and_hosts_too() -> None:
    """The one context for all connections asks for both."""
    api = SnapshotApi(endpoint="https://host", region="r", credentials=BrokenProvider(None), pool_size=1)
    tls = api._route._tls
    assert tls is not None
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    api.close()
