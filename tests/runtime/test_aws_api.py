"""The local services: moto's lists are not made for several threads."""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from devkit.local_runtime import aws_api
from devkit.local_runtime.queues import create_queue
from tests.runtime.machine import depth


def test_requests_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a message that comes while another one is deleted is lost, or the deleted one comes back."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication  # noqa: PLC0415 - a second, for whoever collects

    answer = DomainDispatcherApplication.__call__
    alone = threading.Lock()
    disturbed = []

    def watched(app: DomainDispatcherApplication, request: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        disturbed.append(not alone.acquire(blocking=False))
        time.sleep(0.01)
        try:
            return answer(app, request, start)  # type: ignore[no-any-return]  # moto says Any
        finally:
            if not disturbed[-1]:
                alone.release()

    with aws_api.served() as api:
        queue = create_queue(api, "busy")
        monkeypatch.setattr(DomainDispatcherApplication, "__call__", watched)
        with ThreadPoolExecutor(4) as senders:
            list(senders.map(queue.send, map(str, range(20))))
        assert depth(queue) == 20
    assert not any(disturbed)
