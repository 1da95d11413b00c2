"""A client of a ledger that runs the earlier version's code, which `ledger.zip` holds, in a process of its own."""

import atexit
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, cast
from uuid import uuid4
from zipfile import ZipFile

from snapshot_tuner.ledger.types import (
    Admission,
    Admitted,
    AlreadyApplied,
    Begun,
    Busy,
    CallResult,
    Forgotten,
    Granted,
    Intent,
    Limits,
    Settlement,
)
from snapshot_tuner.model import Adjustment, TaskRef

_HERE = Path(__file__).parent

# What the earlier version knows of each.
_OF_SIGNAL = ("id", "source", "type", "time_us", "data", "time_is_own", "sequence", "sent_us")
_OF_ADJUSTMENT = (
    *("task", "interval", "business_id", "rule", "reason"),
    *("for_seconds", "then_interval", "lengthen_after", "skip_unchanged_within"),
)
_OF_LIMITS = ("order", "slots_per_second", "idempotency_ttl", "task_ttl", "max_clock_skew")


@cache
def _process() -> subprocess.Popen[str]:
    """One for all clients, as it takes longer to start than to answer; it ends with this one."""
    at_exit = ExitStack()
    atexit.register(at_exit.close)
    folder = at_exit.enter_context(TemporaryDirectory(prefix="earlier-version-"))
    with ZipFile(_HERE / "ledger.zip") as packed:
        packed.extractall(folder)
    return at_exit.enter_context(
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", str(_HERE / "worker.py")],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": folder},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    )


class EarlierClient:
    """Of what it is told and answers, it knows what the tests of both versions need."""

    def __init__(self, kind: str, where: str, namespace: str, limits: Limits) -> None:
        if _process().poll() is not None:  # what another client asked for has ended it
            _process.cache_clear()
        self._ledger = uuid4().hex
        self._ask("open", [kind, where, namespace, {name: getattr(limits, name) for name in _OF_LIMITS}])

    def close(self) -> None:
        self._ask("close", [])

    def admit(self, adjustments: Sequence[Adjustment], *, within: float = inf) -> list[Admitted]:
        del within
        answers = self._ask("admit", [_plain(each) for each in adjustments])
        return [Admitted(Admission(said), settled_as=was and Admission(was)) for said, was in answers]

    def begin(self, starts: Sequence[tuple[TaskRef, str]]) -> list[Begun]:
        return [_begun(*each) for each in self._ask("begin", list(starts))]

    def settle(self, ends: Sequence[tuple[TaskRef, str, CallResult]]) -> list[Settlement]:
        return [Settlement(*each) for each in self._ask("settle", list(ends))]

    def desired(self, tasks: Sequence[TaskRef]) -> list[int | None]:
        """The interval that each should have, None where nothing is known."""
        return cast("list[int | None]", self._ask("get", list(tasks)))

    def claim(self) -> list[list[TaskRef]]:
        """Those that are due, and those to be checked."""
        return [[TaskRef(*task) for task in tasks] for tasks in self._ask("claim", [])]

    def _ask(self, operation: str, given: object) -> list[Any]:
        asked, answers = cast("IO[str]", _process().stdin), cast("IO[str]", _process().stdout)
        asked.write(json.dumps([self._ledger, operation, given]) + "\n")
        asked.flush()
        return cast("list[Any]", json.loads(answers.readline()))


def _plain(adjustment: Adjustment) -> dict[str, Any]:
    return {
        **{name: getattr(adjustment, name) for name in _OF_ADJUSTMENT},
        "order_key": b64encode(adjustment.order_key).decode(),
        "signal": {name: getattr(adjustment.signal, name) for name in _OF_SIGNAL},
    }


def _begun(kind: str, interval: int | None) -> Begun:
    match kind:
        case "Granted":
            return Granted(_intent(interval), inf)
        case "AlreadyApplied":
            return AlreadyApplied(_intent(interval))
        case "Busy":
            return Busy()
        case _:
            return Forgotten()


def _intent(interval: int | None) -> Intent:
    return Intent("", cast("int", interval), None, "", "", "", "")
