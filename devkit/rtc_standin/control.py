"""The stand-in's own routes under /_standin/, for other processes.

GET  state     tasks with their intervals, and the peaks
GET  calls     every call, in the order of arrival
POST faults    one fault: the fields of `Fault`; the task by AppId, RoomId, TaskId; the error by its Code
POST end-task  AppId, RoomId, TaskId
POST restart-task  AppId, RoomId, TaskId
POST reset     forget tasks, calls and faults
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict

from devkit.rtc_standin.account import Account
from devkit.rtc_standin.call_log import CallLog
from devkit.rtc_standin.faults import Fault, FaultKind, FaultPlan
from devkit.rtc_standin.http_wire import WireRequest
from devkit.rtc_standin.provider_errors import ProviderError
from snapshot_tuner.model import TaskRef

_ERRORS = {error.code: error for error in ProviderError}


class Control:
    """Answers the control requests: status and JSON body."""

    def __init__(self, account: Account, log: CallLog, faults: FaultPlan) -> None:
        self._account = account
        self._log = log
        self._faults = faults
        self._routes: Mapping[tuple[str, str], Callable[[bytes], object]] = {
            ("GET", "/_standin/state"): self._state,
            ("GET", "/_standin/calls"): self._calls,
            ("POST", "/_standin/faults"): self._add_fault,
            ("POST", "/_standin/end-task"): self._end_task,
            ("POST", "/_standin/restart-task"): self._restart_task,
            ("POST", "/_standin/reset"): self._reset,
        }

    def __call__(self, request: WireRequest) -> tuple[int, bytes]:
        route = self._routes.get((request.method, request.path))
        if route is None:
            return 404, _json({"error": f"no route {request.method} {request.path}"})
        try:
            return 200, _json(route(request.body))
        except (ValueError, TypeError, KeyError) as error:
            return 400, _json({"error": f"{type(error).__name__}: {error}"})

    def reset(self) -> None:
        self._faults.clear()
        self._account.clear()
        self._log.clear()

    def _state(self, _body: bytes) -> object:
        updates = self._account.updates().values()
        tasks = [{**_task(u.task), "Interval": u.interval, "BusinessId": u.business_id} for u in updates]
        return {"tasks": tasks, "peaks": asdict(self._log.peaks())}

    def _calls(self, _body: bytes) -> object:
        calls = self._log.calls()
        return {"calls": [{**call._asdict(), "task": _task(call.task) if call.task else None} for call in calls]}

    def _add_fault(self, body: bytes) -> object:
        fields = json.loads(body)
        fields["kind"] = FaultKind(fields["kind"])
        if "task" in fields:
            fields["task"] = _task_ref(fields["task"])
        if "error" in fields:
            fields["error"] = _ERRORS[fields["error"]]
        self._faults.add(Fault(**fields))
        return {}

    def _end_task(self, body: bytes) -> object:
        self._account.end_task(_task_ref(json.loads(body)))
        return {}

    def _restart_task(self, body: bytes) -> object:
        self._account.restart_task(_task_ref(json.loads(body)))
        return {}

    def _reset(self, _body: bytes) -> object:
        self.reset()
        return {}


def _task(task: TaskRef) -> dict[str, str]:
    return {"AppId": task.app_id, "RoomId": task.room_id, "TaskId": task.task_id}


def _task_ref(names: Mapping[str, str]) -> TaskRef:
    return TaskRef(names["AppId"], names["RoomId"], names["TaskId"])


def _json(content: object) -> bytes:
    return json.dumps(content).encode()
