"""The command line of `tuner doctor`."""

import argparse
from pathlib import Path

from devkit.local_runtime.where import RUN_FILE
from devkit.tuner.doctor import endpoint, local, url
from devkit.tuner.doctor.following import Surroundings, follow_all
from devkit.tuner.doctor.ticks import Tick, show
from devkit.tuner.exits import Exit
from devkit.tuner.output import console, print_json

_EVENTS = ("queue", "urgent", "bus", "listener")


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
        says = "not tried: give --stack to say where they are"
        ticks += [Tick(name, None, says) for name in _EVENTS]
    else:
        ticks += follow_all(surroundings, arguments.wait)
    is_well = not any(tick.ok is False for tick in ticks)
    if arguments.json:
        print_json({"status": "ok" if is_well else "failing", "checks": [tick.as_json() for tick in ticks]})
    else:
        show(ticks, console())
    return Exit.FINE if is_well else Exit.FAILED
