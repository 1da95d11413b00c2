"""A program in a process group of its own, which ends with us, whatever ends us."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from devkit.serving import LOOPBACK

_START_SECONDS = 15.0
_STOP_SECONDS = 3.0
_LAST_LINES = 40


class StartFailed(Exception):
    """A program did not come up; the message holds what it said."""


class ProcessGroup:
    """Runs `command` with `environment` and nothing else from us, until `stop` or the end of this process.

    Every line that it writes goes to `on_line`, in a thread of its own. Start it in the main thread: the
    system ends the program when the thread that started it ends.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        folder: Path,
        on_line: Callable[[str], None],
    ) -> None:
        # Should we be killed, nobody else is left to end it.
        tied = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        self._process = subprocess.Popen(  # noqa: S603 - the emulator that we installed
            [*tied, *command],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
        )
        self._on_line = on_line
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._reader = threading.Thread(target=self._read, name="process-output", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_for_port(self, port: int) -> None:
        """Return as soon as it answers on that port; raises StartFailed."""
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((LOOPBACK, port), timeout=_START_SECONDS).close()
            except ConnectionRefusedError:
                time.sleep(0.01)
            else:
                return
        said = "\n".join(self._last)
        raise StartFailed(f"{self._process.args!r} does not answer on port {port}; it said:\n{said}")

    def stop(self) -> None:
        """End the group: asked first, then forced."""
        for kind in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                os.killpg(self._process.pid, kind)
                try:
                    self._process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        self._reader.join(_STOP_SECONDS)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._last.append(line.rstrip("\n"))
            self._on_line(line.rstrip("\n"))


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses at this moment; for programs that cannot choose their own."""
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
