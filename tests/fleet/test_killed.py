"""Promise: an instance may die at any moment. What it did not acknowledge comes back, and every task ends right."""

import random
import threading

import pytest

from devkit.rtc_standin import StandIn
from tests.fleet.conftest import StartInstances
from tests.fleet.fleet import Instance, Message, messages

KILLS = 100
BATCH = 12


class Queue:
    """Messages until they are acknowledged, handed out in any order, some of them twice at once."""

    def __init__(self, waiting: list[Message]) -> None:
        self.waiting = waiting
        self.killed = 0
        self._chance = random.Random(20_240_619)  # noqa: S311 - which moments does not matter, that they differ does
        self._lock = threading.Lock()

    def deliver(self, instance: Instance, *, kills: int) -> None:
        """Batch after batch, each killed after 0 to 120 ms until so many were, then in peace until none waits."""
        while batch := self._take():
            kill_after = self._chance.uniform(0, 0.12) if self.killed < kills else None
            instance.send(batch, kill_after=kill_after)
            came_back = instance.answer()
            with self._lock:
                if came_back is None:
                    self.killed += 1
                    continue
                done = {message_id for message_id, _ in batch} - set(came_back)
                self.waiting = [message for message in self.waiting if message[0] not in done]

    def _take(self) -> list[Message]:
        with self._lock:
            return self._chance.sample(self.waiting, min(BATCH, len(self.waiting)))


@pytest.mark.timeout(180)
def test_a_hundred_kills_at_random_moments(standin: StandIn, start: StartInstances) -> None:
    """Two instances share 1,200 events of 80 tasks and die a hundred times in the middle of a batch."""
    waiting, newest = messages(tasks=80, events_per_task=15)
    queue = Queue(waiting)
    threads = [threading.Thread(target=queue.deliver, args=(each,), kwargs={"kills": KILLS}) for each in start(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queue.killed >= KILLS
    assert queue.waiting == []
    assert standin.intervals() == newest
