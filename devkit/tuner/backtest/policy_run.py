"""One policy on its way through a recording: its world, and what is counted of it."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import IO

from devkit.tuner.backtest.assumptions import Assumptions
from devkit.tuner.backtest.call_rate import CallRate
from devkit.tuner.backtest.delays import Delays
from devkit.tuner.backtest.rooms import Rooms
from devkit.tuner.backtest.trail import Trail
from devkit.tuner.backtest.world import QueuedEvent, World
from snapshot_tuner.ledger.types import Intent
from snapshot_tuner.model import Outcome, OutcomeKind, TaskRef
from snapshot_tuner.policy.engine import Policy

REJECTED_SHOWN = 20
_WANTED = (OutcomeKind.APPLIED, OutcomeKind.DEFERRED)


class PolicyRun:
    """The world's `Watch`. `number` is the policy's: 0 for the new one, 1 for the old one."""

    def __init__(
        self,
        number: int,
        policy: Policy,
        *,
        assumptions: Assumptions,
        origin_us: int,
        rooms: Rooms,
        trail: Trail | None,
        decisions: IO[str] | None,
    ) -> None:
        self.policy = policy
        self.rate = CallRate()
        self.delays, self.urgent_delays, self.other_delays = Delays(), Delays(), Delays()
        self.kinds: Counter[OutcomeKind] = Counter()
        self.events_of: Counter[str] = Counter()
        self.applied_of: Counter[str] = Counter()
        self.dead_letters = 0
        self.rejected: list[tuple[str | None, str]] = []
        self.world = World(policy, assumptions, origin_us, self)
        self._trail = trail
        self._decisions = decisions
        self._number = number
        self._rooms = rooms

    def finish(self) -> None:
        """Until every event is settled."""
        self.world.finish()
        self.rate.close()

    def sent(self, at: float, now: float) -> None:
        self.rate.sent(at, now)

    def confirmed(self, task: TaskRef, intent: Intent, at: float, *, by_event: bool) -> None:
        room = self._rooms.of[task]
        changed = self._rooms.step(room, self._number, at, intent.interval)
        if changed and self._trail is not None:
            step = (intent.interval, intent.rule, intent.event_id, intent.event_source, by_event)
            self._trail.step(room.number, self._number, at, step)

    def outcomes(self, message: QueuedEvent, outcomes: Sequence[Outcome], now: float) -> None:
        rule = outcomes[0].rule
        if rule is not None and message.receives == 1:
            self.events_of[rule] += 1
        for outcome in outcomes:
            kind = outcome.kind
            self.kinds[kind] += 1
            if kind is OutcomeKind.APPLIED:
                self._applied(message, outcome, now)
            elif kind is OutcomeKind.REJECTED and len(self.rejected) < REJECTED_SHOWN:
                self.rejected.append((outcome.id, outcome.reason))
            if self._trail is not None and outcome.task is not None and kind in _WANTED:
                self._trail.outcome(self._rooms.of[outcome.task].number, self._number, outcome)
            if self._decisions is not None:
                self._decisions.write(_decision(outcome))

    def dead(self, message: QueuedEvent) -> None:  # noqa: ARG002 - `Watch`
        self.dead_letters += 1

    def _applied(self, message: QueuedEvent, outcome: Outcome, now: float) -> None:
        if outcome.rule is not None:
            self.applied_of[outcome.rule] += 1
        if outcome.task is not None:
            confirmed_at = self._rooms.of[outcome.task].sides[self._number].confirmed_at
            # Where no call was needed, it is in force since it was found so.
            delay = (confirmed_at if confirmed_at >= message.arrived else now) - message.arrived
            self.delays.add(delay)
            (self.urgent_delays if message.urgent else self.other_delays).add(delay)


def _decision(outcome: Outcome) -> str:
    task = outcome.task
    members = {
        "id": outcome.id,
        "source": outcome.source,
        "task": task and {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id},
        "rule": outcome.rule,
        "interval": outcome.interval,
        "outcome": outcome.kind,
        "reason": outcome.reason,
    }
    return json.dumps(members, ensure_ascii=False) + "\n"
