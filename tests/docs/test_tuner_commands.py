"""Every `./tuner` line of the pages is run as it is printed, and prints what the page shows.

The shell runs those that have something for it to do, and so the script itself; the others are run in this process.
"""

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from devkit.local_runtime.function_url import HttpRequest, to_event, to_response
from devkit.local_runtime.sandbox import InvocationResult
from devkit.rtc_standin import StandIn
from devkit.serving import LOOPBACK, serving
from devkit.tuner.__main__ import main
from devkit.valkey import valkey_server
from http_endpoint.handler import lambda_handler
from snapshot_tuner import bootstrap
from snapshot_tuner.policy.engine import Policy
from tests.docs.pages import PAGES, ROOT, code_blocks
from tests.tuner.aws_standin import AwsStandIn, aws

__all__ = ["aws"]

NEW = "# new.yaml\n"
"""How the page begins the policy that its lines name."""
IN_FORCE = """\
version: 1
rules:
  - {name: alert, match: {type: [moderation.alert]}, interval: 1, for: 10m}
  - {name: busy, match: {type: [rtc.room.load], data: {load: [{numeric: [">=", 0.8]}]}}, interval: 40}
  - {name: calm, match: {type: [rtc.room.load]}, interval: 5}
"""
STAND_INS = {
    "aws": "the AWS CLI answers from a file: what AWS itself would say is not tried",
    "http://127.0.0.1:": "the URL of `make run` is http_endpoint in this process; tests/runtime runs it as deployed",
    ".build/demo-log.jsonl": "the demo is run first, in a folder of its own",
}
"""What is not the real thing, and why."""


def lines() -> Iterator[tuple[str, str, str]]:
    """Page, line, and what the page shows that it prints; a block of sh shows nothing."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for block in code_blocks(text, "sh"):
            for line in re.sub(r"\\\n|(?<=\|)\n", " ", block).splitlines():
                if "./tuner" in line:
                    yield str(page), line.strip(), ""
        for block in code_blocks(text, "console"):
            for line, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
                if "./tuner" in line:
                    yield str(page), line, shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout: the script itself, what it needs, and a Makefile by which nothing has to be installed."""
    for name in ("devkit", "events", "functions", "layers", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "Makefile").write_text(".PHONY: .venv/.installed\n.venv/.installed:\n\t@true\n", encoding="utf-8")
    shutil.copy(ROOT / "tuner", tmp_path)
    (new,) = [block for block in code_blocks((ROOT / "docs/tuner.md").read_text("utf-8"), "yaml") if NEW in block]
    for name in ("new.yaml", "previous.yaml"):
        (tmp_path / name).write_text(new, encoding="utf-8")
    return tmp_path


def run(folder: Path, line: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    if line.startswith("./tuner ") and not set("|<>$") & set(line):
        return run_here(folder, shlex.split(line)[1:], stdin)
    return subprocess.run(  # noqa: S602 - a line of our own pages, as a person would type it
        line,
        shell=True,
        cwd=folder,
        env={**os.environ, "COLUMNS": "120"},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def run_here(folder: Path, words: list[str], stdin: str) -> "subprocess.CompletedProcess[str]":
    """As the script would: a Python of its own mostly imports."""
    printed, told = StringIO(), StringIO()
    with redirect_stdout(printed), redirect_stderr(told), chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", StringIO(stdin))
        patch.setenv("COLUMNS", "120")
        code = main(words)
    return subprocess.CompletedProcess(words, code, printed.getvalue(), told.getvalue())


def alike(text: str) -> str:
    """Without what is another one in each run: times, milliseconds, places in a log; a busy machine seems far away."""
    text = re.sub(r"[\d.]+ calls/s, as one of its workers is far away", "145 calls/s", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return re.sub(r"\d+\.\d+ ms( behind| ahead of)?", "MS", re.sub(r"demo-log.jsonl:\d+", "demo-log.jsonl:N", text))


def assert_prints(printed: str, shown: str) -> None:
    """Each line, in this order; a line of … says that the page leaves some out."""
    rest = iter(alike(printed).splitlines())
    missing = [line for line in alike(shown).splitlines() if line != "…" and line not in rest]
    assert missing == [], printed


def line_of(*words: str) -> tuple[str, str]:
    """The one line with all these words, and what it prints."""
    (found,) = {(line, shown) for _, line, shown in lines() if all(word in line for word in words)}
    return found


def stack(url: str) -> dict[str, object]:
    """What AWS says of a stack whose test events arrive, and whose parameter holds another policy."""
    outputs = {"HttpEndpointUrl": url, "EventQueueUrl": "https://sqs/queue", "BusArn": "arn:aws:events:::event-bus/b"}
    return {
        "cloudformation__describe_stacks": {
            "Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": text} for key, text in outputs.items()]}]
        },
        "sqs__send_message": {"MessageId": "m"},
        "events__put_events": {"FailedEntryCount": 0, "Entries": [{"EventId": "doctor-" + "b" * 32}]},
        "ssm__get_parameter": {"Parameter": {"Name": "p", "Type": "String", "Value": IN_FORCE, "Version": 3}},
        "ssm__put_parameter": {"Version": 4},
    }


