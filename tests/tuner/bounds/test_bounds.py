"""`./tuner bounds` over HTTP against the real handler: what it sets, clears and lists, and what it says."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO

import pytest

from devkit.local_runtime.function_url import HttpRequest, to_event
from devkit.rtc_standin import Fault, FaultKind, ProviderError
from devkit.tuner.__main__ import main
from devkit.tuner.bounds import routes
from devkit.tuner.doctor.endpoint import Endpoint
from devkit.tuner.exits import Exit
from http_endpoint import handler as http_endpoint
from snapshot_tuner import bootstrap
from snapshot_tuner.model import TaskRef
from tests.functions.conftest import Deployment, deployment, environment
from tests.logged_lines import captured

__all__ = ["deployment", "environment"]

TOKEN = "operators-token-of-24-characters"
ONE = ["--app", "app", "--room", "room-1", "--task", "task"]
WANTED = ["--max", "5", "--for", "30m", "--reason", "incident 4711"]


@pytest.fixture
def url(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The handler behind a server of this machine; one request at a time, as one container has it."""
    turn = threading.Lock()
    monkeypatch.setattr(routes, "_WAIT_SECONDS", 0.01)

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = HttpRequest(self.command, self.path, [*self.headers.items()], body, "127.0.0.1")
            with turn:
                answer = http_endpoint.lambda_handler(to_event(request, datetime.now(UTC)), deployment.context)
            self.send_response(answer["statusCode"])
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        do_GET = do_PUT = do_DELETE = handle_request  # noqa: N815 - as the standard library calls them

        def log_message(self, *_: object) -> None:
            """Not on the screen."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with captured(bootstrap.logger()):
            yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def three_tasks(deployment: Deployment) -> list[TaskRef]:
    tasks = [TaskRef("app", f"room-{number}", "task") for number in (1, 1, 2)]
    tasks[1] = tasks[1]._replace(task_id="other")
    deployment.queue(*(deployment.event(f"e-{number}", task=task) for number, task in enumerate(tasks)))
    return tasks


def test_one_task_is_set_listed_and_cleared(
    deployment: Deployment, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for what came of it, with whose were replaced."""
    deployment.queue(deployment.event())
    assert main(["bounds", "set", "--url", url, *ONE, *WANTED]) == Exit.FINE
    told = capsys.readouterr()
    assert told.out.startswith("app/room-1/task  up to 5 s until 20")
    assert told.out.rstrip().endswith("by arn:aws:iam::123456789012:user/local (incident 4711); set to 5 s")
    assert told.err == "1 confirmed\n"
    assert deployment.stands_at() == 5
    assert main(["bounds", "list", "--url", url]) == Exit.FINE
    assert capsys.readouterr().out.rstrip().endswith("(incident 4711); at 5 s")
    assert main(["bounds", "clear", "--url", url, *ONE]) == Exit.FINE
    said = capsys.readouterr().out
    assert said.startswith("app/room-1/task  no bounds; set to 20 s; before: up to 5 s until 20")
    assert deployment.stands_at() == 20


