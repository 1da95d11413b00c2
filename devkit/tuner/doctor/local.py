"""`make run` on this machine, found by the file in which it says where everything is."""

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
    urgent_queue: str
    bus: str
    direct_types: list[str]
    log: Path

    @property
    def has_urgent_queue(self) -> bool:
        return True

    def send(self, body: str, *, urgent: bool = False) -> None:
        queue = self.urgent_queue if urgent else self.queue
        self._call(Service.SQS, "SendMessage", QueueUrl=queue, MessageBody=body)

    def put(self, entry: dict[str, str]) -> str:
        """Returns the event's id."""
        answer = self._call(Service.EVENTS, "PutEvents", Entries=[{**entry, "EventBusName": self.bus}])
        return str(answer["Entries"][0]["EventId"])

    def lines(self, function: str, text: str, since_ms: int) -> list[dict[str, Any]]:
        """The function's lines in the log with this text in them, whenever they were written."""
        del since_ms
        with self.log.open(encoding="utf-8") as log:
            decoded_lines = [found for line in log if text in line and (found := decoded(line)) is not None]
        return [line for line in decoded_lines if line.get("function") == function]

    def _call(self, service: Service, action: str, **parameters: object) -> dict[str, Any]:
        try:
            return self.api.call(service, action, **parameters)
        except (AwsApiError, OSError) as error:
            raise CommandFailed(Exit.FAILED, str(error)) from None


def find(url: str, file: Path) -> LocalRun | None:
    """None where no `make run` of this address is described."""
    try:
        described = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if described["url"].rstrip("/") != url.rstrip("/"):
        return None
    return LocalRun(
        api=AwsApi(described["port"]),
        queue=described["queue"],
        urgent_queue=described["urgent_queue"],
        bus=described["bus"],
        direct_types=described["direct_types"],
        log=Path(described["log"]),
    )
