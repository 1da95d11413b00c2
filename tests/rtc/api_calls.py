"""One call of the API, carried out where it stands."""

from collections.abc import Callable

import pytest

from snapshot_tuner.errors import ApiError, CallAbandoned, CallFailed
from snapshot_tuner.model import TaskRef
from snapshot_tuner.rtc.client import SnapshotApi
from snapshot_tuner.rtc.http.tasks import Task, run

TASK = TaskRef("app", "room", "task")


def at_once() -> None:
    """No slot to wait for."""


def give_up() -> None:
    raise CallAbandoned("no slot")


def update(
    api: SnapshotApi,
    interval: int = 5,
    *,
    task: TaskRef = TASK,
    business_id: str | None = None,
    timeout: float = 5.0,
    before_send: Callable[[], None] = at_once,
) -> str:
    def before() -> Task[None]:
        before_send()
        yield from ()

    return run(api.update(task, interval, business_id, timeout=timeout, before_send=before))


def failure(api: SnapshotApi, timeout: float = 5.0) -> ApiError:
    with pytest.raises(ApiError) as caught:
        update(api, timeout=timeout)
    return caught.value


def assert_not_sent(error: ApiError, code: str) -> None:
    assert (type(error), error.code, error.outcome_unknown, error.status) == (CallFailed, code, False, None)
