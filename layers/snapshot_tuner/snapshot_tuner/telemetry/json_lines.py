"""Log lines and metrics as one JSON object a line on stdout, for log services that read their fields."""

import json
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from snapshot_tuner.telemetry.log import Log
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric

REQUEST_ID: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
"""The platform's name for the request that is being handled; on each line that is written meanwhile."""


class JsonLines:
    """A `Log`. The names are those of Powertools' Logger, so that the same queries find the same lines."""

    def __init__(self, service: str) -> None:
        self._service = service

    def info(self, msg: str, **keys: Any) -> None:  # noqa: ANN401 - any JSON value
        self._write("INFO", msg, keys)

    def warning(self, msg: str, **keys: Any) -> None:  # noqa: ANN401 - any JSON value
        self._write("WARNING", msg, keys)

    def error(self, msg: str, **keys: Any) -> None:  # noqa: ANN401 - any JSON value
        self._write("ERROR", msg, keys)

    def _write(self, level: str, msg: str, keys: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"level": level, "message": msg, "timestamp": now, "service": self._service}
        request_id = REQUEST_ID.get()
        if request_id is not None:
            line["request_id"] = request_id
        # In one piece: other threads write too.
        sys.stdout.write(json.dumps(line | keys, default=str) + "\n")
        sys.stdout.flush()


class MetricLines:
    """A `Recorder`: each batch's figures as the members of one line, to be summed by name."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def record(self, figures: BatchFigures) -> None:
        if figures.counts or figures.event_to_applied_ms:
            longest = max(figures.event_to_applied_ms, default=None)
            times = {} if longest is None else {Metric.EVENT_TO_APPLIED.value: longest}
            self._log.info("metrics", **{metric.value: count for metric, count in figures.counts.items()}, **times)
