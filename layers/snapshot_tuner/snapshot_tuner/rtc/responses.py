"""What an answer of the RTC API means: the request id of a call that was carried out, or the error to raise.

Pure. An error is classified by its `Code` first, and by the HTTP status where the code is not known: the
statuses differ between versions of the provider's documentation.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from types import MappingProxyType
from typing import assert_never

from snapshot_tuner.errors import (
    MESSAGE_LIMIT,
    ApiError,
    CallFailed,
    CallRefused,
    CredentialsRefused,
    LocalCode,
    TaskNotFound,
    Throttled,
    TimestampRefused,
)


class _Meaning(Enum):
    """What an error says about the call."""

    REFUSED = auto()
    TASK_NOT_FOUND = auto()
    CREDENTIALS = auto()
    TIMESTAMP = auto()
    THROTTLED = auto()
    FAILED = auto()
    FAILED_UNKNOWN = auto()


_TASK_NOT_FOUND = "InvalidParameter.ErrorActiveTaskNotFound"

# The class of a code is its part before the first dot. Volcengine's public error codes, as documented.
_BY_CLASS: Mapping[str, _Meaning] = MappingProxyType(
    {
        "MissingParameter": _Meaning.REFUSED,
        "MissingRequestInfo": _Meaning.REFUSED,
        "InvalidParameter": _Meaning.REFUSED,
        "ServiceNotFound": _Meaning.REFUSED,
        "InvalidActionOrVersion": _Meaning.REFUSED,
        "MissingAuthenticationToken": _Meaning.CREDENTIALS,
        "MissingSignature": _Meaning.CREDENTIALS,
        "SignatureDoesNotMatch": _Meaning.CREDENTIALS,
        "InvalidAccessKey": _Meaning.CREDENTIALS,
        "InvalidSecretToken": _Meaning.CREDENTIALS,
        # With HTTP 400: a wrong region in the signature's scope, or a header that is malformed.
        "InvalidAuthorization": _Meaning.CREDENTIALS,
        "InvalidCredential": _Meaning.CREDENTIALS,
        "LackPolicy": _Meaning.CREDENTIALS,
        "AccessDenied": _Meaning.CREDENTIALS,
        "InvalidTimestamp": _Meaning.TIMESTAMP,
        "FlowLimitExceeded": _Meaning.THROTTLED,
        "AccountFlowLimitExceeded": _Meaning.THROTTLED,
        "RequestLimitExceeded": _Meaning.THROTTLED,
        "InternalError": _Meaning.FAILED,
        "UndefinedError": _Meaning.FAILED,
        "FailToConnect": _Meaning.FAILED,
        "ServiceUnavailableTemp": _Meaning.FAILED,
        "InternalServiceTimeout": _Meaning.FAILED_UNKNOWN,
    }
)

_PARAMETER = re.compile(r"Parameter|AppId|RoomId|TaskId|BusinessId|ImageConfig|Interval")
"""What a refusal names if it is about the event."""

_UNKNOWN_CODE = "an undocumented code"
_NO_SUCCESS = 'neither an Error nor a Result "ok"'

_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
# An Authorization header, whole or cut off, and any signature: a refused one may be answered with the one that
# was expected, which is as good as ours.
_SIGNATURE = re.compile(r"HMAC-SHA256 +Credential=[^\n]*?(?:Signature=[0-9a-fA-F]*|$)|[0-9a-fA-F]{64}")
_REDACTED = "[redacted]"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What every error carries."""

    code: str
    message: str
    status: int
    request_id: str | None


def classify(status: int, body: bytes, *, secrets: Iterable[str] = ()) -> str:
    """The request id of a call that was carried out ("" if the answer names none).

    Raises as `result` does, and if the Result is not "ok".
    """
    found, request_id = result(status, body, secrets=secrets)
    if found != "ok":
        raise _unreadable(status, _NO_SUCCESS, request_id)
    return request_id or ""


