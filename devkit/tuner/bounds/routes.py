"""The routes of tasks and their bounds, as a person's command asks them."""

import json
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError

from devkit.tuner.doctor.endpoint import Endpoint
from devkit.tuner.exits import CommandFailed, Exit

_PAGE = 200
_ATTEMPTS = 4
_WAIT_SECONDS = 1.0
_AGAIN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
_OF_ONE_TASK = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, *_AGAIN)


class Task(NamedTuple):
    """As the provider names it."""

    app: str
    room: str
    task: str

    def __str__(self) -> str:
        return "/".join(self)

    @property
    def path(self) -> str:
        return "/tasks/" + "/".join(quote(part, safe="") for part in self)

    def as_json(self) -> dict[str, str]:
        return {"AppId": self.app, "RoomId": self.room, "TaskId": self.task}


class EndpointAnswer(NamedTuple):
    """A status, and the document that came with it."""

    status: int
    body: dict[str, Any]

    @property
    def problem(self) -> str:
        """In words."""
        title = str(self.body.get("title") or self.body.get("Message") or f"HTTP {self.status}")
        return f"{title}: {self.body['detail']}" if "detail" in self.body else title


def tasks(endpoint: Endpoint, filters: dict[str, str], found: Callable[[int], None]) -> list[Task]:
    """All of them, page by page; `found` receives how many so far. Raises CommandFailed."""
    known: dict[Task, None] = {}
    for page in _pages(endpoint, filters):
        # What changes its interval meanwhile comes twice.
        known |= {Task(*(each["task"][name] for name in ("AppId", "RoomId", "TaskId"))): None for each in page}
        found(len(known))
    return [*known]


def ask_about(endpoint: Endpoint, method: str, path: str, body: object = None) -> EndpointAnswer:
    """The answer for one task. Raises CommandFailed for an answer that any task would get."""
    answer = _ask(endpoint, method, path, body)
    if answer.status >= HTTPStatus.BAD_REQUEST and answer.status not in _OF_ONE_TASK:
        is_wrong = answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
        raise CommandFailed(Exit.USAGE if is_wrong else Exit.FAILED, _with_advice(answer), status=answer.status)
    return answer


def _pages(endpoint: Endpoint, filters: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
    after: dict[str, str] = {}
    while True:
        answer = _ask(endpoint, "GET", f"/tasks?{urlencode({**filters, 'limit': _PAGE, **after})}")
        if answer.status != HTTPStatus.OK:
            raise CommandFailed(Exit.FAILED, _with_advice(answer), status=answer.status)
        yield answer.body["tasks"]
        if "next" not in answer.body:
            return
        after = {"after": answer.body["next"]}


def _ask(endpoint: Endpoint, method: str, path: str, body: object = None) -> EndpointAnswer:
    """Again, a few times, where that can help: every question here may be repeated."""
    sent = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            status, text = endpoint.ask(method, path, sent)
        except BotoCoreError as error:
            raise CommandFailed(Exit.FAILED, f"AWS's credentials cannot be used: {error}") from None
        except (URLError, OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            raise CommandFailed(Exit.FAILED, f"{endpoint.address} cannot be reached: {why}") from None
        answer = EndpointAnswer(status, _document(text))
        if status not in _AGAIN or attempt == _ATTEMPTS:
            break
        time.sleep(_WAIT_SECONDS * attempt)
    return answer


def _document(text: bytes) -> dict[str, Any]:
    try:
        value: Any = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _with_advice(answer: EndpointAnswer) -> str:
    match answer.status:
        case HTTPStatus.UNAUTHORIZED:
            return (
                f"{answer.problem}\nwith HTTP_AUTH=iam give AWS credentials; with signature set TUNER_TOKEN to one of "
                "OPERATOR_TOKENS"
            )
        case HTTPStatus.FORBIDDEN:
            return "AWS does not let you in: it takes lambda:InvokeFunctionUrl and lambda:InvokeFunction"
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            return f"{answer.problem}\nsee whether it is the URL of this application, of this version"
        case _:
            return answer.problem
