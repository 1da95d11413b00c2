"""The credentials of UpdateSnapshot: where they come from, that nobody waits for another's, and that none is told."""

import socket
import threading
import time
from functools import partial

import pytest
from volcenginesdkcore.auth.providers.static_provider import StaticCredentialProvider

from devkit.rtc_standin import KeyPair, StandIn
from snapshot_tuner.errors import CallFailed, CredentialsRefused
from snapshot_tuner.rtc.client import SnapshotApi
from snapshot_tuner.rtc.http.event_loop import EventLoop
from snapshot_tuner.rtc.http.tasks import Task
from snapshot_tuner.rtc.signing import Credentials
from tests.rtc.api_calls import TASK, failure, update
from tests.rtc.api_clients import BrokenProvider, make_client


def test_a_temporary_key_is_sent_with_its_session_token() -> None:
    """With the token the call passes; the same key without it is refused as credentials."""
    with StandIn(credentials=KeyPair("AKTP", "secret", "token")) as stand_in:
        with_token, without = make_client(stand_in), make_client(stand_in, KeyPair("AKTP", "secret"))
        assert update(with_token)
        error = failure(without)
        assert (type(error), error.code) == (CredentialsRefused, "InvalidAccessKey")
        with_token.close()
        without.close()


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
        def get_credentials(self) -> Credentials:
            assert fetched.wait(60)
            credentials: Credentials = StaticCredentialProvider("AKLTstandin", "standin-secret-key").get_credentials()
            return credentials

    slow = SnapshotApi(endpoint=stand_in.endpoint, region="cn-north-1", credentials=Slow(), pool_size=1)
    quick = make_client(stand_in)
    loop, ended = EventLoop(), list[str]()

    def note(name: str, error: Exception | None) -> None:
        ended.append(f"{name}: {error}")

    def nothing_to_wait_for() -> Task[None]:
        yield from ()

    for name, api in (("slow", slow), ("quick", quick)):
        task = api.update(TASK, 5, None, timeout=5, before_send=nothing_to_wait_for)
        loop.start(task, partial(note, name))
    while len(ended) < 2:
        loop.run_once(time.monotonic() + 5)
        if ended:
            fetched.set()
    assert ended == ["quick: None", "slow: None"]
    for each in (slow, quick, loop):
        each.close()


def test_a_server_that_sends_our_request_back_gets_nothing_into_an_error() -> None:
    """Neither the signature nor a key nor the token stands in what is raised, its causes included."""
    keys = KeyPair("AKSECRET", "SKSECRET", "STSECRET")
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
        leaked = f"{error!r} {error} {error.__cause__!r}"
        assert error.__suppress_context__ or error.__context__ is None
        for secret in ("AKSECRET", "SKSECRET", "STSECRET", "Credential=", "SignedHeaders=", "Signature="):
            assert secret not in leaked
