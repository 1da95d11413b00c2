"""Explain step by step why a policy decides as it does about an event.

EVENT is a file, or - for standard input, in any form in which an event reaches a function:

  what Lambda hands over   an SQS batch, a Function URL request (CloudEvents in their three modes, plain JSON with
                           Idempotency-Key, the RTC service's callbacks), an EventBridge event
  an event alone           a CloudEvent, an SNS notification, an SQS record, a JSON list of CloudEvents
  lines of a recording     as `tuner record` writes them

The functions' own code reads it, as with HTTP_AUTH=iam; signatures are not checked.

For each event: every rule, and every operator of its pattern with what the event has there; then the interval, from
what the rule asks for to what the task gets, and what follows without another event.

What comes of an event depends on what came before it. With --after EVENTS.ndjson, a recording, the events that arrived
before this one and adjust the same tasks are played first, through the real ledger, in virtual time. Without it the
ledger begins empty. Every task is assumed to be running, and every call to succeed at once.

  ./tuner explain layers/policy/policy.yaml events/sqs/cloudevent.json
  zgrep '"alert-chat-372-2"' events/day.ndjson.gz | ./tuner explain new.yaml - --after events/day.ndjson.gz

Exit code 4: an event is rejected; it would end in a dead-letter queue.
"""

from devkit.tuner.explain.command import add_arguments, run

__all__ = ["add_arguments", "run"]
