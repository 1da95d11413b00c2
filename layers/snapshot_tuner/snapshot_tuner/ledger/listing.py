"""The tasks of a namespace, page by page: what is asked, and what a page is."""

import re
from typing import NamedTuple

from snapshot_tuner.model import INTERVAL_MAX_SECONDS, TaskRef

EXAMINED_MOST = 1000
"""Records looked at for one page, however few of them match."""

_PARTS = 4
_TIME = re.compile(r"[0-9]{1,17}")


class Place(NamedTuple):
    """The last task that was looked at for a page; `at` is what its list is sorted by first: an interval, or a time."""

    at: int
    task: TaskRef

    def __str__(self) -> str:
        return ":".join((str(self.at), *self.task))

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Raises ValueError."""
        at, *names = text.split(":")
        if len(names) != _PARTS - 1 or not all(names) or not _TIME.fullmatch(at):
            raise ValueError("must be the value of `next` on the previous page")
        return cls(int(at), TaskRef(*names))


class TaskQuery(NamedTuple):
    """Which tasks, at most `limit` of them, behind the place `after`. What is None or False asks for nothing.

    `is_due`: those that need a call without an event, as far as is known; they are sorted by when. `bounded`: those
    that have an operator's bounds, by which alone some may be known; they are sorted by when these end. All others are
    sorted by the applied interval, or, where they are in doubt, by their names.
    """

    app: str | None = None
    room: str | None = None
    min_interval: int | None = None
    max_interval: int | None = None
    is_in_doubt: bool = False
    is_due: bool = False
    bounded: bool = False
    limit: int = 50
    after: Place | None = None

    @property
    def least(self) -> int:
        """0 is for tasks to which nothing has been applied yet: they have no interval."""
        return max(self.min_interval or 0, 0 if self.min_interval is None and self.max_interval is None else 1)

    @property
    def most(self) -> int:
        return INTERVAL_MAX_SECONDS if self.max_interval is None else self.max_interval

    def takes(self, task: TaskRef, interval: int) -> bool:
        """Whether a task's name and applied interval are asked for; `interval` is 0 where there is none."""
        return (
            self.app in (None, task.app_id)
            and self.room in (None, task.room_id)
            and self.least <= interval <= self.most
        )


class ListedTask(NamedTuple):
    """`interval` is the one that was applied, None where none was yet."""

    task: TaskRef
    interval: int | None


class TaskPage(NamedTuple):
    """A page may have few tasks, or none: the list ends where `next` is None."""

    tasks: tuple[ListedTask, ...]
    next: Place | None = None
