"""UpdateSnapshot against the stand-in: what is sent, when, over which connections, and what is not sent at all."""

import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from volcenginesdkcore.auth.providers.static_provider import StaticCredentialProvider

from devkit.rtc_standin import BYTEPLUS, Api, StandIn
from snapshot_tuner.errors import ApiError, CallAbandoned
from snapshot_tuner.model import TaskRef
from snapshot_tuner.rtc.client import SnapshotApi
from snapshot_tuner.rtc.http.tasks import Task, run
from tests.rtc.api_calls import TASK, update
from tests.rtc.api_clients import BrokenProvider, make_client


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


@pytest.mark.parametrize("provider", [Api(), BYTEPLUS], ids=["volcengine", "byteplus"])
def test_both_providers_take_calls_of_their_own_region_and_version(provider: Api) -> None:
    """Signed for that region; whatever else is asked for is refused by the name that the provider gives it."""
    with StandIn(api=provider) as stand_in:
        keys = StaticCredentialProvider(stand_in.credentials.access_key, stand_in.credentials.secret_key)

        def called(region: str, version: str) -> str:
            api = SnapshotApi(endpoint=stand_in.endpoint, region=region, version=version, credentials=keys, pool_size=1)
            try:
                update(api)
                read(api)
            except ApiError as refused:
                return refused.code
            finally:
                api.close()
            return "ok"

        assert called(provider.region, provider.version) == "ok"
        assert called("eu-1", provider.version) == "InvalidCredential"
        assert called(provider.region, "2020-12-01") == "InvalidActionOrVersion"
        assert stand_in.intervals() == {TASK: 5}


def read(api: SnapshotApi) -> None:
    def before() -> Task[None]:
        yield from ()

    run(api.read(TASK, timeout=5.0, before_send=before))


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

    def check_nothing_sent() -> None:
        deadline = time.monotonic() + 2
        while not stand_in._site.open_connections and time.monotonic() < deadline:
            threading.Event().wait(0.002)
        seen.append(len(stand_in._site.open_connections))
        assert stand_in.calls() == ()

    update(api, before_send=check_nothing_sent)
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
    api = make_client(stand_in, pool_size=64)
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
