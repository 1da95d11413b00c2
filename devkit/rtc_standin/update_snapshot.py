"""UpdateSnapshot as the provider checks and answers it (RTC OpenAPI, Version 2023-11-01)."""

import json
import re
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qsl

from devkit.rtc_standin.http_wire import WireRequest
from devkit.rtc_standin.provider_errors import ProviderError, Refused
from snapshot_tuner.model import TaskRef

ACTION = "UpdateSnapshot"
SERVICE = "rtc"
_ID = re.compile(r"[a-zA-Z0-9_@\-.]{1,128}")
_INTERVALS = range(1, 601)
_REQUIRED = frozenset({"AppId", "RoomId", "TaskId", "ImageConfig"})
_OPTIONAL = frozenset({"BusinessId"})


@dataclass(frozen=True, slots=True)
class Api:
    """Whose API it is: Volcengine's, or BytePlus's with the same calls under another region and version."""

    region: str = "cn-north-1"
    version: str = "2023-11-01"


BYTEPLUS = Api("ap-singapore-1", "2022-06-01")


@dataclass(frozen=True, slots=True)
class Update:
    """A valid call: this task is to get this interval, in seconds."""

    task: TaskRef
    interval: int
    business_id: str | None


def parse_update(request: WireRequest, api: Api) -> Update:
    """The call that is asked for. Raises `Refused` where the provider would, and where it would guess."""
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    if request.method != "POST" or query != {"Action": ACTION, "Version": api.version}:
        raise Refused(ProviderError.INVALID_ACTION_OR_VERSION, "There is no such action or version.")
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(ProviderError.INVALID_PARAMETER, "Content-Type must be application/json.")
    body = _object(request.body)
    missing = _REQUIRED - body.keys()
    if missing:
        raise Refused(ProviderError.MISSING_PARAMETER, f"{min(missing)} is missing.")
    unknown = body.keys() - _REQUIRED - _OPTIONAL
    if unknown:
        raise Refused(ProviderError.INVALID_PARAMETER, f"{min(unknown)} is not a parameter of {ACTION}.")
    app_id, room_id, task_id = (_id(body, name) for name in ("AppId", "RoomId", "TaskId"))
    business_id = _id(body, "BusinessId") if "BusinessId" in body else None
    return Update(TaskRef(app_id, room_id, task_id), _interval(body["ImageConfig"]), business_id)


def success(api: Api) -> bytes:
    """The body of the answer to a call that was carried out."""
    return _body({"ResponseMetadata": _metadata(api), "Result": "ok"})


def failure(api: Api, error: ProviderError, message: str) -> bytes:
    """The body of the answer to a call that was refused."""
    detail: dict[str, object] = {"Code": error.code, "Message": message}
    if error.code_n is not None:
        detail = {"CodeN": error.code_n, **detail}
    return _body({"ResponseMetadata": {**_metadata(api), "Error": detail}})


def _metadata(api: Api) -> dict[str, object]:
    names = {"RequestId": uuid.uuid4().hex, "Action": ACTION, "Version": api.version}
    return {**names, "Service": SERVICE, "Region": api.region}


def _body(content: dict[str, object]) -> bytes:
    return json.dumps(content).encode()


def _object(data: bytes) -> dict[str, object]:
    def without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise ValueError("a key stands twice")
        return dict(pairs)

    try:
        body = json.loads(data.decode(), object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError):
        raise Refused(ProviderError.INVALID_PARAMETER, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Refused(ProviderError.INVALID_PARAMETER, "The body is not an object.")
    return body


def _id(body: dict[str, object], name: str) -> str:
    text = body[name]
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise Refused(ProviderError.INVALID_PARAMETER, f"{name} must match {_ID.pattern}.")
    return text


def _interval(image_config: object) -> int:
    if not isinstance(image_config, dict) or image_config.keys() != {"Interval"}:
        raise Refused(ProviderError.INVALID_PARAMETER, "ImageConfig must hold Interval and nothing else.")
    interval = image_config["Interval"]
    if type(interval) is not int or interval not in _INTERVALS:
        raise Refused(ProviderError.INVALID_PARAMETER, "ImageConfig.Interval must be an integer from 1 to 600.")
    return interval
