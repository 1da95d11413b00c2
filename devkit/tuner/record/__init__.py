"""Make a file of events for a backtest, of log lines or of a dead-letter queue."""

from devkit.tuner.record.command import add_arguments, run

__all__ = ["add_arguments", "run"]
