"""GetSnapshotTask (RTC OpenAPI): what is asked, and what the provider says of a task."""

import json
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qsl

from devkit.rtc_standin.http_wire import WireRequest
from devkit.rtc_standin.provider_errors import ProviderError, Refused
from devkit.rtc_standin.update_snapshot import SERVICE, Api
from snapshot_tuner.model import TaskRef

ACTION = "GetSnapshotTask"
MAX_QPS = 60
RUNNING, ENDED = 2, 3

_NAMES = ("AppId", "RoomId", "TaskId")


@dataclass(slots=True)
class ReadFaults:
    """What every reading is answered with instead: status and body; after `delay` seconds."""

    answer: tuple[int, bytes] | None = None
    delay: float = 0.0


def is_read(request: WireRequest) -> bool:
    return request.method == "GET" and dict(parse_qsl(request.query)).get("Action") == ACTION


def parse_read(request: WireRequest, api: Api) -> TaskRef:
    """The task that is asked for. Raises `Refused`."""
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    if query.get("Version") != api.version:
        raise Refused(ProviderError.INVALID_ACTION_OR_VERSION, "There is no such action or version.")
    for name in _NAMES:
        if not query.get(name):
            raise Refused(ProviderError.MISSING_PARAMETER, f"{name} is missing.")
    return TaskRef(*(query[name] for name in _NAMES))


def task_answer(api: Api, task: TaskRef, status: int, interval: int) -> bytes:
    """The body of the answer; what an interval is to the provider, in seconds."""
    names = dict(zip(_NAMES, (task.app_id, task.room_id, task.task_id), strict=True))
    metadata = {"RequestId": uuid.uuid4().hex, "Action": ACTION, "Version": api.version, "Service": SERVICE}
    snapshot = {**names, "Status": status, "StopReason": "", "ImageConfig": {"Interval": interval}}
    return json.dumps(
        {"ResponseMetadata": {**metadata, "Region": api.region}, "Result": {"SnapshotTask": snapshot}}
    ).encode()
