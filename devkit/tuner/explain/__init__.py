"""Why a policy decides as it does about an event, step by step."""

from devkit.tuner.explain.command import add_arguments, run

__all__ = ["add_arguments", "run"]
