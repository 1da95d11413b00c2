"""Every mistake in a policy, and what is legal in it but suspicious."""

from devkit.tuner.check.command import add_arguments, run

__all__ = ["add_arguments", "run"]
