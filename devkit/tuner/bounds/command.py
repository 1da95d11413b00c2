"""The command line of `tuner bounds`."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

from rich.progress import Progress

from devkit.terminal import printable
from devkit.tuner.bounds import routes
from devkit.tuner.bounds.routes import EndpointAnswer, Task
from devkit.tuner.doctor import endpoint
from devkit.tuner.doctor.endpoint import Endpoint
from devkit.tuner.exits import CommandFailed, Exit
from devkit.tuner.output import console, print_json, progress_console

_R = TypeVar("_R")

_AT_ONCE = 4
"""Requests: a public URL has a limit of its own, and events want to come through beside them."""


class Done(NamedTuple):
    """What came of one task."""

    task: Task
    answer: EndpointAnswer

    @property
    def came_to(self) -> str:
        match self.answer.status:
            case HTTPStatus.OK:
                return "confirmed"
            case HTTPStatus.ACCEPTED:
                return "pending"
            case _:
                return "failed"

    def as_json(self) -> dict[str, Any]:
        fields = {"task": self.task.as_json(), "came_to": self.came_to}
        if self.came_to == "failed":
            return {**fields, "reason": self.answer.problem}
        return {**fields, **{name: self.answer.body.get(name) for name in ("reason", "bounds", "replaced")}}

    def as_text(self) -> str:
        if self.came_to == "failed":
            return f"{self.task}  failed: {self.answer.problem}"
        body = self.answer.body
        said = f"{self.task}  {bounds_text(body['bounds'])}; {body['reason']}"
        return f"{said}; before: {bounds_text(body['replaced'])}" if body.get("replaced") else said


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `tuner bounds`."""
    parser.add_argument("action", choices=("set", "clear", "list"), help="what to do, see above")
    endpoint.add_arguments(parser)
    which = parser.add_argument_group("which tasks")
    which.add_argument("--app", metavar="APP", help="the AppId; alone it means all its known tasks")
    which.add_argument("--room", metavar="ROOM", help="the RoomId; without --task it means all its known tasks")
    which.add_argument(
        "--task", metavar="TASK", help="the TaskId, together with --app and --room; it need not be known"
    )
    what = parser.add_argument_group("what to set (set only)")
    what.add_argument("--min", type=int, metavar="SECONDS", help="the shortest interval allowed, 1 to 600")
    what.add_argument("--max", type=int, metavar="SECONDS", help="the longest interval allowed; may equal --min")
    what.add_argument(
        "--for", dest="lasts", metavar="DURATION", help="how long, such as 90s, 30m or 2h; at most 24h; required"
    )
    what.add_argument("--reason", metavar="TEXT", help="why, for those who wonder; at most 200 characters; required")
    parser.add_argument(
        "--yes", action="store_true", help="(set, clear) do not ask before more than one task is changed"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Raises CommandFailed."""
    to, _ = endpoint.given(arguments)
    if arguments.action == "list":
        return _list(arguments, to)
    if arguments.action == "set":
        lasts, reason = _needed("--for", arguments.lasts), _needed("--reason", arguments.reason)
        wanted: dict[str, object] = {"for": lasts, "reason": reason}
        wanted |= {name: value for name in ("min", "max") if (value := getattr(arguments, name)) is not None}
        if wanted.keys() == {"for", "reason"}:
            raise CommandFailed(Exit.USAGE, "say what to set: --min SECONDS, --max SECONDS, or both")
        chosen = _chosen(arguments, to, {})
        return _change(arguments, chosen, partial(_one, to, "PUT", wanted))
    chosen = _chosen(arguments, to, {"bounded": "true"})
    return _change(arguments, chosen, partial(_one, to, "DELETE", None))


def _one(to: Endpoint, method: str, body: object, task: Task) -> Done:
    return Done(task, routes.ask_about(to, method, f"{task.path}/bounds", body))


def _needed(option: str, value: str | None) -> str:
    if not value:
        raise CommandFailed(Exit.USAGE, f"{option} is missing")
    return value


def _chosen(arguments: argparse.Namespace, to: Endpoint, filters: dict[str, str]) -> list[Task]:
    """The task that is named, or all that are known under the names that are given."""
    if arguments.task is not None:
        if arguments.app is None or arguments.room is None:
            raise CommandFailed(Exit.USAGE, "--task needs --app and --room")
        return [Task(arguments.app, arguments.room, arguments.task)]
    named = {name: value for name in ("app", "room") if (value := getattr(arguments, name)) is not None}
    if not named and arguments.action != "list":
        raise CommandFailed(Exit.USAGE, "say which tasks: --app, --room, or with both of them --task")
    with _progress() as progress:
        bar = progress.add_task("looking for tasks", total=None)
        return routes.tasks(
            to, {**filters, **named}, lambda count: progress.update(bar, description=f"{count:,} tasks")
        )


def _change(arguments: argparse.Namespace, chosen: list[Task], change: Callable[[Task], Done]) -> Exit:
    if len(chosen) > 1 and not arguments.yes and not _is_wanted(arguments.action, len(chosen)):
        raise CommandFailed(Exit.FAILED, "nothing was changed")
    done: list[Done] = []
    try:
        for each in _at_once(change, chosen):
            done.append(each)
            if not arguments.json:
                console().print(printable(each.as_text()), markup=False, soft_wrap=True)
    except CommandFailed as failure:
        before = f"\nbefore that, out of {len(chosen):,} tasks: {_summary(done)}" if done else ""
        raise CommandFailed(failure.code, f"{failure}{before}", **_counts(done)) from None
    counts = _counts(done)
    if arguments.json:
        print_json({**counts, "tasks": [each.as_json() for each in done]})
    else:
        progress_console().print(_summary(done), style="dim")
    return Exit.FAILED if counts["failed"] else Exit.FINE


def _counts(done: list[Done]) -> dict[str, int]:
    return {word: sum(each.came_to == word for each in done) for word in ("confirmed", "pending", "failed")}


def _summary(done: list[Done]) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in _counts(done).items() if count) or "no task"


def _list(arguments: argparse.Namespace, to: Endpoint) -> Exit:
    found = [
        (task, answer.body)
        for task, answer in _at_once(
            lambda task: (task, routes.ask_about(to, "GET", task.path)), _chosen(arguments, to, {"bounded": "true"})
        )
        if answer.status == HTTPStatus.OK and answer.body.get("bounds")
    ]
    if arguments.json:
        print_json({"tasks": [{"task": task.as_json(), "bounds": body["bounds"]} for task, body in found]})
        return Exit.FINE
    for task, body in found:
        applied = body["applied"]
        now = f"at {applied['interval']} s" if applied else "no interval confirmed yet"
        console().print(printable(f"{task}  {bounds_text(body['bounds'])}; {now}"), markup=False, soft_wrap=True)
    if not found:
        progress_console().print("no task has bounds", style="dim")
    return Exit.FINE


def bounds_text(bounds: dict[str, Any] | None) -> str:
    """In words."""
    if bounds is None:
        return "no bounds"
    least, most = bounds["min"], bounds["max"]
    if least == most:
        limits = f"{least} s"
    else:
        limits = " ".join([*([f"from {least} s"] if least else []), *([f"up to {most} s"] if most else [])])
    return f"{limits} until {bounds['until']} by {bounds['caller']} ({bounds['reason']})"


def _at_once(work: Callable[[Task], _R], items: Iterable[Task]) -> Iterator[_R]:
    """In their order; when one fails, no further one begins."""
    with _progress() as progress, ThreadPoolExecutor(_AT_ONCE) as pool:
        todo = [pool.submit(work, item) for item in items]
        bar = progress.add_task("tasks", total=len(todo))
        try:
            for each in todo:
                yield each.result()
                progress.advance(bar)
        finally:
            for each in todo:
                each.cancel()


def _progress() -> Progress:
    to = progress_console()
    return Progress(console=to, transient=True, disable=not to.is_terminal)


def _is_wanted(action: str, count: int) -> bool:
    progress_console().print(f"{action.capitalize()} the bounds of {count:,} tasks? Type yes:", markup=False)
    try:
        return input().strip() == "yes"
    except EOFError:
        return False
