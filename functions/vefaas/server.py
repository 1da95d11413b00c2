"""Between the server's sockets and the doors: ASGI, with a thread for each request that is handled.

A request mostly waits for a call to the provider, so there are many threads; the work is done by the few tuners.
"""

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from http import HTTPStatus
from typing import Any, Final

from snapshot_tuner import bootstrap
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import FixDeployment
from snapshot_tuner.telemetry.json_lines import REQUEST_ID
from snapshot_tuner.version import VERSION
from vefaas import event_door, http_door
from vefaas.requests import JSON, Incoming, Outgoing
from vefaas.settings import Takes, VefaasSettings

TUNERS: Final = 8
"""Side by side. An event that is redelivered into the lease of a killed instance keeps one of them for up to 15 s, and
delays nothing as long as another is free. One that has nothing to do costs a thread."""

_WAY_BACK_SECONDS: Final = 1
"""Of the platform's time for a request."""

THREADS: Final = 256
BODY_MOST_BYTES: Final = {Takes.HTTP: 6_291_456, Takes.EVENTS: 67_108_864}

_DOORS: Final = {Takes.HTTP: http_door.answer, Takes.EVENTS: event_door.answer}
_INTERNAL: Final = "x-faas-internal-request"
_REQUEST_ID: Final = "x-faas-request-id"

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _Gone(Exception):
    """The sender of the request disconnected in the middle of it."""


class Application:
    """An ASGI application; prepared once, before its first request."""

    def __init__(self, settings: VefaasSettings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(THREADS, "request")

    def prepare(self) -> None:
        """A wrong deployment is reported in the log, and with each answer until it is right."""
        try:
            bootstrap.serve_together(TUNERS, self._settings.role)
        except FixDeployment as error:
            bootstrap.logger().error("deployment_wrong", error=str(error))

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            return
        deadline = SystemClock().monotonic() + self._settings.timeout_seconds - _WAY_BACK_SECONDS
        try:
            body = await self._body(receive)
        except _Gone:
            return
        if body is None:
            bootstrap.logger().warning("request_too_large", most=BODY_MOST_BYTES[self._settings.takes])
            outgoing = Outgoing(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"")
        else:
            headers: dict[str, str] = {}
            for name, value in scope["headers"]:  # a repeated one as the fronts of Lambda join it
                text = name.decode("latin-1").lower()
                given = value.decode("latin-1")
                headers[text] = f"{headers[text]},{given}" if text in headers else given
            # As it was sent: the parts of a path are taken apart before they are decoded.
            path = scope["raw_path"].decode("latin-1")
            query = scope["query_string"].decode("latin-1")
            outgoing = await self._answer(Incoming(scope["method"], path, headers, body, deadline, query))
        await _respond(send, outgoing)

    async def _body(self, receive: _Receive) -> bytes | None:
        """None if it is too large. Raises _Gone: a truncated body does not count, however well it reads."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            part = message.get("body", b"")
            size += len(part)
            if size > BODY_MOST_BYTES[self._settings.takes]:
                return None
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _answer(self, incoming: Incoming) -> Outgoing:
        context = copy_context()
        context.run(REQUEST_ID.set, incoming.headers.get(_REQUEST_ID))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, context.run, self._handle, incoming)

    def _handle(self, incoming: Incoming) -> Outgoing:
        try:
            if incoming.headers.get(_INTERNAL) == "true":
                internal = _internal(incoming.path)
                if internal is not None:
                    return internal
            return _DOORS[self._settings.takes](incoming)
        except Exception as error:  # noqa: BLE001 - the last resort: a traceback could quote a body or a secret
            frames = traceback.extract_tb(error.__traceback__)
            at = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
            bootstrap.logger().error("defect", error=type(error).__name__, at=at)
            headers = {"X-Faas-Response-Error-Code": "function_execution_error"}
            return Outgoing(HTTPStatus.INTERNAL_SERVER_ERROR, b"", headers)


def _internal(path: str) -> Outgoing | None:
    """As the vendor's Go runtime answers the platform's own questions."""
    match path:
        case "/v1/initialize":
            return Outgoing(HTTPStatus.OK, b"", {})
        case "/v1/version":
            return Outgoing(HTTPStatus.OK, json.dumps({"version": VERSION}).encode(), {"Content-Type": JSON})
        case _:
            return None


async def _respond(send: _Send, outgoing: Outgoing) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in outgoing.headers.items()]
    headers.append((b"content-length", str(len(outgoing.body)).encode()))
    await send({"type": "http.response.start", "status": int(outgoing.status), "headers": headers})
    await send({"type": "http.response.body", "body": outgoing.body})
