"""The command line of `tuner explain`."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from devkit.tuner import policies
from devkit.tuner.exits import Exit
from devkit.tuner.explain import answer
from devkit.tuner.explain.history import History, history
from devkit.tuner.explain.opening import Invocation, open_file
from devkit.tuner.explain.replay import Explained, VirtualDeployment
from devkit.tuner.explain.show import show, show_history
from devkit.tuner.output import console, print_json
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.model import OutcomeKind
from snapshot_tuner.policy.engine import Policy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `tuner explain`."""
    parser.add_argument("policy", type=Path, metavar="POLICY", help="the policy file")
    parser.add_argument("event", type=Path, metavar="EVENT", help="a file with events; - for standard input")
    parser.add_argument(
        "--after",
        type=Path,
        metavar="EVENTS.ndjson",
        help="a recording (.gz too): plays first what arrived before the event and adjusts the same tasks",
    )
    parser.add_argument(
        "--at",
        type=_moment,
        metavar="TIME",
        help="when it arrives, such as 2026-03-01T09:00:00Z (default: its envelope's time, else the event's own)",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Raises CommandFailed."""
    policy = policies.load(arguments.policy)
    with tempfile.TemporaryDirectory(prefix="tuner-explain-") as folder:
        invocations = open_file(_file(arguments.event, Path(folder)), policy.readings)
        if arguments.at is not None:
            invocations = [replace(each, received_us=arguments.at) for each in invocations]
        past = history(arguments.after, policy, invocations) if arguments.after is not None else None
        explained = list(_explained(policy, invocations, past, Path(folder)))
    if arguments.json:
        about = {"file": str(arguments.policy), "sha256": policy.sha256}
        events = [answer.from_event(each) for each in explained]
        print_json({"policy": about, "history": answer.from_history(past), "events": events})
    else:
        out = console()
        show_history(out, past)
        for each in explained:
            show(out, each)
    rejected = any(outcome.kind is OutcomeKind.REJECTED for each in explained for outcome in each.outcomes)
    return Exit.REJECTED if rejected else Exit.FINE


def _moment(text: str) -> int:
    try:
        return rfc3339.to_microseconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None


def _file(named: Path, folder: Path) -> Path:
    if str(named) != "-":
        return named
    copy = folder / "standard input"
    copy.write_bytes(sys.stdin.buffer.read())
    return copy


def _explained(
    policy: Policy, invocations: Sequence[Invocation], past: History | None, folder: Path
) -> Iterator[Explained]:
    """Each event after those of the recording that arrived before it, and after those before it in its file."""
    played_us = 0
    with VirtualDeployment.opened(policy, folder) as replay:
        for invocation in invocations:
            for earlier in past.between(played_us, invocation.received_us) if past is not None else ():
                replay.play(earlier)
            played_us = max(played_us, invocation.received_us)
            yield from replay.play(invocation)
