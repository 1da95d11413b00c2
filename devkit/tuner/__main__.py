"""The command line of `./tuner`."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper, UnsupportedOperation
from typing import Final

from devkit.terminal import printable
from devkit.tuner.exits import CommandFailed, Exit
from devkit.tuner.output import print_json, progress_console
from snapshot_tuner.version import VERSION

_DESCRIPTION = """\
See what a policy does before it is live, put it in force, see whether a stack works, and step in for a while.

  ./tuner check layers/policy/policy.yaml
  ./tuner explain layers/policy/policy.yaml events/sqs/cloudevent.json
  ./tuner backtest new.yaml events/day.ndjson.gz --against layers/policy/policy.yaml --html backtest.html
  ./tuner record log-lines.json > recorded.ndjson
  ./tuner publish new.yaml --parameter /snapshot-tuner/policy --stack snapshot-tuner-dev
  ./tuner doctor --stack snapshot-tuner-dev
  ./tuner bounds set --url URL --app APP --room ROOM --task TASK --max 5 --for 30m --reason "incident 4711"
"""

_EXIT_CODES = """\
exit codes:
  0  fine
  1  the policy has mistakes: no function would start with it
  2  the command line is wrong, or a file cannot be read or written; (backtest) it has no event; (record) there was
     nothing to record; (bounds) such bounds cannot be set
  3  (check) the policy is valid, but something in it is suspicious; (backtest) no event matches any of its rules
  4  (explain) the event is rejected: it would end in a dead-letter queue
  5  (publish) the policy is not in force; (doctor) a part of the stack does not work;
     (bounds) a task could not be changed
"""

_COMMANDS: Final = ("check", "explain", "backtest", "record", "publish", "doctor", "bounds")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Raises SystemExit for a wrong command line, as argparse does."""
    words = sys.argv[1:] if words is None else words
    arguments = parser(words[:1]).parse_args(words)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale without our letters is no reason to fail
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except CommandFailed as failure:
        if arguments.json:
            print_json({"error": str(failure), **failure.details})
        else:
            for line in str(failure).splitlines():
                progress_console().print(printable(line), style="red", markup=False, soft_wrap=True)
        return int(failure.code)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader has seen enough, but not whether all is fine
        _drop_output()
        return 128 + signal.SIGPIPE
    except OSError as error:  # such as a full disk
        _drop_output()
        reason = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        sys.stderr.write(printable(reason) + "\n")
        return int(Exit.USAGE)
    return code


def _drop_output() -> None:
    """What is left in its buffer, or Python would fail on it once more at the end."""
    with suppress(UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser(wanted: Sequence[str] = ()) -> argparse.ArgumentParser:
    """With those commands that are wanted, or all: to import all takes twice as long as one."""
    parser = argparse.ArgumentParser(
        prog="tuner",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in [each for each in _COMMANDS if each in wanted] or _COMMANDS:
        command = import_module(f"devkit.tuner.{name}")
        about = command.__doc__ or ""
        part = commands.add_parser(
            name,
            help=about.splitlines()[0].rstrip("."),
            description=about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        part.add_argument("--json", action="store_true", help="print one JSON document")
        command.add_arguments(part)
        part.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
