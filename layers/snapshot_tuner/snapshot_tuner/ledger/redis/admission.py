"""Adjustments on their way into the store: what admit.lua is asked, and what its letters say."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger import intents, messages
from snapshot_tuner.ledger.redis.codec import pack_adjustment, unpack_intent
from snapshot_tuner.ledger.redis.namespace import Namespace
from snapshot_tuner.ledger.redis.scripts import OF_TASKS, WRITING, Script
from snapshot_tuner.ledger.types import Admission, Admitted, Limits
from snapshot_tuner.model import Adjustment

_ADMIT_MOST = 1000
"""Adjustments in one script: some 10 ms, for which every other client waits."""

_ANSWERS = {
    "n": Admitted(Admission.NEW),
    "r": Admitted(Admission.RETRY),
    "N": Admitted(Admission.NEW, shortens=True),
    "R": Admitted(Admission.RETRY, shortens=True),
    "d": Admitted(Admission.DUPLICATE),
    "c": messages.CONFLICT,
    "h": messages.NOTHING_TO_END,
    "D": messages.in_doubt(Admission.DUPLICATE),
    "S": messages.in_doubt(Admission.SUPERSEDED),
}
"""By the letters of admit.lua; the others depend on the event."""


class Admissions:
    """Those of one namespace, within its limits."""

    def __init__(self, namespace: Namespace, limits: Limits, clock: Clock) -> None:
        self._namespace = namespace
        self._script = Script.load(*WRITING, *OF_TASKS, "take", "admit")
        self._limits = limits
        self._clock = clock

    def admit(self, adjustments: Sequence[Adjustment]) -> list[Admitted]:
        answers: list[Admitted] = []
        for policy, of_one in groupby(adjustments, attrgetter("policy")):  # a batch is decided by one
            decided = list(of_one)
            for at in range(0, len(decided), _ADMIT_MOST):
                answers += self._admit(decided[at : at + _ADMIT_MOST], policy)
        return answers

    def _admit(self, adjustments: Sequence[Adjustment], policy: str) -> list[Admitted]:
        limits, names = self._limits, self._namespace.keys
        keys = [names.order, *names.indexes]
        numbers = (
            limits.remembered_seconds * 1000,
            limits.idempotency_ttl * 1000,
            limits.max_clock_skew * 1_000_000,
            limits.task_ttl * 1_000_000,
        )
        args = [limits.order.encode(), *(b"%d" % number for number in numbers), policy.encode()]
        for adjustment in adjustments:
            signal, task = adjustment.signal, adjustment.task
            keys += (names.of_events + intents.event_digest(task, signal.source, signal.id), names.task(task))
            args.append(pack_adjustment(adjustment))
        now, letters, more = self._namespace.run(self._script, keys, args)
        if letters is None:
            raise messages.other_order(self._namespace.name, limits.order, more.decode())
        effective = iter(more)
        return [
            _ANSWERS.get(letter) or self._admitted(letter, adjustment, now, effective)
            for letter, adjustment in zip(letters.decode(), adjustments, strict=True)
        ]

    def _admitted(self, letter: str, adjustment: Adjustment, now: int, effective: Iterator[Any]) -> Admitted:
        match letter:
            case "f":
                order_key, rest, until_us = next(effective)
                return messages.deferred(unpack_intent(adjustment.task, order_key + b"\0" + rest), until_us or None)
            case "s":
                return messages.changes_nothing(Admission.SUPERSEDED, intents.from_adjustment(adjustment), now)
            case _:  # "x"
                own_now, limits = self._clock.wall_us(), self._limits
                ahead = (adjustment.signal.time_us - own_now) / 1e6
                if -limits.task_ttl <= ahead <= limits.max_clock_skew:
                    return messages.clock_off(now - own_now)
                return messages.rejected(adjustment.signal.time_us - now)
