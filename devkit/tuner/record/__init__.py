"""Turn log lines or a dead-letter queue into a file of events for a backtest.

Reads either of these, and recognises which:

  log lines     of the outcomes of queue_worker, http_endpoint and bus_listener, as they are; as `aws logs
                filter-log-events`, `aws logs tail` and Logs Insights give them; as an export to S3 has them
  a queue       what `aws sqs receive-message --attribute-names All` prints, once or many times, or its messages one
                by one; batches as Lambda hands them over; what Lambda sent to an on-failure destination

  aws logs filter-log-events --log-group-name /aws/lambda/… --output json | ./tuner record -o day.ndjson.gz
  ./tuner record dead-letters-1.json dead-letters-2.json > recorded.ndjson

Writes one line for each event as it was delivered, in the order of arrival:

  {"received": "2026-03-01T09:00:01.482913Z", "event": {…}}

A retry is a delivery of its own; a message of a queue that was received twice is not. Numbers stay as they were
written, so a backtest decides as the functions did. What could not be recorded is counted on standard error, with the
first places. Exits with 2 if nothing could be recorded.

The functions log an outcome that is settled at level INFO, and an event's data while LOG_EVENT_DATA is true.
"""

from devkit.tuner.record.command import add_arguments, run

__all__ = ["add_arguments", "run"]
