"""VEFAAS_TAKES=http: the same routes as on Lambda; no header of the platform opens another door."""

from http_endpoint import routes
from http_endpoint.request import Request, query_of
from snapshot_tuner.clock import SystemClock
from vefaas.requests import Incoming, Outgoing


def answer(incoming: Incoming) -> Outgoing:
    """Whatever goes wrong is an answer."""
    request = Request(
        method=incoming.method.upper(),
        path=tuple(part for part in incoming.path.split("/") if part),
        stage=None,
        headers=incoming.headers,
        body=incoming.body,
        identity=None,
        received_us=SystemClock().wall_us(),
        request_id=incoming.headers.get("x-faas-request-id"),
        query=query_of(incoming.query),
    )
    response = request.response(routes.visit(request, incoming))
    return Outgoing(response["statusCode"], response["body"].encode(), response["headers"])
