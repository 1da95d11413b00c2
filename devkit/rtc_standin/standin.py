"""The stand-in as a context manager: a real HTTP server on 127.0.0.1, in a thread of its own."""

import asyncio
import ssl
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from devkit.rtc_standin.account import Account
from devkit.rtc_standin.arrival import stamp_from_now_on
from devkit.rtc_standin.call_log import CallLog, LoggedCall, Peaks
from devkit.rtc_standin.connection import Connection, Site
from devkit.rtc_standin.control import Control
from devkit.rtc_standin.faults import Fault, FaultPlan
from devkit.rtc_standin.get_snapshot_task import ReadFaults
from devkit.rtc_standin.signature import KeyPair
from devkit.rtc_standin.update_snapshot import Api
from devkit.server_end import end
from devkit.serving import LOOPBACK
from snapshot_tuner.model import TaskRef

_VOLCENGINE = Api()


class StandIn:
    """A stand-in of the RTC API for one account.

    `latency` is in seconds, from a call's last byte to its answer. `tasks` are those that run (None: all).
    `max_qps` is the account's quota, calls per second (None: no limit). `tls` serves HTTPS.
    What it has seen can still be read after it has closed.
    """

    def __init__(
        self,
        *,
        credentials: KeyPair | None = None,
        api: Api = _VOLCENGINE,
        latency: float = 0.0,
        tasks: Iterable[TaskRef] | None = None,
        max_qps: int | None = None,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.credentials = credentials or KeyPair()
        self.api = api
        self._account = Account(tasks=tasks, max_qps=max_qps)
        self._log = CallLog()
        self._faults = FaultPlan()
        self._control = Control(self._account, self._log, self._faults)
        self._read_faults = ReadFaults()
        self._site = Site(
            self.credentials,
            api,
            latency,
            self._account,
            self._log,
            self._faults,
            self._control,
            self._read_faults,
        )
        self._port = port
        self._tls = tls
        self._ready: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, name="rtc-standin", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._port, self._loop, self._closing = self._ready.result()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._port

    @property
    def endpoint(self) -> str:
        """What RTC_ENDPOINT should say."""
        return f"{'https' if self._tls else 'http'}://{LOOPBACK}:{self._port}"

    def environment(self) -> Mapping[str, str]:
        """The settings of a function that is to call this stand-in and nobody else."""
        settings = {
            "RTC_ENDPOINT": self.endpoint,
            "RTC_REGION": self.api.region,
            "RTC_API_VERSION": self.api.version,
            "VOLCENGINE_ACCESS_KEY": self.credentials.access_key,
            "VOLCENGINE_SECRET_KEY": self.credentials.secret_key,
        }
        if self.credentials.session_token is not None:
            settings["VOLCENGINE_SESSION_TOKEN"] = self.credentials.session_token
        return settings

    def add_fault(self, fault: Fault) -> None:
        """Let the fault befall the calls that it names."""
        self._faults.add(fault)

    def end_task(self, task: TaskRef) -> None:
        """The task is no longer running."""
        self._account.end_task(task)

    def restart_task(self, task: TaskRef) -> None:
        """The task ends and starts again from its default interval, without notice."""
        self._account.restart_task(task)

    def spoil_reads(self, status: int, body: bytes, *, delay: float = 0.0) -> None:
        """From now on every GetSnapshotTask is answered so, `delay` seconds late."""
        self._read_faults.answer = (status, body)
        self._read_faults.delay = delay

    def read_as_usual(self) -> None:
        """The end of `spoil_reads`."""
        self._read_faults.answer = None
        self._read_faults.delay = 0.0

    def reset(self) -> None:
        """Forget intervals, ended tasks, calls and faults."""
        self._control.reset()

    def intervals(self) -> dict[TaskRef, int]:
        """The interval of every task that was ever set, in seconds."""
        return {task: update.interval for task, update in self._account.updates().items()}

    def calls(self) -> tuple[LoggedCall, ...]:
        """Every call, in the order of arrival."""
        return self._log.calls()

    def peaks(self) -> Peaks:
        """The most calls in any second, in flight, and in flight for one task."""
        return self._log.peaks()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            # Only a failed start: once ready, the future is done and nothing else opens a socket.
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(self._site), LOOPBACK, self._port, ssl=self._tls, backlog=1024
        )
        closing = asyncio.Event()
        stamp_from_now_on(server.sockets[0])
        self._ready.set_result((server.sockets[0].getsockname()[1], loop, closing))
        await closing.wait()
        await end(server, self._abort)

    def _abort(self) -> int:
        for connection in (connections := tuple(self._site.open_connections)):
            connection.abort()
        return len(connections)
