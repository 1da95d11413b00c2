"""The command line of `tuner publish`."""

import argparse
import base64
import gzip
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from devkit.terminal import printable
from devkit.tuner import policies
from devkit.tuner.backtest import command as backtest
from devkit.tuner.doctor.aws_cli import Stack, aws
from devkit.tuner.doctor.following import through_queue
from devkit.tuner.exits import CommandFailed, Exit
from devkit.tuner.output import console, print_json, progress_console
from devkit.tuner.publish.difference import differences, held
from devkit.tuner.record import command as record
from snapshot_tuner.aws.policy_parameter import COMPRESSED_PREFIX, opened
from snapshot_tuner.errors import PolicyError, SettingsError
from snapshot_tuner.policy.engine import Policy

_STANDARD_BYTES, _ADVANCED_BYTES = 4096, 8192
_LOOK_SECONDS = 0.5
_SEND_SECONDS = 10.0
"""So often a test event is sent until one is decided by the new policy."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `tuner publish`."""
    add = parser.add_argument
    add("policy", type=Path, metavar="POLICY", help="the policy file")
    add("--parameter", required=True, metavar="NAME", help="the SSM parameter that the stack's PolicyParameter names")
    add("--region", metavar="REGION", help="the region of the parameter and the stack (default: the AWS CLI's)")
    add("--events", type=Path, metavar="FILE", help="log lines or a recording, to backtest both policies on")
    add("--stack", metavar="NAME", help="wait until this stack decides by it")
    add("--wait", type=int, default=180, metavar="SECONDS", help="how long to wait (default: %(default)s)")
    add("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> Exit:
    """Raises CommandFailed."""
    text = policies.text_of(arguments.policy)
    new = policies.parse(text, arguments.policy)
    before = _current(arguments)
    old = _policy(before) if before else None
    _refuse_another_order(old, new)
    changes, stays = (differences(before, text), list(held(old, new))) if before and old else ([], [])
    if not arguments.json:
        _tell(arguments, old, changes, stays)
        if arguments.events is not None:
            _backtest(arguments, before if old else None)
    if old is not None and old.sha256 == new.sha256:
        return _end(arguments, new, changes, stays, in_force=None, says="The parameter already holds this policy.")
    if not arguments.yes and not _is_wanted(arguments):
        return _end(arguments, new, changes, stays, in_force=None, says="Nothing was written.", code=Exit.FAILED)
    _write(arguments, text)
    if arguments.stack is None:
        says = "Written. Each function asks for it within POLICY_REFRESH_SECONDS, a minute; --stack waits for that."
        return _end(arguments, new, changes, stays, in_force=None, says=says)
    is_in_force = _wait(Stack(arguments.stack, arguments.region), new, arguments.wait)
    says = (
        f"In force: a test event was decided by {new.short_hash}. Other instances follow within POLICY_REFRESH_SECONDS."
        if is_in_force
        else f"Written, but no line shows {new.short_hash} within {arguments.wait} s: ./tuner doctor --stack "
        f"{arguments.stack} says whether it was refused, and the stack's PolicyParameter must be {arguments.parameter}."
    )
    code = Exit.FINE if is_in_force else Exit.FAILED
    return _end(arguments, new, changes, stays, in_force=is_in_force, says=says, code=code)


def _current(arguments: argparse.Namespace) -> str | None:
    """What the parameter holds; None where there is no such parameter yet."""
    try:
        found = aws(arguments.region, "ssm", "get-parameter", "--name", arguments.parameter)["Parameter"]
    except CommandFailed as failure:
        if "ParameterNotFound" in str(failure):
            return None
        raise
    if found.get("Type") != "String":
        raise CommandFailed(Exit.USAGE, f"{arguments.parameter} has the type {found.get('Type')}; it must be String")
    try:
        return opened(found["Value"])
    except SettingsError:
        return str(found["Value"])


def _policy(text: str) -> Policy | None:
    """None where it has mistakes: then the functions go by their file."""
    try:
        return Policy.parse(text, "the parameter")
    except PolicyError as error:
        progress_console().print(f"what the parameter holds is refused: {printable(str(error))}", markup=False)
        return None


def _refuse_another_order(old: Policy | None, new: Policy) -> None:
    if old is not None and old.order is not new.order:
        reason = f"order: must stay {old.order}, as the ledger's; another one needs another LedgerNamespace"
        raise CommandFailed(Exit.MISTAKES, reason)


def _tell(arguments: argparse.Namespace, old: Policy | None, changes: list[str], stays: list[str]) -> None:
    to = console()
    what = f"{arguments.parameter} holds {old.short_hash}" if old else f"{arguments.parameter} holds no policy yet"
    lines = [what, *(changes or (["both decide the same"] if old else [])), *(f"! {each}" for each in stays)]
    for line in lines:
        to.print(printable(line), markup=False, soft_wrap=True)


def _backtest(arguments: argparse.Namespace, before: str | None) -> None:
    with TemporaryDirectory() as folder:
        events = _recording(arguments.events, Path(folder) / "events.ndjson")
        words = [str(arguments.policy), str(events)]
        if before is not None:
            in_force = Path(folder) / "in-force.yaml"
            in_force.write_text(before, "utf-8")
            words += ["--against", str(in_force)]
        _command(backtest, words)


def _recording(events: Path, to: Path) -> Path:
    """As it is where it is one already."""
    if ".ndjson" in events.suffixes:
        return events
    _command(record, [str(events), "-o", str(to)])
    return to


def _command(command: Any, words: list[str]) -> None:  # noqa: ANN401 - a module of a command
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    command.add_arguments(parser)
    command.run(parser.parse_args(words))


def _is_wanted(arguments: argparse.Namespace) -> bool:
    progress_console().print(f"Write it to {arguments.parameter}? Type yes:", markup=False)
    try:
        return input().strip() == "yes"
    except EOFError:
        return False


def _write(arguments: argparse.Namespace, text: str) -> None:
    value, size = text, len(text.encode())
    if size > _STANDARD_BYTES:
        value = COMPRESSED_PREFIX + base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
        size = len(value)
    if size > _ADVANCED_BYTES:
        reason = f"has {size} bytes compressed, and a parameter takes {_ADVANCED_BYTES}; give the stack a policy layer"
        raise CommandFailed(Exit.USAGE, f"{arguments.policy}: {reason}")
    put = {"Name": arguments.parameter, "Type": "String", "Value": value, "Overwrite": True}
    tier = {} if size <= _STANDARD_BYTES else {"Tier": "Advanced"}
    aws(arguments.region, "ssm", "put-parameter", "--cli-input-json", json.dumps(put | tier))


def _wait(stack: Stack, new: Policy, seconds: int) -> bool:
    """Until a line of queue_worker shows the hash. Test events make lines where there are no others."""
    progress_console().print("waiting until it decides …", style="dim")
    began = time.time()
    sent_at = 0.0
    while time.time() - began < seconds:
        if time.time() - sent_at >= _SEND_SECONDS:
            through_queue(stack)
            sent_at = time.time()
        lines = stack.lines("queue_worker", new.short_hash, round(began * 1000))
        if any(line.get("policy") == new.short_hash for line in lines):
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _end(
    arguments: argparse.Namespace,
    new: Policy,
    changes: list[str],
    stays: list[str],
    *,
    in_force: bool | None,
    says: str,
    code: Exit = Exit.FINE,
) -> Exit:
    if arguments.json:
        result = {"policy": new.short_hash, "changes": changes, "stays": stays, "in_force": in_force, "says": says}
        print_json(result)
    else:
        console().print(says, markup=False, soft_wrap=True)
    return code
