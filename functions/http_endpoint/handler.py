"""Function URL -> status and JSON body; the routes are in `routes`."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from http_endpoint import answers, routes
from http_endpoint.answers import Answer, Problem
from http_endpoint.routes import ROUTES, Route
from snapshot_tuner.aws.invocation import Context

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"]
"""All that there are: a route says itself which of them it takes."""


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """An answer in the Function URL's payload format 2.0; nothing raises out of it."""
    return _app().resolve(event, context)  # type: ignore[arg-type] # its type asks for more of the context than is used


@lru_cache(maxsize=1)
def _app() -> "LambdaFunctionUrlResolver":
    # Here, as Powertools looks for botocore when it is imported, and Lambda's own Python has it.
    from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver  # noqa: PLC0415 - see above

    # Its own debugging would print events and send tracebacks.
    app = LambdaFunctionUrlResolver(debug=False)
    for path, by_method in ROUTES.items():
        app.route(path, method=_METHODS)(_resolved(app, by_method))

    @app.not_found
    def not_found(_: Exception) -> "Response[str]":
        return _response(answers.from_problem(Problem.NO_SUCH_ROUTE, "GET /openapi.json lists the routes"))

    return app


def _resolved(app: "LambdaFunctionUrlResolver", by_method: Mapping[str, Route]) -> "Callable[..., Response[str]]":
    def route(**names: str) -> "Response[str]":
        return _response(routes.visit(by_method, app.current_event.raw_event, app.lambda_context, names))

    return route


def _response(answer: Answer) -> "Response[str]":
    from aws_lambda_powertools.event_handler import Response  # noqa: PLC0415 - as above

    retry = {"Retry-After": str(answer.retry_after_seconds)} if answer.retry_after_seconds else {}
    return Response(answer.status, answer.content_type, answer.body, {**answer.headers, **retry})
