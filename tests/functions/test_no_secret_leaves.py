"""A secret is planted in every setting: it is in no log line, no answer and no traceback, whatever goes wrong."""

import json
import socketserver
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bus_listener.handler import lambda_handler as bus_listener
from devkit.serving import LOOPBACK, serving
from queue_worker.handler import lambda_handler as queue_worker
from reconciler.handler import lambda_handler as reconciler
from snapshot_tuner import bootstrap
from snapshot_tuner.settings import VARIABLES
from tests.effort import EFFORT
from tests.functions.conftest import TASK, Deployment
from tests.functions.http_sender import RTC_SECRET, SECRET, callback, send, signed
from tests.logged_lines import captured

PLANTED = "hunter2"
OF_THE_SDK = ("VOLCENGINE_ACCESS_KEY", "VOLCENGINE_SECRET_KEY", "VOLCENGINE_SESSION_TOKEN")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
ARNS = (
    "LEDGER_URL_SECRET_ARN",
    "CREDENTIALS_SECRET_ARN",
    "WEBHOOK_SECRETS_ARN",
    "WEBHOOK_TOKENS_ARN",
    "OPERATOR_TOKENS_ARN",
    "RTC_CALLBACK_SECRETS_ARN",
)

VALUES = [
    PLANTED,
    f"{PLANTED}\n\x00",
    f"redis://user:{PLANTED}[@127.0.0.1:1/0",
    f"redis://user:[{PLANTED}]@127.0.0.1:1/0",
    f"redis://user:{PLANTED}\u2100@127.0.0.1:1/0",
    f"redis://user:1/{PLANTED}@127.0.0.1:1/0",
    f"redis://user:1?{PLANTED}@127.0.0.1:1/0",
    f"redis://user:1?{PLANTED}=x@127.0.0.1:1/0",
    f"redis://user:1#{PLANTED}@127.0.0.1:1/0",
    f"redis://user:{PLANTED}@127.0.0.1:port/0",
    f"redis://user:{PLANTED}@127.0.0.1:1/database",
    f"redis://user:{PLANTED}@127.0.0.1:1/0",
    f"rediss://user:p%40{PLANTED}@127.0.0.1:1/0?{PLANTED}=1",
    f"sqlite://{PLANTED}/ledger.db",
    f"http://user:{PLANTED}@127.0.0.1:1",
    f"http://user:{PLANTED}[@127.0.0.1:1",
    f"https://127.0.0.1/{PLANTED}",
    f"whsec_{PLANTED}",
    f"{SECRET},a b:{PLANTED}",
]


def everything_told(deployment: Deployment) -> tuple[str, str]:
    """The answers over HTTP; and with them the log, and the tracebacks of the functions that raise."""
    body = deployment.event()
    inside: list[str] = []
    with captured(bootstrap.logger()) as out:
        answers = [
            send(deployment, "POST", "/events", body, signed(body)).text,
            send(deployment, "POST", "/explain", body, signed(body)).text,
            send(deployment, "POST", "/callbacks/rtc", callback(deployment, {})).text,
            send(deployment, "GET", f"/tasks/{TASK.app_id}/{TASK.room_id}/{TASK.task_id}", b"", signed()).text,
            send(deployment, "GET", "/health").text,
        ]
        for handler, event in (
            (queue_worker, {"Records": [deployment.record("m", body)]}),
            (bus_listener, body),
            (reconciler, {}),
        ):
            try:
                handler(event, deployment.context)
            except Exception as error:  # noqa: BLE001 - the runtime prints whatever it is
                inside.append("".join(traceback.format_exception(error)))
        inside.append(out.getvalue())
    return "".join(answers), "".join([*answers, *inside])


@pytest.fixture
def chatty(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment that has every kind of secret."""
    monkeypatch.setenv("WEBHOOK_SECRETS", SECRET)
    monkeypatch.setenv("RTC_CALLBACK_SECRETS", RTC_SECRET)
    return deployment


SETTINGS = (*VARIABLES, *OF_THE_SDK, *PROXIES, *ARNS)
OF_CALLERS = [name for name in SETTINGS if name.startswith(("WEBHOOK_", "OPERATOR_"))]
"""Those whose use HTTP_AUTH decides about."""
BY_IAM = SETTINGS if EFFORT > 1 else OF_CALLERS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "auth"), [*((name, "signature") for name in SETTINGS), *((name, "iam") for name in BY_IAM)]
)
def test_a_secret_in_any_setting_stays_there(
    chatty: Deployment, monkeypatch: pytest.MonkeyPatch, variable: str, auth: str
) -> None:
    """Well-formed or not. Only the path of the policy is told as it is, and that in the log alone."""
    monkeypatch.setenv("HTTP_AUTH", auth)
    if variable in PROXIES:
        monkeypatch.setenv("RTC_ENDPOINT", "http://rtc.invalid" if variable == "HTTP_PROXY" else "https://rtc.invalid")
    for value in VALUES:
        try:
            monkeypatch.setenv(variable, value)
        except ValueError:  # no environment holds a NUL
            continue
        answers, told = everything_told(chatty)
        assert PLANTED not in answers, value
        assert PLANTED not in told or variable == "POLICY_PATH", value


class _Refusing(socketserver.StreamRequestHandler):
    """A store that names its user and repeats what it was told."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            for _ in range(int(line[1:]) if line[:1] == b"*" else 0):
                size = int(self.rfile.readline()[1:])
                self.rfile.read(size + 2)
            self.wfile.write(f"-NOPERM User aclname with {PLANTED} may not run this\r\n".encode() * 2)


@contextmanager
def refusing_store() -> Iterator[int]:
    server = socketserver.ThreadingTCPServer((LOOPBACK, 0), _Refusing)
    server.daemon_threads = True
    with serving(server):
        yield server.server_address[1]


@pytest.mark.parametrize("refuses", [True, False])
def test_senders_hear_nothing_of_the_store(
    chatty: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    refuses: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Neither its host nor its user; the log has both, and not the password."""
    with refusing_store() as port:
        address = f"127.0.0.1:{port if refuses else 1}"
        monkeypatch.setenv("LEDGER_URL", f"redis://aclname:{PLANTED}@{address}/0")
        answers, told = everything_told(chatty)
        assert "the ledger does not answer" in answers
        for hidden in (PLANTED, "aclname", "127.0.0.1", str(port), "NOPERM"):
            assert hidden not in answers
        assert address in told
        assert PLANTED not in told
        bootstrap.close()


def test_senders_hear_nothing_of_the_proxy(chatty: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its host is where a network begins, its user and password are nobody's business; what failed is told."""
    monkeypatch.setenv("RTC_ENDPOINT", "http://rtc.invalid")
    monkeypatch.setenv("HTTP_PROXY", f"http://user:{PLANTED}@127.0.0.1:1")
    answers, told = everything_told(chatty)
    assert "ConnectFailed" in json.loads(answers[: answers.index("}{") + 1])["detail"]
    assert "127.0.0.1" not in answers
    assert PLANTED not in told
