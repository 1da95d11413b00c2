"""An HTTP request -> status and JSON body; the routes are in `routes`."""

from typing import Any

from http_endpoint import routes
from http_endpoint.request import Request
from snapshot_tuner import bootstrap
from snapshot_tuner.aws.invocation import Context


def lambda_handler(event: object, context: Context) -> dict[str, Any]:
    """An answer in the form of the front that the request came through.

    Raises WrongSource for what is no HTTP request, and nothing else.
    """
    request = Request.from_event(event)
    return request.response(routes.visit(request, context))


bootstrap.prepare()
