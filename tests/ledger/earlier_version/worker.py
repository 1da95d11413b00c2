"""The earlier version's ledgers in a process of its own: one line of JSON in, one out.

Run with that version's code in front on the path, so it imports only what both versions have under one name.
"""

import json
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

from snapshot_tuner.clock import SystemClock
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.types import CallResult, Granted, Limits
from snapshot_tuner.model import Adjustment, Order, Signal, TaskRef


class NoWarnings:
    """The log that a Redis ledger wants."""

    def warning(self, msg: str, **keys: object) -> None:
        """A server of a test has nothing to warn of."""


def adjustment(given: dict[str, Any]) -> Adjustment:
    fields = {**given, "task": TaskRef(*given["task"]), "signal": Signal(**given["signal"])}
    return Adjustment(**{**fields, "order_key": b64decode(given["order_key"])})


def answer(ledger: Any, operation: str, given: list[Any]) -> Any:  # noqa: ANN401 - either store's
    match operation:
        case "admit":
            admitted = ledger.admit([adjustment(each) for each in given])
            return [[each.answer, each.settled_as] for each in admitted]
        case "begin":
            begun = ledger.begin([(TaskRef(*task), token) for task, token in given])
            return [[type(each).__name__, _interval(each)] for each in begun]
        case "settle":
            return ledger.settle([(TaskRef(*task), token, CallResult(result)) for task, token, result in given])
        case "claim":
            return [ledger.claim_due(100), ledger.claim_checks(100)]
        case _:
            return [_desired(ledger.get(TaskRef(*task))) for task in given]


def _interval(begun: Any) -> int | None:  # noqa: ANN401 - of four types
    return begun.intent.interval if isinstance(begun, Granted) or hasattr(begun, "intent") else None


def _desired(state: Any) -> int | None:  # noqa: ANN401 - of either version
    return None if state is None else state.desired.interval


def opened(kind: str, where: str, namespace: str, limits: dict[str, Any]) -> Any:  # noqa: ANN401 - either store's
    known = Limits(**{**limits, "order": Order(limits["order"])})
    if kind == "sqlite":
        return SqliteLedger(Path(where), namespace, known, SystemClock())
    return RedisLedger(where, namespace, known, SystemClock(), NoWarnings())


def main() -> None:
    ledgers: dict[str, Any] = {}
    for line in sys.stdin:
        name, operation, given = json.loads(line)
        match operation:
            case "open":
                ledgers[name], said = opened(*given), None
            case "close":
                said = ledgers.pop(name).close()
            case _:
                said = answer(ledgers[name], operation, given)
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
