"""One sandbox: AWS's emulator with a function's process behind it, for one invocation at a time."""

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from devkit.build import Interpreter, Tree
from devkit.local_runtime.emulator import interface_emulator, runtime_client
from devkit.local_runtime.processes import ProcessGroup, free_ports
from devkit.serving import LOOPBACK

_INVOKE_PATH = "/2015-03-31/functions/function/invocations"
_INIT_SECONDS = 30.0
"""What a cold start may take on top of the function's own timeout."""


@dataclass(frozen=True, slots=True)
class Code:
    """What a function runs: a built tree, and the Python that stands for Lambda's."""

    tree: Tree
    interpreter: Interpreter


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """The result of an invocation: the handler's return value, or the error object, as JSON text.

    The emulator recognises an error by its body alone, so a handler that returned `errorType` and `errorMessage`
    would count as failed; ours does not.
    """

    payload: bytes
    failed: bool


class Sandbox:
    """Starts the emulator at once; the function's own process comes with the first invocation, as INIT.

    After a timeout the emulator kills that process, and the next invocation starts a new one.
    """

    def __init__(
        self,
        code: Code,
        *,
        name: str,
        handler: str,
        timeout_seconds: int,
        memory_mb: int,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
    ) -> None:
        self._port, runtime_port = free_ports(2)
        self._wait_seconds = timeout_seconds + _INIT_SECONDS
        command = (
            interface_emulator(),
            *("--runtime-interface-emulator-address", f"{LOOPBACK}:{self._port}"),
            *("--runtime-api-address", f"{LOOPBACK}:{runtime_port}"),
            # -S and -s: nothing of this machine's site-packages; -P: nor of the folder it starts in.
            *(code.interpreter.path, "-S", "-s", "-P", "-m", "awslambdaric", handler),
        )
        roots = (*code.tree.python_path, runtime_client(code.interpreter))
        self._group = ProcessGroup(
            command,
            environment={
                "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
                **environment,
                "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
                "LAMBDA_TASK_ROOT": str(code.tree.functions),
                "LANG": "en_US.UTF-8",
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "PYTHONPATH": ":".join(map(str, roots)),
                # The code is read-only on Lambda.
                "PYTHONDONTWRITEBYTECODE": "1",
                "TZ": ":UTC",
            },
            folder=code.tree.functions,
            on_line=on_line,
        )
        try:
            self._group.wait_for_port(self._port)
        except BaseException:  # Ctrl-C as well: whatever ends the start, none of its processes stays behind
            self._group.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._group.stop()

    @property
    def pid(self) -> int:
        """The emulator's; the function's process is its child."""
        return self._group.pid

    def invoke(self, event: object) -> InvocationResult:
        """Hand the function an event and wait for its answer."""
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=self._wait_seconds)
        try:
            connection.request("POST", _INVOKE_PATH, json.dumps(event).encode())
            response = connection.getresponse()
            return _answer(response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            return _failure("Sandbox.Failure", f"the emulator did not answer: {error!r}")
        finally:
            connection.close()


def _answer(status: int, body: bytes) -> InvocationResult:
    if body.startswith(b"Task timed out after "):
        return _failure("Sandbox.Timedout", body.decode())
    if status != http.HTTPStatus.OK and not body:
        return _failure("Runtime.ExitError", f"the emulator answered {status}")
    try:
        value = json.loads(body)
    except ValueError:
        return _failure("Runtime.MalformedResponse", "the answer is not JSON")
    failed = isinstance(value, dict) and "errorType" in value and "errorMessage" in value
    return InvocationResult(body, failed or status != http.HTTPStatus.OK)


def _failure(kind: str, message: str) -> InvocationResult:
    return InvocationResult(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)