@pytest.fixture
def url(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The URL of http_endpoint, whose deployment has one mistake: the region."""
    turn = threading.Lock()  # one event at a time, as in a sandbox

    class FunctionUrl(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = HttpRequest(self.command, self.path, list(self.headers.items()), body, LOOPBACK)
            with turn:
                answer = lambda_handler(to_event(request, datetime.now(UTC)), Context())
            response = to_response(InvocationResult(json.dumps(answer).encode(), failed=False))
            self.send_response(response.status)
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_POST = do_PUT = handle_request  # noqa: N815 - as the standard library calls them

        def log_message(self, *_: object) -> None:
            """Not on the screen."""

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 20_000

    policy = tmp_path / "in-force.yaml"
    policy.write_text(IN_FORCE, encoding="utf-8")
    with valkey_server() as store, serving(ThreadingHTTPServer((LOOPBACK, 0), FunctionUrl)) as address:
        settings = {"LEDGER_URL": f"redis://127.0.0.1:{store.port}/0", "POLICY_PATH": str(policy), "HTTP_AUTH": "iam"}
        for name, value in {**stand_in.environment(), **settings, "RTC_REGION": "cn-south-1"}.items():
            monkeypatch.setenv(name, value)
        yield address
        bootstrap.close()


def test_check_prints_what_the_page_shows(folder: Path) -> None:
    """The finding, and the events that show it."""
    line, shown = line_of("./tuner check")
    assert run(folder, line).stdout == shown


def test_explain_prints_what_the_page_shows(folder: Path) -> None:
    """The end of it, which stands in the block behind the line."""
    line, _ = line_of("./tuner explain")
    section = (ROOT / "docs/tuner.md").read_text("utf-8").partition("## Explain\n")[2]
    assert run(folder, line).stdout.endswith(code_blocks(section, "text")[0])


def test_backtest_prints_what_the_page_shows(folder: Path) -> None:
    """The figures of the day under two policies."""
    line, shown = line_of("./tuner backtest")
    assert_prints(run(folder, line).stdout, shown)


def test_record_prints_what_the_page_shows(folder: Path) -> None:
    """From the demo's log to the first line of the recording."""
    subprocess.run(
        [sys.executable, "-m", "devkit.demo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}/layers/snapshot_tuner:{folder}/functions:{folder}"},
        capture_output=True,
        check=True,
    )
    line, shown = line_of("./tuner record", "demo-log")
    done = run(folder, line)
    assert_prints(done.stderr + done.stdout, shown)
    ((head, first),) = {
        (line, shown)
        for block in code_blocks((ROOT / "docs/tuner.md").read_text("utf-8"), "console")
        for line, shown in re.findall(r"^\$ (head .*)\n(.*\n)", block, re.MULTILINE)
    }
    assert_prints(run(folder, head).stdout, first)


LOG_LINE = {"event_id": "e-1", "source": "/s", "event_type": "t", "event_time": "2026-03-01T09:00:00.000000Z"}
MESSAGE = {"specversion": "1.0", "id": "e-1", "source": "/s", "type": "t", "time": "2026-03-01T09:00:00Z", "data": {}}


@pytest.mark.parametrize("line", [line for _, line, _ in lines() if line.startswith("aws ")])
def test_what_the_aws_cli_gives_is_recorded(folder: Path, aws: AwsStandIn, line: str) -> None:
    """A log group, and a dead-letter queue; each has one event."""
    received = "2026-03-01T09:00:01.000000Z"
    log = {"message": "adjustment_applied", "level": "INFO", **LOG_LINE, "received": received, "data": "{}"}
    aws.answer(
        logs__filter_log_events={"events": [{"message": json.dumps(log), "timestamp": 1772355601000}]},
        sqs__receive_message={"Messages": [{"MessageId": "m", "Body": json.dumps(MESSAGE)}]},
    )
    done = run(folder, line)
    assert done.returncode == 0, done.stderr
    assert "1 event recorded" in done.stdout + done.stderr


@pytest.mark.parametrize("line", sorted({line for _, line, _ in lines() if "./tuner publish" in line}))
def test_publish_prints_what_the_page_shows(folder: Path, aws: AwsStandIn, url: str, line: str) -> None:
    """And after a yes it writes, and follows the policy until it decides."""
    hash_ = Policy.load(folder / "new.yaml").short_hash
    decided = {"events": [{"message": json.dumps({"event_id": "doctor-1", "policy": hash_})}]}
    aws.answer(**stack(url), logs__filter_log_events=decided)
    done = run(folder, line, "yes\n")
    assert done.returncode == 0, done.stderr
    assert f"In force: a test event was decided by {hash_}." in done.stdout
    (shown,) = [shown for _, _, shown in lines() if "Write it to" in shown]
    asked = "Write it to /snapshot-tuner/policy? Type yes:\n"
    assert asked in done.stderr
    assert_prints(done.stdout, shown.removesuffix(asked))


@pytest.mark.parametrize("line", sorted({line for _, line, _ in lines() if "./tuner doctor" in line}))
def test_doctor_prints_what_the_page_shows(folder: Path, aws: AwsStandIn, url: str, line: str) -> None:
    """Of a deployment with a wrong region, by its URL or by its stack's name."""
    line_of_log = {"message": json.dumps({"event_id": "ECHO", "policy": "0123456789ab", "message": "event_held"})}
    aws.answer(**stack(url), logs__filter_log_events={"echoes": "doctor-", "with": {"events": [line_of_log]}})
    done = run(folder, re.sub(r"http://127.0.0.1:\d+", url, line))
    (shown,) = [shown for _, _, shown in lines() if shown.startswith("✓ url")]
    assert_prints(done.stdout, shown)
    if "--stack" in line:
        ways = [text.split()[:2] for text in done.stdout.splitlines()[-4:]]
        assert ways == [["✓", "queue"], ["-", "urgent"], ["✓", "bus"], ["-", "listener"]]  # this stack has no more


def test_bounds_print_what_the_page_shows(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a room with two tasks, after a yes."""
    monkeypatch.setenv("RTC_REGION", "cn-north-1")
    line, shown = line_of("./tuner bounds")
    for task in ("task", "other"):
        data = {"AppId": "app", "RoomId": "room-1", "TaskId": task, "load": 0.5}
        event = {"specversion": "1.0", "id": task, "source": "/page", "type": "rtc.room.load", "data": data}
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(f"{url}/events", json.dumps(event).encode(), headers)) as answer:  # noqa: S310 - our own
            assert answer.status == 200
    done = run(folder, re.sub(r"http://127.0.0.1:\d+", url, line), "yes\n")
    assert done.returncode == 0, done.stderr
    asked, *lines, summary = shown.splitlines(keepends=True)
    assert_prints(done.stdout, "".join(lines))
    assert_prints(done.stderr, asked + summary)


def test_no_line_is_left_out() -> None:
    """Each is run by a test above, or is of a command that is not there."""
    commands = ("check", "explain", "backtest", "record", "publish", "doctor", "bounds")
    found = [(page, line) for page, line, _ in lines()]
    assert [each for each in found if not any(f"./tuner {command}" in each[1] for command in commands)] == []
    counted = {name: sum(f"./tuner {name}" in line for _, line in found) for name in commands}
    assert counted == {"check": 1, "explain": 1, "backtest": 1, "record": 3, "publish": 3, "doctor": 2, "bounds": 1}
    assert all(any(word in line for _, line in found) for word in itertools.chain(STAND_INS))
