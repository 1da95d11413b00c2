"""Put a policy in force without a deployment: into the SSM parameter that a stack reads (PolicyParameter).

Checks it, tells in words how it differs from what the parameter holds, and with --events in a backtest of these log
lines; asks; writes it with the AWS CLI; and with --stack sends test events until one is decided by it.

  aws logs filter-log-events --log-group-name /aws/lambda/STACK-queue-worker --start-time … > hour.json
  ./tuner publish new.yaml --parameter /snapshot-tuner/policy --events hour.json --stack snapshot-tuner-prod

A rule that is gone holds its tasks until its `for` has ended, or without one until another event comes: that is said
for each such rule, with how to release them.
"""

from devkit.tuner.publish.command import add_arguments, run

__all__ = ["add_arguments", "run"]
