"""SQS and EventBridge over their JSON protocols, SNS over its query protocol, as moto serves them: no AWS SDK."""

import functools
import http.client
import json
import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import StartResponse, WSGIEnvironment

from devkit.serving import LOOPBACK, serving

REGION = "eu-central-1"
ACCOUNT = "123456789012"
_SECONDS = 20.0
_BRINGS_NO_MESSAGE = ("ReceiveMessage", "DeleteMessageBatch", "GetQueueAttributes")


@dataclass(frozen=True, slots=True)
class _Protocol:
    name: str
    target: str
    content_type: str


class Service(Enum):
    """The two that are needed, with what their requests are marked by."""

    SQS = _Protocol("sqs", "AmazonSQS", "application/x-amz-json-1.0")
    EVENTS = _Protocol("events", "AWSEvents", "application/x-amz-json-1.1")


class AwsApiError(Exception):
    """The service refused a request."""


class Activity:
    """Wakes pollers when something was asked for that may bring them messages: polling moto takes much of a core."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._number = 0

    @property
    def number(self) -> int:
        """Of the last change."""
        return self._number

    def tell(self) -> None:
        with self._changed:
            self._number += 1
            self._changed.notify_all()

    def tell_in(self, seconds: float) -> None:
        """When a message that was hidden for so long is there again."""
        timer = threading.Timer(seconds, self.tell)
        timer.daemon = True
        timer.start()

    def wait(self, seen: int, seconds: float) -> None:
        """Until there is a change later than the one seen, or so many seconds have passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._number != seen, seconds)


@dataclass(frozen=True, slots=True)
class AwsApi:
    """The services on one port of this machine."""

    port: int
    activity: Activity = field(default_factory=Activity, compare=False, repr=False)

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/"

    def call(self, service: Service, action: str, **parameters: object) -> dict[str, Any]:
        """One request; raises AwsApiError."""
        protocol = service.value
        headers = {"Content-Type": protocol.content_type, "X-Amz-Target": f"{protocol.target}.{action}"}
        answer: dict[str, Any] = json.loads(self._post(protocol.name, headers, json.dumps(parameters)) or b"{}")
        return answer

    def call_sns(self, action: str, **parameters: str) -> None:
        """One request; raises AwsApiError."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._post("sns", headers, urlencode({"Action": action, "Version": "2010-03-31", **parameters}))

    def _post(self, service: str, headers: dict[str, str], body: str) -> bytes:
        # The service is found by the scope; nobody checks the signature.
        credential = f"Credential=local/20260101/{REGION}/{service}/aws4_request"
        signed = {"Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=none"}
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=_SECONDS)
        try:
            connection.request("POST", "/", body.encode(), headers | signed)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise AwsApiError(f"{service}: {response.status} {answer.decode(errors='replace')}")
        return answer


@contextmanager
def served() -> Iterator[AwsApi]:
    """The services in threads of this process, on a free port. moto keeps one state for the whole process."""
    # It takes a second, and is not needed for --help.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415
    from werkzeug.serving import make_server  # noqa: PLC0415

    # A line per request, and pollers make several per second.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = DomainDispatcherApplication(create_backend_app)
    # It looks through moto's folders for a service's name, a third of what a request takes.
    found = functools.cache(application.get_backend_for_host)
    application.get_backend_for_host = found  # type: ignore[method-assign] # of this one object
    turn, activity = threading.Lock(), Activity()

    def one_at_a_time(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # moto's queues are plain lists: a message sent while another one is deleted would be lost.
        with turn:
            answer: Iterable[bytes] = application(environment, start_response)
        if not environment.get("HTTP_X_AMZ_TARGET", "").endswith(_BRINGS_NO_MESSAGE):
            activity.tell()
        return answer

    server = make_server(LOOPBACK, 0, one_at_a_time, threaded=True)
    with serving(server):
        yield AwsApi(server.server_port, activity)
