"""A page of tasks: what list.lua is asked, and what it answers."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from snapshot_tuner.ledger.listing import EXAMINED_MOST, ListedTask, Place, TaskPage, TaskQuery
from snapshot_tuner.ledger.redis.namespace import Keys


def question(keys: Keys, query: TaskQuery) -> tuple[list[bytes], list[bytes]]:
    """Its keys and arguments."""
    index = keys.doubts if query.is_in_doubt else keys.due if query.is_due else keys.tasks
    index = keys.bounded if query.bounded else index
    numbers = (query.least, query.most, query.limit, EXAMINED_MOST)
    names = (query.app or "", query.room or "", *("1" if asked else "" for asked in (query.is_due, query.is_in_doubt)))
    after = query.after
    place = (b"%d" % after.at, keys.task(after.task)) if after is not None else (b"", b"")
    args = [*(b"%d" % number for number in numbers), keys.of_tasks, *(name.encode() for name in names), *place]
    return [index, keys.tasks, keys.due, keys.doubts, keys.bounded], args


def page(keys: Keys, answer: Sequence[Any]) -> TaskPage:
    """What is no task's name, and whoever put it there, is left out."""
    _, found, score, *behind = answer
    listed = zip(map(keys.parse_task, found[::2]), map(_whole, found[1::2]), strict=True)
    tasks = tuple(ListedTask(task, interval or None) for task, interval in listed if task is not None)
    last = keys.parse_task(behind[0]) if behind else None
    return TaskPage(tasks, Place(_whole(score), last) if last is not None else None)


def _whole(score: bytes) -> int:
    """Of an index that holds whole numbers, each exact as a float; what somebody else has put there is none."""
    number = float(score)
    return int(number) if isfinite(number) else 0
