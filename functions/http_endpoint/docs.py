"""The description of the routes: for machines openapi.json, for people Swagger UI, in a page that needs no network."""

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from http_endpoint.answers import JSON, Answer, Problem, Refusal
from snapshot_tuner.version import VERSION

_OPENAPI: Final = Path(__file__).with_name("openapi.json")

_HEADERS: Final = {
    # All it needs is in the page; what it may reach is the endpoint itself, to try a route.
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def document() -> Answer:
    """OpenAPI 3.1, written by hand; the tests hold it to the routes, to what they answer, and to every enumeration."""
    return Answer(200, JSON, _OPENAPI.read_text("utf-8").replace('"VERSION"', f'"{VERSION}"', 1))


def page() -> Answer:
    """The page, 1.6 MB, Powertools' own; built when it is asked for. Raises Refusal where they are not deployed."""
    if find_spec("aws_lambda_powertools") is None:
        raise Refusal(Problem.NO_SUCH_ROUTE, "this deployment has no page: GET /openapi.json has all of it")
    # Here, as Powertools looks for botocore when it is imported, and Lambda's own Python has it.
    from aws_lambda_powertools.event_handler.openapi import swagger_ui  # noqa: PLC0415 - see above

    bundled = files(swagger_ui)
    html = swagger_ui.generate_swagger_html(
        spec=document().body.replace("</", "<\\/"),
        swagger_js=bundled.joinpath("swagger-ui-bundle.min.js").read_text("utf-8"),
        swagger_css=bundled.joinpath("swagger-ui.min.css").read_text("utf-8"),
        swagger_base_url="",
        oauth2_config=None,
    )
    return Answer(200, "text/html", html, headers=_HEADERS)
