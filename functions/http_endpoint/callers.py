"""Who may come in, under which name, and what of the request the proof covers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from http_endpoint.answers import Problem, Refusal
from http_endpoint.request import Request
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.events import bearer_tokens, standard_webhooks
from snapshot_tuner.events.bearer_tokens import BearerToken
from snapshot_tuner.events.cloudevents_http import HEADER_PREFIX
from snapshot_tuner.events.standard_webhooks import SigningKey
from snapshot_tuner.settings import HttpAuth, Settings

IDEMPOTENCY_KEY: Final = "idempotency-key"

_CHALLENGE: Final = {"WWW-Authenticate": "StandardWebhooks, Bearer"}

_PARAMETER: Final = r';[ ]*[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[^"\\]|\\.)*"|[^;",\s]+))?'
_IN_QUOTES: Final = re.compile(rf'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"(?:{_PARAMETER})*')
_ESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has proved to be the sender, and what the proof says of the message.

    `name` is the scope of its keys. `sent_us`, microseconds since the epoch, stands in for the time of an event that
    has none. `key` names the event, whatever the event calls itself; `message_id` names one that has no other name.
    `has_token`: proved by a bearer token.
    """

    name: str
    sent_us: int
    key: str | None = None
    message_id: str | None = None
    has_token: bool = False


def identify_operator(request: Request, settings: Settings) -> str:
    """The name of the person who may set what events do not. Raises Refusal where nobody has proved to be one.

    With IAM it is whom it has checked, the session of a role by its own name; else a bearer token of OPERATOR_TOKENS
    is the only proof: a signature covers neither method nor path, and a sender of events is no operator.
    """
    match settings.http_auth:
        case HttpAuth.IAM:
            if request.identity is None:
                raise Refusal(Problem.UNAUTHENTICATED, _UNCHECKED, _AWS)
            return request.identity
        case HttpAuth.SIGNATURE:
            _, operators = _tokens(settings)
            operator = bearer_tokens.sender_of(operators, bearer_tokens.given(request.headers) or "")
            if operator is None:
                detail = "only a bearer token of OPERATOR_TOKENS may do this"
                raise Refusal(Problem.UNAUTHENTICATED, detail, {"WWW-Authenticate": "Bearer"})
            return operator
        case _:
            assert_never(settings.http_auth)


def identify_caller(request: Request, settings: Settings, *, only_looks: bool = False) -> Caller:
    """Raises Refusal where nobody has proved to be the sender, or, for one who `only_looks`, an operator.

    With IAM the request says whom Lambda, or API Gateway, has checked; a URL that was opened by hand lets in
    requests that say nothing. Otherwise the signature proves the body, and the id and time of the message, but no
    other header. So an event has to be all in the body, and its key and time come from what is signed, the same way
    each time: what is in other headers could be changed on the way, and a replay be passed off as new. A bearer token
    proves the sender, who is believed all of the request.
    """
    match settings.http_auth:
        case HttpAuth.IAM:
            if request.principal is None:
                raise Refusal(Problem.UNAUTHENTICATED, _UNCHECKED, _AWS)
            webhook_id = request.headers.get(standard_webhooks.ID_HEADER)
            return Caller(request.principal, request.received_us, _key(request.headers), webhook_id)
        case HttpAuth.SIGNATURE:
            (senders, operators), keys = _tokens(settings), _keys(settings)
            presented = bearer_tokens.given(request.headers)
            if presented is not None:
                sender = bearer_tokens.sender_of([*senders, *operators] if only_looks else senders, presented)
                if sender is None:
                    where = "WEBHOOK_TOKENS or OPERATOR_TOKENS" if only_looks else "WEBHOOK_TOKENS"
                    raise Refusal(Problem.UNAUTHENTICATED, f"the bearer token is none of {where}", _CHALLENGE)
                webhook_id = request.headers.get(standard_webhooks.ID_HEADER)
                return Caller(sender, request.received_us, _key(request.headers), webhook_id, has_token=True)
            now = SystemClock().wall_us() / 1e6
            proof = standard_webhooks.verify(keys, request.headers, request.body or b"", now)
            if proof is None or request.body is None:
                detail = (
                    "webhook-id, webhook-timestamp and webhook-signature must prove the body (Standard Webhooks), "
                    "or a bearer token the sender"
                )
                raise Refusal(Problem.UNAUTHENTICATED, detail, _CHALLENGE)
            _check_unsigned(request.headers, proof.message_id)
            return Caller(proof.sender, proof.sent_us, message_id=proof.message_id)
        case _:
            assert_never(settings.http_auth)


_AWS: Final = {"WWW-Authenticate": "AWS4-HMAC-SHA256"}
_UNCHECKED: Final = "IAM has not checked the caller of this request"


def _check_unsigned(headers: Mapping[str, str], message_id: str) -> None:
    if any(name.startswith(HEADER_PREFIX) for name in headers):
        detail = "ce- headers are not covered by the signature: send the event in structured mode"
        raise Refusal(Problem.UNAUTHENTICATED, detail, _CHALLENGE)
    if (_key(headers) or message_id) != message_id:
        detail = "Idempotency-Key is not covered by the signature: leave it out, or repeat webhook-id"
        raise Refusal(Problem.UNAUTHENTICATED, detail, _CHALLENGE)


def _key(headers: Mapping[str, str]) -> str | None:
    """The Idempotency-Key (IETF draft: a structured field's string, RFC 8941); many senders leave the quotes out.

    Raises Refusal for one that is neither, such as two of them, which the front has joined.
    """
    text = headers.get(IDEMPOTENCY_KEY, "").strip()
    if quoted := _IN_QUOTES.fullmatch(text):
        return _ESCAPED.sub(r"\1", quoted[1]) or None
    if '"' in text or "," in text:
        raise Refusal(Problem.MALFORMED, "Idempotency-Key: must be one string in quotes (RFC 8941, 3.3.3)")
    return text or None


def _keys(settings: Settings) -> list[SigningKey]:
    try:
        return [SigningKey.parse(text) for text in settings.webhook_secrets]
    except ValueError as error:
        raise SettingsError("WEBHOOK_SECRETS", f"each secret {error}") from None


def _tokens(settings: Settings) -> tuple[list[BearerToken], list[BearerToken]]:
    """Those of senders, and those of operators."""
    senders = _parsed("WEBHOOK_TOKENS", settings.webhook_tokens)
    operators = _parsed("OPERATOR_TOKENS", settings.operator_tokens)
    if not {each.token for each in senders}.isdisjoint(each.token for each in operators):
        raise SettingsError("OPERATOR_TOKENS", "must have no token of WEBHOOK_TOKENS: who sends events is no operator")
    return senders, operators


def _parsed(variable: str, texts: Sequence[str]) -> list[BearerToken]:
    try:
        return [BearerToken.parse(text) for text in texts]
    except ValueError as error:
        raise SettingsError(variable, f"each token {error}") from None
