"""Check that a deployment works, from the key to the queues and the bus.

Asks the URL (`POST /health/check`) whether secrets, ledger, policy and provider are right. Then sends test events
through the queue, the urgent queue and the bus, and straight from the bus to bus_listener where a rule leads there, and
looks for their lines in the log; a test event changes nothing. With --stack the AWS CLI finds the URL, the queues, the
bus and the logs; against `make run` only the URL is needed.

  ./tuner doctor --stack snapshot-tuner-dev --region eu-central-1
  ./tuner doctor --url https://….lambda-url.eu-central-1.on.aws --region eu-central-1
  ./tuner doctor --url http://127.0.0.1:41243

For a URL with HTTP_AUTH=iam it uses AWS's usual credentials (environment, profile, SSO, …); for one with
HTTP_AUTH=signature a bearer token of WEBHOOK_TOKENS, from the variable TUNER_TOKEN.
"""

from devkit.tuner.doctor.command import add_arguments, run

__all__ = ["add_arguments", "run"]
