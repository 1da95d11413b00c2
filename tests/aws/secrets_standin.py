"""A stand-in for the Parameters and Secrets extension of Lambda: a real HTTP server on a free loopback port."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.aws.answers import serving_answers

TOKEN = "the-session-token"


def arn(name: str) -> str:
    return f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-a1b2c3"


@dataclass
class SecretsStandIn:
    """Its secrets, by ARN, and parameters, by name, can be changed at any time; `asked` are those of the requests.

    `answers` are given first, one to a request: a status and a body, or None to be silent until the end.
    """

    port: int = 0
    secrets: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[int, bytes] | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def environment(self) -> Mapping[str, str]:
        return {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(self.port), "AWS_SESSION_TOKEN": TOKEN}

    def answer(self, path: str, token: str | None) -> tuple[int, bytes] | None:
        parts = urlsplit(path)
        ((asked,),) = parse_qs(parts.query).values()
        self.asked.append(asked)
        if self.answers:
            return self.answers.pop(0)
        if token != TOKEN:
            return 401, b"bad session token or header key"
        if parts.path == "/systemsmanager/parameters/get" and asked in self.parameters:
            parameter = {"Name": asked, "Type": "String", "Value": self.parameters[asked], "Version": 1}
            return 200, json.dumps({"Parameter": parameter}).encode()
        if parts.path != "/secretsmanager/get" or asked not in self.secrets:
            return 400, b"an error of Secrets Manager"
        return 200, json.dumps({"ARN": asked, "Name": "a secret", "SecretString": self.secrets[asked]}).encode()


@contextmanager
def running() -> Iterator[SecretsStandIn]:
    stand_in = SecretsStandIn()
    with serving_answers(stand_in.answer, "X-Aws-Parameters-Secrets-Token", stand_in.over) as stand_in.port:
        yield stand_in