def test_a_room_is_gone_through_task_by_task(
    deployment: Deployment, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pages it takes; nothing is changed without a word where more than one task would be."""
    monkeypatch.setattr(routes, "_PAGE", 1)
    first, second, other = three_tasks(deployment)
    words = ["bounds", "set", "--url", url, "--app", "app", "--room", "room-1", *WANTED]
    for answer in ("", "no\n"):
        monkeypatch.setattr("sys.stdin", StringIO(answer))
        assert main(words) == Exit.FAILED
        told = capsys.readouterr()
        assert "Set the bounds of 2 tasks? Type yes:\nnothing was changed\n" in told.err
    assert deployment.stands_at(first) == 20
    assert main([*words, "--yes", "--json"]) == Exit.FINE
    told = json.loads(capsys.readouterr().out)
    assert (told["confirmed"], told["pending"], told["failed"]) == (2, 0, 0)
    assert {each["task"]["TaskId"]: each["reason"] for each in told["tasks"]} == dict.fromkeys(
        ("task", "other"), "set to 5 s"
    )
    assert [deployment.stands_at(task) for task in (first, second, other)] == [5, 5, 20]
    assert main(["bounds", "list", "--url", url, "--json"]) == Exit.FINE
    listed = json.loads(capsys.readouterr().out)["tasks"]
    assert {(each["task"]["TaskId"], each["bounds"]["max"]) for each in listed} == {("task", 5), ("other", 5)}
    assert main(["bounds", "clear", "--url", url, "--app", "app", "--yes"]) == Exit.FINE
    assert capsys.readouterr().err == "2 confirmed\n"
    assert [deployment.stands_at(task) for task in (first, second, other)] == [20, 20, 20]


def test_a_task_that_fails_is_named_and_the_others_are_done(
    deployment: Deployment, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is pending is none: the reconciler goes on."""
    first, _, _ = three_tasks(deployment)
    deployment.standin.end_task(first)
    words = ["bounds", "set", "--url", url, "--app", "app", *WANTED, "--yes"]
    assert main(words) == Exit.FINE
    told = capsys.readouterr()
    assert told.err == "2 confirmed, 1 pending\n"
    assert "ActiveTaskNotFound" in told.out
    assert main(["bounds", "clear", "--url", url, "--app", "app", "--room", "r", "--task", "t"]) == Exit.FAILED
    told = capsys.readouterr()
    assert told.out.startswith("app/r/t  failed: The ledger knows no such task: ")
    assert told.err == "1 failed\n"


def test_what_is_not_confirmed_yet_is_no_failure(
    deployment: Deployment, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.queue(deployment.event())
    deployment.standin.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.INTERNAL_ERROR))
    assert main(["bounds", "set", "--url", url, *ONE, *WANTED]) == Exit.FINE
    told = capsys.readouterr()
    assert "; the reconciler goes on" in told.out
    assert told.err == "1 pending\n"


def test_a_store_that_was_away_for_a_moment_is_asked_again(
    deployment: Deployment, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few times: bounds that are set twice are the same ones."""
    deployment.queue(deployment.event())
    answers = [(503, b'{"title": "The ledger is away"}'), (429, b"")]
    ask = Endpoint.ask

    def away(endpoint: Endpoint, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        return answers.pop() if answers else ask(endpoint, method, path, body)

    monkeypatch.setattr(Endpoint, "ask", away)
    assert main(["bounds", "set", "--url", url, *ONE, *WANTED]) == Exit.FINE
    assert (answers, deployment.stands_at()) == ([], 5)
    answers += [(503, b"")] * 4
    assert main(["bounds", "set", "--url", url, *ONE, *WANTED]) == Exit.FAILED


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", *ONE, "--for", "30m", "--reason", "x"], "say what to set: --min SECONDS, --max SECONDS, or both"),
        (["set", *ONE, "--max", "5", "--reason", "x"], "--for is missing"),
        (["set", *ONE, "--max", "5", "--for", "30m"], "--reason is missing"),
        (["set", "--task", "task", *WANTED], "--task needs --app and --room"),
        (["set", *WANTED], "say which tasks: --app, --room, or with both of them --task"),
        (["clear"], "say which tasks: --app, --room, or with both of them --task"),
        (["set", *ONE, "--max", "5", "--for", "2d", "--reason", "x"], "for: must be a duration from 1s to 24h"),
        (["set", *ONE, "--max", "700", "--for", "2h", "--reason", "x"], "max: must be a whole number of seconds"),
    ],
)
def test_a_wrong_command_line_changes_nothing(
    deployment: Deployment, url: str, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """Exit code 2, and what is wrong in words."""
    deployment.queue(deployment.event())
    assert main(["bounds", words[0], "--url", url, *words[1:]]) == Exit.USAGE
    assert said in capsys.readouterr().err
    assert deployment.sent() == [20]


def test_whoever_is_not_let_in_is_told_what_to_do(
    deployment: Deployment, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a signature's URL it is a token of an operator, from the environment: never on the command line."""
    deployment.queue(deployment.event())
    monkeypatch.setenv("HTTP_AUTH", "signature")
    monkeypatch.setenv("OPERATOR_TOKENS", f"alice:{TOKEN}")
    assert main(["bounds", "set", "--url", url, *ONE, *WANTED]) == Exit.FAILED
    assert "set TUNER_TOKEN to one of OPERATOR_TOKENS" in capsys.readouterr().err
    monkeypatch.setenv("TUNER_TOKEN", TOKEN)
    assert main(["bounds", "set", "--url", url, *ONE, *WANTED]) == Exit.FINE
    assert "by alice (incident 4711)" in capsys.readouterr().out


def test_a_url_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bounds", "list", "--url", "http://127.0.0.1:9"]) == Exit.FAILED
    assert "http://127.0.0.1:9 cannot be reached: " in capsys.readouterr().err
