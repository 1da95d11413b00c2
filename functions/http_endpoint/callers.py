"""Who may come in, and under which name: the scope of a caller's idempotency keys."""

from collections.abc import Mapping
from typing import Final, assert_never

from http_endpoint.answers import Problem, Refusal
from http_endpoint.request import Request
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.events import standard_webhooks
from snapshot_tuner.events.cloudevents_http import HEADER_PREFIX
from snapshot_tuner.events.standard_webhooks import SigningKey
from snapshot_tuner.settings import HttpAuth, Settings

IDEMPOTENCY_KEY: Final = "idempotency-key"

_CHECKED_BY_LAMBDA: Final = "iam"
"""A caller whose name Lambda does not say: the function URL's only one, as far as anybody can tell."""

_CHALLENGE: Final = {"WWW-Authenticate": "StandardWebhooks"}


def check_size(request: Request, settings: Settings) -> None:
    """Raises Refusal for a body beyond the limit, before anything is done with it."""
    if request.body is not None and len(request.body) > settings.http_max_body_bytes:
        raise Refusal(Problem.TOO_LARGE, f"a body has at most {settings.http_max_body_bytes} bytes")


def identify_caller(request: Request, settings: Settings) -> str:
    """The name of whoever has proved to be the sender; raises Refusal where nobody has.

    With IAM, Lambda lets in nobody who has not. Otherwise the signature proves the body, and the id and time of
    the message, but no other header. So an event has to be all in the body: one whose attributes, or whose key,
    are in headers could be changed on the way, and a replay be passed off as new.
    """
    match settings.http_auth:
        case HttpAuth.IAM:
            return request.principal or _CHECKED_BY_LAMBDA
        case HttpAuth.SIGNATURE:
            keys = _keys(settings)
            now = SystemClock().wall_us() / 1e6
            sender = standard_webhooks.identify_sender(keys, request.headers, request.body or b"", now)
            if sender is None or request.body is None:
                detail = "webhook-id, webhook-timestamp and webhook-signature must prove the body (Standard Webhooks)"
                raise Refusal(Problem.UNAUTHENTICATED, detail, _CHALLENGE)
            _check_unsigned(request.headers)
            return sender
        case _:
            assert_never(settings.http_auth)


def _check_unsigned(headers: Mapping[str, str]) -> None:
    if any(name.startswith(HEADER_PREFIX) for name in headers):
        detail = "ce- headers are not covered by the signature: send the event in structured mode"
        raise Refusal(Problem.UNAUTHENTICATED, detail, _CHALLENGE)
    if headers.get(IDEMPOTENCY_KEY, headers[standard_webhooks.ID_HEADER]) != headers[standard_webhooks.ID_HEADER]:
        detail = "Idempotency-Key is not covered by the signature: leave it out, or repeat webhook-id"
        raise Refusal(Problem.UNAUTHENTICATED, detail, _CHALLENGE)


def _keys(settings: Settings) -> list[SigningKey]:
    try:
        return [SigningKey.parse(text) for text in settings.webhook_secrets]
    except ValueError as error:
        raise SettingsError("WEBHOOK_SECRETS", f"each secret {error}") from None
