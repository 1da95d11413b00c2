"""Function URL -> status and JSON body. `POST /events` takes one CloudEvent in structured mode."""

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent

from http_endpoint import answers
from http_endpoint.answers import Answer
from snapshot_tuner import bootstrap, signals
from snapshot_tuner.errors import EventRejected, FixDeployment, PolicyError, SettingsError
from snapshot_tuner.invocation import Context, deadline, read_each
from snapshot_tuner.model import Signal
from snapshot_tuner.strict_json import MAX_BODY_BYTES

_JSON_TYPES = ("application/cloudevents+json", "application/json")


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """An answer in the Function URL's payload format 2.0; nothing raises out of it."""
    return _app().resolve(event, context)  # type: ignore[arg-type] # its type asks for more of the context than is used


@lru_cache(maxsize=1)
def _app() -> LambdaFunctionUrlResolver:
    app = LambdaFunctionUrlResolver()

    @app.post("/events")
    def post_events() -> Response[str]:
        return _response(_post_event(app.current_event, app.lambda_context))

    @app.not_found
    def not_found(_: Exception) -> Response[str]:
        return _response(answers.problem(404, "no_such_route", "There is no such route", "POST /events is there"))

    @app.exception_handler(FixDeployment)  # type: ignore[untyped-decorator] # it has no types of its own
    def wrong_deployment(error: FixDeployment) -> Response[str]:
        bootstrap.logger().error("deployment_wrong", error=str(error))
        return _response(answers.problem(500, "deployment", "The deployment is not right", _public_detail(error)))

    return app


def _post_event(event: LambdaFunctionUrlEvent, context: Context) -> Answer:
    tuner = bootstrap.tuner()
    content_type = (event.headers.get("content-type") or _JSON_TYPES[0]).split(";")[0].strip().lower()
    if content_type not in _JSON_TYPES:
        detail = f"Content-Type must be {' or '.join(_JSON_TYPES)}"
        return answers.problem(415, "content_type", "The content type is not supported", detail)
    body = _body(event)
    if body is not None and len(body) > MAX_BODY_BYTES:
        return answers.problem(413, "too_large", "The body is too large", f"at most {MAX_BODY_BYTES} bytes")
    (outcomes,) = tuner.process(read_each([event], _signal), deadline(context))
    return answers.of_outcomes(outcomes)


def _signal(event: LambdaFunctionUrlEvent) -> Signal:
    body = _body(event)
    if body is None:
        raise EventRejected("body", "is not valid Base64, though isBase64Encoded says so")
    return signals.from_body(body, sent_us=event.request_context.time_epoch * 1000)


def _body(event: LambdaFunctionUrlEvent) -> bytes | None:
    """The bytes that were sent; None where they cannot be told."""
    text = event.body or ""
    if not event.is_base64_encoded:
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _public_detail(error: FixDeployment) -> str:
    # A file's path or a URL with a password stays in the log.
    match error:
        case SettingsError(variable=variable):
            return f"{variable} is missing or malformed; the function's log says more"
        case PolicyError(problems=problems):
            return "; ".join(problems)
        case _:
            return "the function's log says more"


def _response(answer: Answer) -> Response[str]:
    headers = {"Retry-After": str(answer.retry_after_seconds)} if answer.retry_after_seconds else {}
    return Response(answer.status, answer.content_type, answer.body, headers)
