"""UpdateSnapshot and GetSnapshotTask (RTC OpenAPI), signed by the vendor's signer.

No retry inside: the caller knows the deadline, the quota and whether a newer interval is wanted by now.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from urllib.parse import urlencode

from snapshot_tuner.errors import CallAbandoned, CredentialsRefused, LocalCode
from snapshot_tuner.model import INTERVAL_MAX_SECONDS, INTERVAL_MIN_SECONDS, TaskRef
from snapshot_tuner.rtc.http.connections import ConnectionPool, Route, is_alive
from snapshot_tuner.rtc.http.exchange import HttpResponse, exchange
from snapshot_tuner.rtc.http.tasks import Task, Wait
from snapshot_tuner.rtc.responses import classify
from snapshot_tuner.rtc.signing import (
    CredentialProvider,
    Credentials,
    EnvironmentVariableCredentialProvider,
    SignerV4,
    StaticCredentialProvider,
)
from snapshot_tuner.rtc.task_status import TaskReading, task_reading

_SERVICE = "rtc"
_CONTENT_TYPE = "application/json"
_USER_AGENT = "snapshot-tuner"
_CREDENTIALS_LOOK_SECONDS = 60.0  # a wait has to end some time; the provider has timeouts of its own
_ANSWER_AT_ONCE = (EnvironmentVariableCredentialProvider, StaticCredentialProvider)

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

BeforeSend = Callable[[], Task[None]]

_ID = re.compile(r"[a-zA-Z0-9_@\-.]{1,128}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")


class SnapshotApi:
    """The API's two calls, each as `Task`; at most `pool_size` at once.

    `endpoint` is `http[s]://host[:port]`; `proxy` is `http://host:port`, or None to go straight, whatever
    the environment says. Raises ValueError if one of them is anything else.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        version: str = "2023-11-01",
        credentials: CredentialProvider,
        proxy: str | None = None,
        pool_size: int,
    ) -> None:
        if not _VISIBLE.fullmatch(region):
            raise ValueError(f"{region!r} is not a region")
        self._region = region
        self._update = {"Action": "UpdateSnapshot", "Version": version}
        self._get = {"Action": "GetSnapshotTask", "Version": version}
        self._credentials = credentials
        self._asking: ThreadPoolExecutor | None = None
        self._route = Route(endpoint, proxy)
        self._connections = ConnectionPool(self._route, pool_size)

    def close(self) -> None:
        """Close the idle connections; those in use are closed when their calls end."""
        self._connections.close()
        if self._asking is not None:
            self._asking.shutdown(wait=False)

    def update(
        self,
        task: TaskRef,
        interval: int,
        business_id: str | None,
        *,
        timeout: float,
        before_send: BeforeSend,
        traceparent: str | None = None,
    ) -> Task[str]:
        """Set the task's interval, in seconds; returns the provider's request id ("" if it gives none).

        `before_send` is carried out when the connection is open and the request signed. It may wait for the
        call's slot, a few seconds at most (the signature's time is taken before), and may raise, for
        instance CallAbandoned: then nothing is sent. From its return to the end of the answer the call takes
        `timeout` seconds at most; before, a connection is opened within 2 s.

        Raises CallRefused (TaskNotFound), CallFailed (Throttled, TimestampRefused) or CredentialsRefused;
        CallAbandoned where the server closed the connection while the call waited.
        Raises ValueError for an id or an interval that the provider does not allow: a bug in the caller.
        """
        body = _body(task, interval, business_id)
        trace = {} if traceparent is None else {"traceparent": traceparent}
        answer, secrets = yield from self._exchange("POST", self._update, body, timeout, before_send, unsigned=trace)
        return classify(answer.status, answer.body, secrets=secrets)

    def read(self, task: TaskRef, *, timeout: float, before_send: BeforeSend) -> Task[TaskReading]:
        """What the provider holds of the task. Otherwise as `update`; it changes nothing."""
        answer, secrets = yield from self._exchange("GET", {**self._get, **_names(task)}, "", timeout, before_send)
        return task_reading(answer.status, answer.body, secrets=secrets)

    def _exchange(
        self,
        method: str,
        query: Mapping[str, str],
        body: str,
        timeout: float,
        before_send: BeforeSend,
        *,
        unsigned: Mapping[str, str] = _NO_HEADERS,
    ) -> Task[tuple[HttpResponse, list[str]]]:
        """The answer, and what must not be shown of it."""
        credentials = yield from self._usable_credentials()
        connection = yield from self._connections.take()
        reusable = True
        try:
            request = self._signed_request(method, query, body, credentials, unsigned)
            yield from before_send()
            deadline = time.monotonic() + timeout
            reusable = False
            if not is_alive(connection):
                raise CallAbandoned("the server has closed its connection")
            answer = yield from exchange(connection.sock, request, deadline=deadline)
            reusable = answer.reusable
        finally:
            if reusable:
                self._connections.give_back(connection)
            else:
                connection.close()
        secrets = [credentials.ak, credentials.sk]
        if credentials.session_token:
            secrets.append(credentials.session_token)
        return answer, secrets

    def _usable_credentials(self) -> Task[Credentials]:
        provider = type(self._credentials).__name__
        try:
            credentials = yield from self._asked_for_credentials()
        except Exception as error:  # noqa: BLE001 -- a provider runs files, processes and HTTP; it may raise anything
            # Not its text, and no cause: some providers quote the answer that should have held the keys.
            reason = f"{provider} raised {type(error).__name__}"
            raise CredentialsRefused(LocalCode.CREDENTIALS_UNAVAILABLE, reason) from None
        promised: tuple[object, ...] = (credentials.ak, credentials.sk, credentials.session_token or "none")
        for text in promised:
            if not isinstance(text, str) or not _VISIBLE.fullmatch(text):
                reason = f"{provider} gave a key or token that is empty or not printable ASCII"
                raise CredentialsRefused(LocalCode.CREDENTIALS_UNAVAILABLE, reason)
        return credentials

    def _asked_for_credentials(self) -> Task[Credentials]:
        if isinstance(self._credentials, _ANSWER_AT_ONCE):
            at_once: Credentials = self._credentials.get_credentials()
            return at_once
        # It may be fetching new ones, over HTTP: that must not hold up the other calls of this thread.
        if self._asking is None:
            self._asking = ThreadPoolExecutor(1, "rtc-credentials")
        asked = self._asking.submit(self._credentials.get_credentials)
        while not asked.done():
            yield Wait(time.monotonic() + _CREDENTIALS_LOOK_SECONDS, future=asked)
        return asked.result()

    def _signed_request(
        self,
        method: str,
        query: Mapping[str, str],
        body: str,
        credentials: Credentials,
        unsigned: Mapping[str, str],
    ) -> bytes:
        headers = {"Host": self._route.host, "Content-Type": _CONTENT_TYPE}
        # Adds X-Date, X-Content-Sha256, X-Security-Token (for a temporary key pair) and Authorization.
        SignerV4.sign(
            "/",
            method,
            headers,
            body,
            None,
            dict(query),
            credentials.ak,
            credentials.sk,
            self._region,
            _SERVICE,
            credentials.session_token,
        )
        headers |= {**self._route.headers, **unsigned}
        headers |= {"User-Agent": _USER_AGENT, "Content-Length": str(len(body))}
        target = self._route.target(f"/?{urlencode(query)}")
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
        # Everything is visible ASCII by now. One piece: one segment, one send.
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("ascii")


def _body(task: TaskRef, interval: int, business_id: str | None) -> str:
    fields: dict[str, object] = {**_names(task)}
    if business_id is not None:
        fields |= _checked({"BusinessId": business_id})
    if not INTERVAL_MIN_SECONDS <= interval <= INTERVAL_MAX_SECONDS:
        raise ValueError(f"interval {interval} is outside {INTERVAL_MIN_SECONDS}..{INTERVAL_MAX_SECONDS} s")
    # An interval is the only image setting that the provider lets a running task change.
    fields["ImageConfig"] = {"Interval": interval}
    return json.dumps(fields, separators=(",", ":"))


def _names(task: TaskRef) -> dict[str, str]:
    return _checked({"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id})


def _checked(fields: dict[str, str]) -> dict[str, str]:
    for name, text in fields.items():
        if not _ID.fullmatch(text):
            raise ValueError(f"{name} does not match {_ID.pattern}")
    return fields
