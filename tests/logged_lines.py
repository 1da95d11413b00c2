"""The log lines of the tuner as they come out of Powertools' logger."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger

from snapshot_tuner.events.readings.reading import Event
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.telemetry.log import ErrorLog
from snapshot_tuner.tuning.tuner import Options, Tuner

if TYPE_CHECKING:
    from snapshot_tuner.ledger.ports import Ledger
    from snapshot_tuner.rtc.calls import Calls

_POLICY = Policy.parse("version: 1\nrules: [{name: load, match: {type: [load]}, interval: 5}]", "policy.yaml")

RECEIVED = "2026-03-01T09:00:00.250001Z"
_RECEIVED_US = 1_772_355_600_250_001


class _FrozenClock:
    """It stands still."""

    def wall_us(self) -> int:
        return _RECEIVED_US

    def monotonic(self) -> float:
        return 0.0


@contextmanager
def captured(logger: ErrorLog) -> Iterator[StringIO]:
    """What the logger writes meanwhile; Powertools keeps one for each name, with the stream it was made with."""
    out = StringIO()
    handler = cast("Any", logger).registered_handler
    before, handler.stream = handler.stream, out  # not setStream: it flushes what an earlier test may have closed
    try:
        yield out
    finally:
        handler.stream = before


def log_text(*events: Event, log_event_data: bool = True) -> str:
    """What one batch has logged; rule `load` takes events of that type, and nothing is called."""
    logger = Logger(service="tests")
    tuner = Tuner(
        policy=_POLICY,
        ledger=cast("Ledger", None),  # a dry run asks neither
        calls=cast("Calls", None),
        clock=_FrozenClock(),
        log=logger,
        options=Options(dry_run=True, log_event_data=log_event_data),
    )
    with captured(logger) as out:
        tuner.process(events, 100.0)
    return out.getvalue()


def log_lines(*events: Event, log_event_data: bool = True) -> Sequence[dict[str, Any]]:
    """`log_text`, decoded."""
    return [json.loads(line) for line in log_text(*events, log_event_data=log_event_data).splitlines()]
