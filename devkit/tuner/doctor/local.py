"""`make run` on this machine, by the file in which it says where everything is."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devkit.local_runtime.aws_api import AwsApi, AwsApiError, Service
from devkit.tuner.doctor.aws_cli import decoded
from devkit.tuner.exits import CommandFailed, Exit


@dataclass(frozen=True, slots=True)
class LocalRun:
    """The same questions as of a stack."""

    api: AwsApi
    queue: str
    bus: str
    log: Path

    def send(self, body: str) -> None:
        self._call(Service.SQS, "SendMessage", QueueUrl=self.queue, MessageBody=body)

    def put(self, entry: dict[str, str]) -> str:
        """Returns the event's id."""
        answer = self._call(Service.EVENTS, "PutEvents", Entries=[{**entry, "EventBusName": self.bus}])
        return str(answer["Entries"][0]["EventId"])

    def lines(self, text: str, since_ms: int) -> list[dict[str, Any]]:
        """The lines of the log with this text in them, whenever they were written."""
        del since_ms
        with self.log.open(encoding="utf-8") as log:
            return [found for line in log if text in line and (found := decoded(line)) is not None]

    def _call(self, service: Service, action: str, **parameters: object) -> dict[str, Any]:
        try:
            return self.api.call(service, action, **parameters)
        except (AwsApiError, OSError) as error:
            raise CommandFailed(Exit.FAILED, str(error)) from None


def find(url: str, file: Path) -> LocalRun | None:
    """None where no `make run` of this address is told of."""
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if told["url"].rstrip("/") != url.rstrip("/"):
        return None
    return LocalRun(AwsApi(told["port"]), told["queue"], told["bus"], Path(told["log"]))
