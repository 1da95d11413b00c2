"""Replay recorded events and report what a policy would have done.

The events go in virtual time through the code that is deployed: policy, batch, and the rules of the ledger and its
call slots. The surroundings are simulated: a queue whose batches start when they are full or their window is over,
ten instances that wait for their slots as the deployed ones do, the reconciler once a minute, and a provider that
confirms every call. With --against both policies see the same events, each in an account of its own.

  ./tuner backtest new.yaml day.ndjson.gz
  ./tuner backtest new.yaml day.ndjson.gz --against old.yaml --html backtest.html --price 1.8
  ./tuner backtest new.yaml day.ndjson.gz --json | jq .policies[0].figures

A task's time is from its first event in the recording to its last; pictures are that time over its interval. Time
from event to effect is from the event's arrival to its confirmed call.
"""

from devkit.tuner.backtest.command import add_arguments, run

__all__ = ["add_arguments", "run"]
