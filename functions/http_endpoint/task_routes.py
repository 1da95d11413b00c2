"""The routes of tasks: which there are, why one has its interval, and the bounds that a person sets on it."""

from typing import Final
from urllib.parse import unquote

from http_endpoint import answers, bodies, bounds, callers, task_query, views
from http_endpoint.answers import Answer, Problem, Refusal
from http_endpoint.request import Visit
from snapshot_tuner import bootstrap
from snapshot_tuner.aws import invocation
from snapshot_tuner.model import TaskRef
from snapshot_tuner.policy.targets import is_id

_UNKNOWN: Final = "no event has been admitted for it, or the last one is long ago"


def get_tasks(visit: Visit) -> Answer:
    """The tasks that are asked for, a page of them."""
    callers.identify_caller(visit.request, bootstrap.settings(), only_looks=True)
    query = task_query.read(visit.request.query)
    return answers.ok(views.from_page(bootstrap.inspector().tasks(query)))


def get_task(visit: Visit) -> Answer:
    """What a task should be, what it is as far as is known, and what is pending."""
    callers.identify_caller(visit.request, bootstrap.settings(), only_looks=True)
    report = bootstrap.inspector().task(_task(visit, Problem.TASK_UNKNOWN))
    if report is None:
        raise Refusal(Problem.TASK_UNKNOWN, _UNKNOWN)
    return answers.ok(views.from_task(report))


def put_bounds(visit: Visit) -> Answer:
    """A person wants the task's interval within bounds, for a time; at once, and urgently."""
    settings = bootstrap.settings()
    caller = callers.identify_operator(visit.request, settings)
    wanted = bounds.read(bodies.opened(visit.request, settings).body)
    task = _task(visit, Problem.BOUNDS)
    change = bootstrap.operator_bounds().set(task, wanted, caller, invocation.deadline(visit.context))
    return (answers.ok if change.is_confirmed else answers.accepted)(views.from_change(change))


def delete_bounds(visit: Visit) -> Answer:
    """What events ask for holds again."""
    caller = callers.identify_operator(visit.request, bootstrap.settings())
    task = _task(visit, Problem.TASK_UNKNOWN)
    change = bootstrap.operator_bounds().clear(task, caller, invocation.deadline(visit.context))
    if change is None:
        raise Refusal(Problem.TASK_UNKNOWN, _UNKNOWN)
    return (answers.ok if change.is_confirmed else answers.accepted)(views.from_change(change))


def _task(visit: Visit, problem: Problem) -> TaskRef:
    """The task of the path. Raises Refusal with the problem where it cannot be."""
    given = {name: unquote(visit.names[name]) for name in ("AppId", "RoomId", "TaskId")}
    for name, text in given.items():
        if not is_id(text):
            raise Refusal(problem, f"{name}: an id has 1 to 128 letters, digits and _ @ - .")
    return TaskRef(*given.values())
