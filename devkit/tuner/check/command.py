"""The command line of `tuner check`."""

import argparse
from pathlib import Path

from rich.console import Console
from rich.text import Text

from devkit.tuner import policies
from devkit.tuner.check.findings import Example, FindingKind
from devkit.tuner.check.inspection import FINDINGS_MOST, Finding, Inspection, inspect
from devkit.tuner.exits import CommandFailed, Exit
from devkit.tuner.explain.opening import open_file
from devkit.tuner.output import console, json_text, print_json
from snapshot_tuner.events.readings.reading import Readings
from snapshot_tuner.model import Signal, Verdict
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.policy.loader import examine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `tuner check`."""
    parser.add_argument("policy", type=Path, metavar="POLICY", help="the policy file")
    parser.add_argument(
        "--ignore",
        type=FindingKind,
        choices=list(FindingKind),
        action="append",
        default=[],
        metavar="KIND",
        help=f"do not report this kind of finding; may be repeated: {', '.join(FindingKind)}",
    )
    parser.add_argument(
        "--events",
        type=Path,
        metavar="FILE",
        help="events for this policy (a sample or a recording): also report paths that never find anything in them",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Raises CommandFailed where the file cannot be read."""
    text = policies.text_of(arguments.policy)
    # For a policy with mistakes, these are reported, whatever its readings would make of the events.
    is_readable = arguments.events is not None and not examine(text).problems
    events = _events(arguments.events, Policy.parse(text, "").readings) if is_readable else []
    found = inspect(text, str(arguments.policy), events)
    suspicious = [each for each in found.suspicious if each.suspicion.kind not in arguments.ignore]
    if arguments.json:
        print_json(_document(arguments.policy, found, suspicious))
    else:
        _tell(arguments.policy, found, suspicious)
    if found.mistakes:
        return Exit.MISTAKES
    return Exit.SUSPICIOUS if suspicious else Exit.FINE


def _events(path: Path, readings: Readings) -> list[Signal]:
    read = [event for each in open_file(path, readings) for event in each.events]
    found = [event for event in read if isinstance(event, Signal)]
    if not found:
        raise CommandFailed(Exit.USAGE, f"{path}: no event in it can be read: {read[0]}")
    return found


def _document(file: Path, found: Inspection, suspicious: list[Finding]) -> dict[str, object]:
    return {
        "policy": str(file),
        "rules": found.rules,
        "mistakes": [
            {"line": each.line, "column": each.column, "place": each.place, "reason": each.reason}
            for each in found.mistakes
        ],
        "suspicious": [
            {
                "kind": each.suspicion.kind,
                "line": each.mark.line,
                "column": each.mark.column,
                "rules": each.suspicion.rules,
                "message": each.suspicion.message,
                "examples": [
                    {
                        "event": example.event,
                        "rule": example.decision.rule,
                        "verdict": example.decision.verdict,
                        "interval": example.interval,
                        "reason": example.decision.reason,
                    }
                    for example in each.suspicion.examples
                ],
            }
            for each in suspicious
        ],
        "left_out": found.left_out,
        "not_examined": [{"rule": rule, "reason": reason} for rule, reason in found.not_examined],
    }


def _tell(file: Path, found: Inspection, suspicious: list[Finding]) -> None:
    out = console()
    for mistake in found.mistakes:
        where = f"{mistake.place}: " if mistake.place else ""
        _say(out, (f"{file}:{mistake.line}:{mistake.column}: ", "bold"), ("mistake: ", "red"), where + mistake.reason)
    for each in suspicious:
        mark, suspicion = each.mark, each.suspicion
        kind = f"suspicious ({suspicion.kind}): "
        _say(out, (f"{file}:{mark.line}:{mark.column}: ", "bold"), (kind, "yellow"), suspicion.message)
        for example in suspicion.examples:
            _say(out, _event(example))
            _say(out, (f"    -> {_decision(example)}", "cyan"))
    for kind in found.left_out:
        more = f"only the first {FINDINGS_MOST} of this kind ({kind}) were looked for"
        _say(out, (f"{file}: {more}", "dim"))
    for rule, reason in found.not_examined:
        _say(out, (f"{file}: rule {rule!r} was not checked for anything suspicious: {reason}", "dim"))
    if not found.mistakes and not suspicious:
        rules = "1 rule" if found.rules == 1 else f"{found.rules} rules"
        _say(out, f"{file}: {rules}, no mistakes, nothing suspicious")


def _event(example: Example) -> str:
    # Its data on a line of its own, where it has any, so that neither line is too long to read.
    attributes = {name: value for name, value in example.event.items() if name != "data"}
    text = f"    {json_text(attributes)}"
    return f'{text[:-1]},\n     "data": {json_text(example.event["data"])}}}' if "data" in example.event else text


def _decision(example: Example) -> str:
    decision = example.decision
    if decision.verdict is Verdict.UNMATCHED:
        return decision.reason
    return f"rule {decision.rule!r}: {decision.reason}"


def _say(out: Console, *parts: str | tuple[str, str]) -> None:
    # Lines are not broken: a terminal does that, and editors look for the place at the beginning of one.
    out.print(Text.assemble(*parts), soft_wrap=True)
