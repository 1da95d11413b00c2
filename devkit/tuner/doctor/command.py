"""The command line of `tuner doctor`."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from devkit.local_runtime.where import RUN_FILE
from devkit.tuner.doctor import endpoint, local, url
from devkit.tuner.doctor.ticks import Tick, show
from devkit.tuner.exits import CommandFailed, Exit
from devkit.tuner.output import console, print_json, progress_console
from snapshot_tuner.model import CHECK_TYPE

_LOOK_SECONDS = 0.5
_TEST_ROOM = {"AppId": "snapshot-tuner", "RoomId": "doctor", "TaskId": "test"}


class Surroundings(Protocol):
    """Where events are sent, and where their lines are found. Raises CommandFailed."""

    def send(self, body: str) -> None:
        """Into the queue."""
        ...

    def put(self, entry: dict[str, str]) -> str:
        """On the bus; returns the event's id."""
        ...

    def lines(self, text: str, since_ms: int) -> list[dict[str, Any]]:
        """Of queue_worker's log."""
        ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `tuner doctor`."""
    endpoint.add_arguments(parser)
    parser.add_argument("--run-file", type=Path, default=RUN_FILE, help=argparse.SUPPRESS)
    parser.add_argument(
        "--wait", type=int, default=60, metavar="SECONDS", help="how long to look for a line (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Raises CommandFailed where there is nothing to ask."""
    to, stack = endpoint.given(arguments)
    ticks = url.check(to)
    surroundings: Surroundings | None = stack or local.find(to.address, arguments.run_file)
    if surroundings is None:
        says = "not tried: --stack says where they are"
        ticks += [Tick("queue", None, says), Tick("bus", None, says)]
    else:
        ticks += [
            _followed("queue", surroundings, through_queue, arguments.wait),
            _followed("bus", surroundings, _through_bus, arguments.wait),
        ]
    is_well = not any(tick.ok is False for tick in ticks)
    if arguments.json:
        print_json({"status": "ok" if is_well else "failing", "checks": [tick.as_json() for tick in ticks]})
    else:
        show(ticks, console())
    return Exit.FINE if is_well else Exit.FAILED


def _followed(name: str, to: Surroundings, send: Callable[[Surroundings], str], wait: int) -> Tick:
    """From the moment it is sent to its line in the log."""
    progress_console().print(f"a test event through the {name} …", style="dim")
    began = time.time()
    try:
        event_id = send(to)
        while time.time() - began < wait:
            for line in to.lines(event_id, round(began * 1000) - 60_000):
                if line.get("event_id") == event_id:
                    return _arrived(name, line, time.time() - began)
            time.sleep(_LOOK_SECONDS)
    except CommandFailed as failure:
        return Tick(name, ok=False, says=str(failure), advice="see the role that the AWS CLI has, and the region")
    return Tick(
        name,
        ok=False,
        says=f"no line of the test event {event_id} within {wait} s",
        advice="see the errors in queue_worker's log, its event source mapping, and the dead-letter queues",
    )


def _arrived(name: str, line: dict[str, Any], seconds: float) -> Tick:
    policy = line.get("policy")
    facts = {"event_id": line["event_id"], "seconds": round(seconds, 1), "policy": policy}
    says = f"a test event came through in {seconds:.1f} s, by queue_worker with the policy {policy}; nothing was called"
    return Tick(name, ok=True, says=says, facts=facts)


def through_queue(to: Surroundings) -> str:
    """Sends a test event; its id. Raises CommandFailed."""
    event_id = f"doctor-{uuid4().hex}"
    event = {"specversion": "1.0", "id": event_id, "source": "/snapshot-tuner/doctor", "type": CHECK_TYPE}
    to.send(json.dumps({**event, "data": _TEST_ROOM}))
    return event_id


def _through_bus(to: Surroundings) -> str:
    return to.put({"Source": "snapshot-tuner.doctor", "DetailType": CHECK_TYPE, "Detail": json.dumps(_TEST_ROOM)})
