"""One request, and the answer to it, in the form of the front that the request came through.

Fronts: function URLs and API Gateway HTTP APIs (payload format 2.0, which has `requestContext.http`); API Gateway
REST APIs, format 1.0 and Application Load Balancers (`httpMethod`, and headers perhaps as lists). Source: AWS Lambda
Developer Guide, "Using AWS Lambda with other services".
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote_plus

from http_endpoint.answers import Answer
from snapshot_tuner.aws import sources
from snapshot_tuner.aws.invocation import Context
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import WrongSource

_MOST_IDENTITY_CHARACTERS: Final = 1024
_NOTHING: Final[Mapping[str, Any]] = {}
_PARAMETERS_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Request:
    """What was sent, by whom, and when.

    Header names are in small letters; of a repeated header the values are joined with commas. `path` is its parts, as
    they were sent: doubled slashes and one at the end make none. `stage` is the one of API Gateway that may be the
    first of them. `body` is the bytes that were sent, None where the event does not say which. `identity` is whom
    IAM has checked, the session of a role with its own name; None where it has checked nobody. `received_us` is
    microseconds since the Unix epoch, on the front's clock, and `request_id` its name for the request. `front_is_known`
    is False for a front whose requests are recognised, and not taken. `query` has the values of each name.
    """

    method: str
    path: tuple[str, ...]
    stage: str | None
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    identity: str | None
    received_us: int
    request_id: str | None = None
    wants_lists_of_headers: bool = False
    front_is_known: bool = True
    query: Mapping[str, list[str]] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def from_event(cls, event: object) -> Self:
        """Raises WrongSource for an event that is no request: to an answer nobody would listen."""
        if not isinstance(event, Mapping) or not sources.is_request(event):
            raise WrongSource("http_endpoint", "HTTP requests", sources.source_of(event))
        context = _object(event.get("requestContext"))
        http = _object(context.get("http"))
        headers, lists = _object(event.get("headers")), _object(event.get("multiValueHeaders"))
        stage = context.get("stage")
        return cls(
            method=str(http.get("method") or event.get("httpMethod") or event.get("method")).upper(),
            path=tuple(part for part in str(event.get("rawPath") or event.get("path")).split("/") if part),
            stage=stage if isinstance(stage, str) else None,
            headers=_joined(lists) if lists else _texts(headers),
            body=_body(event.get("body"), is_base64=bool(event.get("isBase64Encoded"))),
            identity=_identity(context),
            received_us=_received_us(context),
            request_id=request_id if isinstance(request_id := context.get("requestId"), str) else None,
            wants_lists_of_headers=bool(lists) and not headers,
            front_is_known="httpMethod" in event or bool(http),
            query=query_of(event["rawQueryString"]) if "rawQueryString" in event else _query_lists(event),
        )

    @property
    def principal(self) -> str | None:
        """The user, role or account: without a session's name, as the next session of the role is the same caller."""
        identity = self.identity
        return identity.rpartition("/")[0] if identity is not None and ":assumed-role/" in identity else identity

    def response(self, answer: Answer) -> dict[str, Any]:
        """What Lambda hands to the front."""
        headers = {"Content-Type": answer.content_type, **answer.headers}
        if answer.retry_after_seconds:
            headers["Retry-After"] = str(answer.retry_after_seconds)
        # A load balancer that sends lists of headers reads nothing else.
        named: dict[str, Any] = (
            {"multiValueHeaders": {name: [value] for name, value in headers.items()}}
            if self.wants_lists_of_headers
            else {"headers": headers}
        )
        body = "" if self.method == "HEAD" else answer.body
        return {"statusCode": answer.status, **named, "body": body, "isBase64Encoded": False}


@dataclass(frozen=True, slots=True)
class Visit:
    """A request on its route; `names` are what the path says."""

    request: Request
    context: Context
    names: Mapping[str, str]


def query_of(text: object) -> dict[str, list[str]]:
    """The values of each name in the part of a URL behind its question mark; of one that nobody means, nothing."""
    try:
        return parse_qs(str(text), keep_blank_values=True, max_num_fields=_PARAMETERS_MOST)
    except ValueError:
        return {"": []}


def _query_lists(event: Mapping[str, Any]) -> dict[str, list[str]]:
    """A load balancer leaves names and values as they were sent, in lists perhaps; API Gateway reads them."""
    lists, single = _object(event.get("multiValueQueryStringParameters")), _object(event.get("queryStringParameters"))
    given = lists or {name: [value] for name, value in single.items()}
    return {
        unquote_plus(name): [unquote_plus(value) for value in values if isinstance(value, str)]
        for name, values in given.items()
        if isinstance(values, list)
    }


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _NOTHING


def _texts(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}


def _joined(lists: Mapping[str, Any]) -> dict[str, str]:
    return {
        name.lower(): ",".join(values)
        for name, values in lists.items()
        if isinstance(values, list) and all(isinstance(value, str) for value in values)
    }


def _body(text: object, *, is_base64: bool) -> bytes | None:
    if not text:
        return b""
    if not isinstance(text, str):
        return None
    if not is_base64:
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _received_us(context: Mapping[str, Any]) -> int:
    milliseconds = context.get("timeEpoch") or context.get("requestTimeEpoch")
    # A load balancer does not say.
    return milliseconds * 1000 if isinstance(milliseconds, int) else SystemClock().wall_us()


def _identity(context: Mapping[str, Any]) -> str | None:
    """The ARN of the user, or of the role's session, that IAM has checked; else the account."""
    match context:
        case {"authorizer": {"iam": {"userArn": str(arn)}}} | {"identity": {"userArn": str(arn)}} if _is_name(arn):
            return arn
        case {"authorizer": {"iam": {"accountId": str(account)}}} if account.isalnum():
            return account
        case _:
            return None


def _is_name(arn: str) -> bool:
    return 0 < len(arn) <= _MOST_IDENTITY_CHARACTERS and arn.isprintable()
