"""`make run-vefaas`: both functions of veFaaS on this machine, until Ctrl-C."""

import argparse
import itertools
import json
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from devkit.build import BuildFailed, InterpreterMissing, interpreters
from devkit.build.vefaas import TARGET_PYTHON, vefaas_package
from devkit.local_runtime.outcome_lines import line_for
from devkit.local_runtime.processes import LOOPBACK, StartFailed
from devkit.rtc_standin import StandIn
from devkit.vefaas.gateway import Gateway
from devkit.vefaas.instance import Instance
from devkit.vefaas.triggers import KafkaMessage

_DESCRIPTION = """\
Runs the package of `make build-vefaas` on this machine: the function that takes events with a Kafka-like trigger
(single messages, batches and retries) and a timer in front of it, the function that takes HTTP, a SQLite ledger, and a
stand-in for the RTC API. Sends events of a few rooms, and prints one line per outcome. Ctrl-C ends all of it.
"""

_SECRET: Final = "whsec_bm90IGEgc2VjcmV0OiBmb3IgdGhpcyBtYWNoaW5l"  # noqa: S105 - of this machine, and printed
_ROOMS: Final = 5


def main() -> None:
    """Run until a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m devkit.vefaas", description=_DESCRIPTION)
    parser.add_argument("--seconds", type=float, help="end after so long")
    arguments = parser.parse_args()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, signal.default_int_handler)
    try:
        _run(arguments.seconds)
    except KeyboardInterrupt:
        print("\nEverything has ended.")
    except (BuildFailed, InterpreterMissing, StartFailed) as failure:
        sys.exit(str(failure))


def _run(seconds: float | None) -> None:
    package = vefaas_package().folder
    python = interpreters.find(TARGET_PYTHON).path
    with ExitStack() as stack:
        standin = stack.enter_context(StandIn(latency=0.03))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {
            "LEDGER_URL": f"sqlite://{Path(folder) / 'ledger.db'}",
            "WEBHOOK_SECRETS": _SECRET,
            **standin.environment(),
        }
        events, http = (
            stack.enter_context(
                Instance(takes, environment, package=package, python=python, on_line=partial(_show, takes))
            )
            for takes in ("events", "http")
        )
        print(f"HTTP    http://{LOOPBACK}:{http.port}/health; POST /events, signed with {_SECRET}")
        print(f"Events  http://{LOOPBACK}:{events.port}/, as the platform's triggers send them\n")
        gateway = Gateway(events.port, partial(print, flush=True))
        ended = threading.Event()
        with ThreadPoolExecutor(2, "trigger") as pool:
            pool.submit(gateway.tick_every, 5.0, ended)
            try:
                _send(gateway, time.monotonic() + seconds if seconds is not None else None)
            finally:
                ended.set()


def _send(gateway: Gateway, until: float | None) -> None:
    """A single message, then a batch of one for each room, and again."""
    for turn in itertools.count():
        messages = [_message(turn, room) for room in range(_ROOMS)]
        if turn % 2:
            gateway.deliver_batch(messages)
        else:
            gateway.deliver(messages[0])
        if until is not None and time.monotonic() > until:
            return
        time.sleep(1)


def _message(turn: int, room: int) -> KafkaMessage:
    data = {"AppId": "app-1", "RoomId": f"room-{room}", "TaskId": "task-1", "load": (turn * 7 + room) % 10 / 10}
    event = {"specversion": "1.0", "id": f"{turn}-{room}", "source": "/try", "type": "rtc.room.load", "data": data}
    return KafkaMessage(turn * _ROOMS + room, json.dumps(event).encode())


def _show(function: str, line: str) -> None:
    shown = line_for(function, line, datetime.now().astimezone())
    if shown is not None:
        print(shown, flush=True)


if __name__ == "__main__":
    main()
