"""A queue as SQS is one: at least once, in any order, visible again after a while, at last a dead letter."""

from dataclasses import dataclass
from random import Random

from devkit.simulation.instance import Timeline
from snapshot_tuner.model import Signal

VISIBILITY_SECONDS = 180.0
MAX_RECEIVES = 5


@dataclass(slots=True)
class QueuedCopy:
    """One copy of one event."""

    signal: Signal
    visible_at: float
    receives: int = 0


class SimulatedQueue:
    """Messages, dead letters, and the ids of the events that were acknowledged."""

    def __init__(self, timeline: Timeline, random: Random) -> None:
        self._timeline = timeline
        self._random = random
        self.messages: list[QueuedCopy] = []
        self.dead: list[Signal] = []
        self.acknowledged: set[str] = set()

    def send(self, signal: Signal, at: float) -> None:
        self.messages.append(QueuedCopy(signal, at))

    def receive(self, most: int) -> list[QueuedCopy]:
        visible = [message for message in self.messages if message.visible_at <= self._timeline.now]
        batch = self._random.sample(visible, min(most, len(visible)))
        for message in list(batch):
            if message.receives >= MAX_RECEIVES:
                batch.remove(message)
                self.messages.remove(message)
                self.dead.append(message.signal)
                self._timeline.trace("queue", f"{message.signal.id} is a dead letter")
                continue
            message.receives += 1
            message.visible_at = self._timeline.now + VISIBILITY_SECONDS
        return batch

    def delete(self, message: QueuedCopy) -> None:
        self.acknowledged.add(message.signal.id)
        if message in self.messages:
            self.messages.remove(message)

    def give_back(self, message: QueuedCopy, after: float) -> None:
        message.visible_at = self._timeline.now + after

    def next_visible(self) -> float | None:
        return min((message.visible_at for message in self.messages), default=None)
