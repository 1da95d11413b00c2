"""The command line of `tuner explain`."""

import argparse

from devkit.tuner.exits import CommandFailed, Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `tuner explain`."""
    parser.add_argument("policy")


def run(arguments: argparse.Namespace) -> Exit:
    """Raises CommandFailed."""
    raise CommandFailed(Exit.USAGE, f"{arguments.command}: not there yet")
