"""Run in a process of its own: a handler's INIT, and a sandbox restored from it for each event, as forked children.

`python -B snapshot.py FUNCTION` reads JSON events from stdin, one a line, and prints what each child did, one a line.
Children run one after the other; a child waits for its event's line.
"""

import importlib
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

AFTER_RESTORE: list[Callable[[], None]] = []


class Context:
    """The part of Lambda's context that is used."""

    def get_remaining_time_in_millis(self) -> int:
        return 20_000


def main(function: str) -> None:
    """As Lambda does it, with what stands for its library."""
    library = ModuleType("snapshot_restore_py")
    library.register_after_restore = AFTER_RESTORE.append  # type: ignore[attr-defined] # made up here
    sys.modules[library.__name__] = library
    handler = importlib.import_module(f"{function}.handler").lambda_handler
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            answer = json.dumps(_restored(handler, json.loads(line)))
            os.write(1, answer.encode() + b"\n")
            os._exit(0)
        os.waitpid(child, 0)


def _restored(handler: Callable[[Any, Context], Any], event: object) -> dict[str, Any]:
    for action in AFTER_RESTORE:
        action()
    tokens: list[str] = []
    dispatch = sys.modules["snapshot_tuner.tuning.dispatch"]
    make_token = dispatch.token_hex

    def noted_token(size: int) -> str:
        tokens.append(make_token(size))
        return tokens[-1]

    if (reconciler := sys.modules.get("snapshot_tuner.tuning.reconciler")) is not None:
        reconciler.LATE_CALL_SECONDS = 0  # type: ignore[attr-defined] # a task is read back as soon as it was called for
    dispatch.token_hex = noted_token  # type: ignore[attr-defined] # to watch it
    before = set(sys.modules)
    try:
        answer = handler(event, Context())
    except Exception as error:  # noqa: BLE001 - told, as Lambda tells it
        answer = type(error).__name__
    return {
        "answer": answer,
        "imported": sorted(sys.modules.keys() - before),
        "tokens": tokens,
        "connections": _connections(),
    }


def _connections() -> list[str]:
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            sock = socket.socket(fileno=os.dup(int(descriptor.name)))
        except OSError:
            continue
        with sock:
            if sock.family == socket.AF_INET:
                found.append(f"{sock.getsockname()} to {sock.getpeername()[1]}")
    return found


if __name__ == "__main__":
    main(sys.argv[1])
