"""An instance of a function: the process that the platform starts, from the sources or from the package."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from devkit.build.step import ROOT
from devkit.local_runtime.processes import ProcessGroup, StartFailed, free_ports
from devkit.vefaas.triggers import request

TIMEOUT_SECONDS: Final = 30
_START_SECONDS: Final = 20.0


class Instance:
    """Ready when the block begins. `lines` are what it has written."""

    def __init__(
        self,
        takes: str,
        environment: Mapping[str, str],
        *,
        package: Path | None = None,
        python: Path | None = None,
        port: int | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.lines: list[str] = []
        self.port = port or free_ports(1)[0]
        self._on_line = on_line
        self._package = package
        self._environment = {
            "PATH": os.pathsep.join([*([str(python.parent)] if python else []), os.defpath]),
            "_FAAS_RUNTIME_PORT": str(self.port),
            "_FAAS_FUNC_TIMEOUT": str(TIMEOUT_SECONDS),
            "VEFAAS_TAKES": takes,
            **({"HTTP_AUTH": "signature"} if takes == "http" else {}),
            **environment,
        }
        if package is None:
            self._environment["PYTHONPATH"] = f"{ROOT / 'layers' / 'snapshot_tuner'}{os.pathsep}{ROOT / 'functions'}"
            self._environment.setdefault("POLICY_PATH", str(ROOT / "layers" / "policy" / "policy.yaml"))

    def __enter__(self) -> Self:
        command = [self._package / "run.sh"] if self._package is not None else [sys.executable, "-B", "-m", "vefaas"]
        folder = self._package or ROOT
        self._process = ProcessGroup(command, environment=self._environment, folder=folder, on_line=self._take)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.is_running:
            with suppress(OSError):
                request(self.port, "GET", "/v1/initialize", headers={"X-Faas-Internal-Request": "true"})
                return self
            time.sleep(0.01)
        self._process.stop()
        raise StartFailed("\n".join(self.lines))

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.stop()

    @property
    def is_packaged(self) -> bool:
        return self._package is not None

    @property
    def pid(self) -> int:
        return self._process.pid

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def _take(self, line: str) -> None:
        self.lines.append(line)
        if self._on_line is not None:
            self._on_line(line)
