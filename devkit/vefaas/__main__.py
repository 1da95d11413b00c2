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
from devkit.local_runtime.processes import StartFailed
from devkit.rtc_standin import Fault, FaultKind, ProviderError, StandIn
from devkit.serving import LOOPBACK
from devkit.vefaas.gateway import Gateway
from devkit.vefaas.instance import Instance
from devkit.vefaas.triggers import KafkaMessage

_DESCRIPTION = """\
Runs the package of `make build-vefaas` on this machine: the function that takes events, with a Kafka-like trigger
(single messages, batches and retries) and a timer in front of it, the function that takes HTTP, one SQLite ledger for
both, and a stand-in for the RTC API, which fails now and then. Sends events of a few rooms, and prints one line per
outcome. Ctrl-C stops all of it.
"""

_TOKEN: Final = "not-a-secret-of-this-machine"  # noqa: S105 - printed
_UNSETTLED: Final = '"message_not_settled"'
_ROOMS: Final = 5
_TURN_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 5.0
_FAULT: Final = Fault(
    kind=FaultKind.ERROR, error=ProviderError.FLOW_LIMIT_EXCEEDED, times=None, probability=0.1, seed=1
)


def main() -> None:
    """Run until a signal comes."""
    parser = argparse.ArgumentParser(
        prog="python -m devkit.vefaas", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, help="stop after this long")
    arguments = parser.parse_args()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, signal.default_int_handler)
    try:
        _run(arguments.seconds)
    except KeyboardInterrupt:
        print("\nEverything has stopped.")
    except (BuildFailed, InterpreterMissing, StartFailed) as failure:
        sys.exit(str(failure))


def _run(seconds: float | None) -> None:
    package = vefaas_package().folder
    python = interpreters.find(TARGET_PYTHON).path
    with ExitStack() as stack:
        standin = stack.enter_context(StandIn(latency=0.03))
        standin.add_fault(_FAULT)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {
            "LEDGER_URL": f"sqlite://{Path(folder) / 'ledger.db'}",
            "WEBHOOK_TOKENS": f"me:{_TOKEN}",
            **standin.environment(),
        }
        events, http = (
            stack.enter_context(
                Instance(takes, environment, package=package, python=python, on_line=partial(_show, takes))
            )
            for takes in ("events", "http")
        )
        print(_introduction(http.port), flush=True)
        gateway = Gateway(events.port, _say, http_port=http.port)
        ended = threading.Event()
        with ThreadPoolExecutor(1, "timer") as pool:
            pool.submit(gateway.tick_every, _TICK_SECONDS, ended)
            try:
                _send(gateway, time.monotonic() + seconds if seconds is not None else None)
            finally:
                ended.set()


def _introduction(port: int) -> str:
    bearer = f"-H 'Authorization: Bearer {_TOKEN}'"
    address = f"http://{LOOPBACK}:{port}"
    return f"""\
Both functions run. Ask the one that takes HTTP, in another terminal:

  curl {address}/health
  curl {bearer} {address}/tasks/app-1/room-1/task-1
  curl {bearer} -H 'Content-Type: application/cloudevents+json' -d '{_event("mine", 1, 0.9)}' {address}/events

Outcomes:
"""


def _send(gateway: Gateway, until: float | None) -> None:
    """A single message, a batch of one for each room, a request; and again."""
    for turn in itertools.count():
        messages = [
            KafkaMessage(turn * _ROOMS + room, _event(f"{turn}-{room}", room, (turn * 7 + room) % 10 / 10).encode())
            for room in range(_ROOMS)
        ]
        match turn % 3:
            case 0:
                gateway.deliver(messages[0])
            case 1:
                gateway.deliver_batch(messages)
            case _:
                gateway.post_event(messages[0].body, _TOKEN)
        if until is not None and time.monotonic() > until:
            return
        time.sleep(_TURN_SECONDS)


def _event(id_: str, room: int, load: float) -> str:
    data = {"AppId": "app-1", "RoomId": f"room-{room}", "TaskId": "task-1", "load": load}
    return json.dumps({"specversion": "1.0", "id": id_, "source": "/try", "type": "rtc.room.load", "data": data})


def _show(function: str, line: str) -> None:
    description = line_for(function, line, datetime.now().astimezone())
    if description is not None and _UNSETTLED not in line:  # of which the trigger says the same
        _say(description)


def _say(line: str) -> None:
    # In one piece: others write too.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
