"""A deployment's function URL, asked with a proof of who asks."""

import argparse
import os
import re
from dataclasses import dataclass
from functools import cached_property
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session

from devkit.tuner.doctor.aws_cli import Stack
from devkit.tuner.exits import CommandFailed, Exit

_SECONDS = 30
_IN_HOST = re.compile(r"\.(?:lambda-url|execute-api)\.([a-z0-9-]+)\.")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Endpoint:
    """`token` goes before AWS's credentials."""

    address: str
    region: str | None
    token: str | None

    @property
    def is_local(self) -> bool:
        return urlsplit(self.address).hostname in _LOOPBACK

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """The status and the body of an answer, whatever it is.

        Raises URLError, OSError or ValueError where nobody answers, and BotoCoreError for credentials of no use.
        """
        address = f"{self.address.rstrip('/')}{path}"
        if urlsplit(address).scheme not in ("http", "https"):
            raise ValueError("it is no http:// or https:// address")
        headers = {"Content-Type": "application/json"}
        request = Request(address, body, headers | self._proof(method, address, body, headers), method=method)  # noqa: S310 - looked at above
        try:
            with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - its address was looked at above
                return int(answer.status), answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def _proof(self, method: str, address: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token}"}
        credentials, configured = self._aws
        if credentials is None:
            return {}
        found = _IN_HOST.search(address)
        region = self.region or (found[1] if found else None) or configured
        request = AWSRequest(method, address, data=body, headers=headers)
        SigV4Auth(credentials, "execute-api" if ".execute-api." in address else "lambda", region).add_auth(request)
        return dict(request.headers.items())

    @cached_property
    def _aws(self) -> tuple[Credentials | None, str | None]:
        """Its credentials and its region, as they are configured; asked for once."""
        session = Session()
        session.set_config_variable("metadata_service_timeout", 1)
        # On this machine nobody checks; to look for an instance's role would only take time.
        return None if self.is_local else session.get_credentials(), session.get_config_variable("region")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it is."""
    parser.add_argument("--url", metavar="URL", help="the function URL or API Gateway (default: the stack's)")
    parser.add_argument("--stack", metavar="NAME", help="the stack, whose outputs name the URL")
    parser.add_argument("--region", metavar="REGION", help="the stack's region (default: the AWS CLI's)")


def given(arguments: argparse.Namespace) -> tuple[Endpoint, Stack | None]:
    """Raises CommandFailed."""
    if arguments.url is None and arguments.stack is None:
        raise CommandFailed(Exit.USAGE, "say where: --url URL, or --stack NAME")
    stack = Stack(arguments.stack, arguments.region) if arguments.stack else None
    address = arguments.url or stack.outputs["HttpEndpointUrl"]  # type: ignore[union-attr] # one of the two is given
    return Endpoint(address, arguments.region, os.environ.get("TUNER_TOKEN") or None), stack
