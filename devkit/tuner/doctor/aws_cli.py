"""A stack, by the AWS CLI of the PATH: whatever it is logged in with."""

import json
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from devkit.tuner.exits import CommandFailed, Exit

_SECONDS = 60
_ONCE_DIRECT = "moderation.alert"
"""The one type that DirectBusRule took before there was UrgentTypes."""


def aws(region: str | None, *words: str) -> Any:  # noqa: ANN401 - any JSON document
    """What a command answers. Raises CommandFailed with what the CLI says."""
    command = ["aws", *words, "--output", "json", *(["--region", region] if region else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 - the AWS CLI of the PATH
    except FileNotFoundError:
        raise CommandFailed(Exit.USAGE, "the AWS CLI is needed: https://aws.amazon.com/cli/") from None
    except subprocess.TimeoutExpired:
        raise CommandFailed(Exit.FAILED, f"aws {' '.join(words[:2])}: no answer within {_SECONDS} s") from None
    if done.returncode:
        raise CommandFailed(Exit.FAILED, f"aws {' '.join(words[:2])}: {done.stderr.strip()}")
    return json.loads(done.stdout or "{}")


@dataclass(frozen=True)
class Stack:
    """What `make deploy` has made."""

    name: str
    region: str | None

    @cached_property
    def _description(self) -> dict[str, Any]:
        (stack,) = aws(self.region, "cloudformation", "describe-stacks", "--stack-name", self.name)["Stacks"]
        described: dict[str, Any] = stack
        return described

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Raises CommandFailed."""
        return {each["OutputKey"]: each["OutputValue"] for each in self._description.get("Outputs", [])}

    @property
    def has_urgent_queue(self) -> bool:
        """Raises CommandFailed."""
        return "UrgentQueueUrl" in self.outputs

    @property
    def direct_types(self) -> list[str]:
        """As the stack's parameters say. Raises CommandFailed."""
        listed = self._description.get("Parameters", [])
        parameters = {each["ParameterKey"]: each["ParameterValue"] for each in listed}
        types = parameters.get("UrgentTypes", _ONCE_DIRECT) if parameters.get("DirectBusRule") == "true" else ""
        return [each.strip() for each in types.split(",") if each.strip()]

    def send(self, body: str, *, urgent: bool = False) -> None:
        queue = self.outputs["UrgentQueueUrl" if urgent else "EventQueueUrl"]
        fifo = ("--message-group-id", "doctor") if queue.endswith(".fifo") else ()
        aws(self.region, "sqs", "send-message", "--queue-url", queue, "--message-body", body, *fifo)

    def put(self, entry: dict[str, str]) -> str:
        """Returns the event's id."""
        entries = json.dumps([{**entry, "EventBusName": self.outputs["BusArn"]}])
        answer = aws(self.region, "events", "put-events", "--entries", entries)
        if answer.get("FailedEntryCount"):
            raise CommandFailed(Exit.FAILED, f"the bus refuses the event: {answer['Entries'][0].get('ErrorMessage')}")
        return str(answer["Entries"][0]["EventId"])

    def lines(self, function: str, text: str, since_ms: int) -> list[dict[str, Any]]:
        """The lines of a function's log with this text in them."""
        group = f"/aws/lambda/{self.name}-{function.replace('_', '-')}"
        where = ("--log-group-name", group, "--start-time", str(since_ms), "--filter-pattern", json.dumps(text))
        found = aws(self.region, "logs", "filter-log-events", *where)
        return [line for each in found.get("events", []) if (line := decoded(each["message"])) is not None]


def decoded(line: str) -> dict[str, Any] | None:
    """One of our lines; None for the runtime's own."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
