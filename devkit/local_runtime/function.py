"""A function: its configuration, and sandboxes that take one invocation each."""

import queue
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from devkit.local_runtime.sandbox import Code, InvocationResult, Sandbox


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """What the template says of a function. `sandboxes` is how many invocations can run at once."""

    name: str
    handler: str
    environment: Mapping[str, str]
    timeout_seconds: int
    memory_mb: int
    sandboxes: int


class Function:
    """Where Lambda would start another sandbox, an invocation waits for one to come free."""

    def __init__(self, name: str, sandboxes: list[Sandbox]) -> None:
        self.name = name
        self.sandboxes = tuple(sandboxes)
        self._free: queue.SimpleQueue[Sandbox] = queue.SimpleQueue()
        for sandbox in sandboxes:
            self._free.put(sandbox)

    def invoke(self, event: object) -> InvocationResult:
        """Run the handler on an event. Thread-safe."""
        sandbox = self._free.get()
        try:
            return sandbox.invoke(event)
        finally:
            self._free.put(sandbox)


@contextmanager
def running(settings: FunctionSettings, code: Code, on_line: Callable[[str, str], None]) -> Iterator[Function]:
    """The function until the end of the block; `on_line` gets its name and every line of its log."""
    with ExitStack() as parts:
        sandboxes = [
            parts.enter_context(
                Sandbox(
                    code,
                    name=settings.name,
                    handler=settings.handler,
                    timeout_seconds=settings.timeout_seconds,
                    memory_mb=settings.memory_mb,
                    environment=settings.environment,
                    on_line=lambda line: on_line(settings.name, line),
                )
            )
            for _ in range(settings.sandboxes)
        ]
        yield Function(settings.name, sandboxes)