def result(status: int, body: bytes, *, secrets: Iterable[str] = ()) -> tuple[object, str | None]:
    """The Result of an answer without an Error, None if there is none, and the request id.

    `status` is the HTTP status. `secrets` are strings that must not get into an error's message, whatever
    the provider quotes. Raises CallRefused (TaskNotFound), CallFailed (Throttled, TimestampRefused) or
    CredentialsRefused. Without an Error from the provider that is understood, the fate of the call is unknown,
    except after HTTP 429: CallFailed with `outcome_unknown`.
    """
    try:
        answer = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise _unreadable(status, "the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise _unreadable(status, "the answer is JSON, but not an object")
    metadata = answer.get("ResponseMetadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    request_id = _matching(_REQUEST_ID, metadata.get("RequestId"))
    error = metadata.get("Error")
    if error is not None:
        code = _matching(_CODE, error.get("Code")) if isinstance(error, dict) else None
        if code is None:
            raise _unreadable(status, "an Error without a Code", request_id)
        message = _presentable(error.get("Message"), secrets)
        meaning = _documented(code)
        if meaning is None:
            meaning = _classify_unknown(status, f"{code} {message}")
            message = f"{message} ({_UNKNOWN_CODE})"
        raise _error(meaning, _Facts(code, message, status, request_id))
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise _unreadable(status, _NO_SUCCESS, request_id)
    return answer.get("Result"), request_id


def _documented(code: str) -> _Meaning | None:
    if code == _TASK_NOT_FOUND:
        return _Meaning.TASK_NOT_FOUND
    return _BY_CLASS.get(code.partition(".")[0])


def _classify_unknown(status: int, said: str) -> _Meaning:
    """For a code that is not in the table; `said` is the code and the message."""
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _Meaning.CREDENTIALS
        case HTTPStatus.BAD_REQUEST if not _PARAMETER.search(said):
            # The event decides the parameters and nothing else: what remains is how this deployment asks.
            return _Meaning.CREDENTIALS
        case HTTPStatus.TOO_MANY_REQUESTS:
            return _Meaning.THROTTLED
        case HTTPStatus.REQUEST_TIMEOUT | HTTPStatus.GATEWAY_TIMEOUT:
            return _Meaning.FAILED_UNKNOWN
        case _ if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return _Meaning.REFUSED
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _Meaning.FAILED
        case _:
            # An HTTP 200 with an Error that nobody has heard of: not carried out, by the look of it; but
            # to give the event up, or to forget the call, takes more than a look.
            return _Meaning.FAILED_UNKNOWN


def _error(meaning: _Meaning, facts: _Facts) -> ApiError:
    code, message, status, request_id = facts.code, facts.message, facts.status, facts.request_id
    match meaning:
        case _Meaning.REFUSED:
            return CallRefused(code, message, status=status, request_id=request_id)
        case _Meaning.TASK_NOT_FOUND:
            return TaskNotFound(code, message, status=status, request_id=request_id)
        case _Meaning.CREDENTIALS:
            return CredentialsRefused(code, message, status=status, request_id=request_id)
        case _Meaning.TIMESTAMP:
            return TimestampRefused(code, message, status=status, request_id=request_id)
        case _Meaning.THROTTLED:
            return Throttled(code, message, status=status, request_id=request_id)
        case _Meaning.FAILED:
            return CallFailed(code, message, status=status, request_id=request_id)
        case _Meaning.FAILED_UNKNOWN:
            return CallFailed(code, message, status=status, request_id=request_id, outcome_unknown=True)
        case _:
            assert_never(meaning)


def _unreadable(status: int, message: str, request_id: str | None = None) -> CallFailed:
    # From a proxy, or from a server that broke off. Whoever answers 429 has not let the call in, and wants fewer.
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(LocalCode.MALFORMED_ANSWER, message, status=status, request_id=request_id)
    return CallFailed(LocalCode.MALFORMED_ANSWER, message, status=status, request_id=request_id, outcome_unknown=True)


def _matching(pattern: re.Pattern[str], text: object) -> str | None:
    return text if isinstance(text, str) and pattern.fullmatch(text) else None


def _presentable(message: object, secrets: Iterable[str]) -> str:
    """One printable line without secrets; redacted before it is cut, so that no part of one is left."""
    if not isinstance(message, str):
        return "(no message)"
    for secret in secrets:
        message = message.replace(secret, _REDACTED)
    message = _SIGNATURE.sub(_REDACTED, message)
    message = "".join(character if character.isprintable() else " " for character in message)
    return message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
