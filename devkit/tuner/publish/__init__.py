"""Put a policy in force without a deployment, through the SSM parameter that a stack reads (PolicyParameter).

Checks it, says how it differs from what the parameter holds (with --events also in a backtest of these log lines),
asks, writes it with the AWS CLI, and with --stack sends test events until the new policy decides one.

  aws logs filter-log-events --log-group-name /aws/lambda/STACK-queue-worker --start-time … > hour.json
  ./tuner publish new.yaml --parameter /snapshot-tuner/policy --events hour.json --stack snapshot-tuner-prod

A removed rule holds its tasks until its `for` has ended, or, without one, until another event comes: it names each
such rule and says how to release its tasks.
"""

from devkit.tuner.publish.command import add_arguments, run

__all__ = ["add_arguments", "run"]
