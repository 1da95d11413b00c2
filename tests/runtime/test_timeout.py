"""A timeout in the middle of a batch: the process is killed, the message comes back, the task ends right."""

from functools import partial

from tests.polling import eventually
from tests.runtime.killed import TASK, TIMEOUT_SECONDS, Killed
from tests.runtime.machine import Machine, depth, is_there

LEASE_SECONDS = 15


def test_a_batch_that_is_killed_in_the_middle_comes_back_and_the_task_ends_right(killed: list[Killed]) -> None:
    """Nobody knows whether the killed call was carried out, so the task waits for the end of its lease, and the newest
    event of the task, which came meanwhile, decides its interval. All Pythons wait at the same time.
    """
    for each in killed:
        eventually(partial(has_ended, each.process), within=TIMEOUT_SECONDS + 5)
    for each in killed:
        eventually(partial(ends_at, each.machine, 43), within=LEASE_SECONDS + 25)
        first, *later = each.machine.calls(TASK)
        assert (first.interval, [call.interval for call in later]) == (5, [43])
        assert depth(each.machine.application.dead_letters) == 0


def has_ended(process: int) -> bool:
    return not is_there(process)


def ends_at(machine: Machine, interval: int) -> bool:
    return machine.interval(TASK) == interval and depth(machine.application.queue) == 0
