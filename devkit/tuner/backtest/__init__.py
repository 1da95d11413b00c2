"""Replay recorded events, and tell what the policy would have done."""

from devkit.tuner.backtest.command import add_arguments, run

__all__ = ["add_arguments", "run"]
