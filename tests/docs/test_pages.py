"""The documentation says what the code does: its example is carried out, its tables are compared, both ways."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from devkit.build.artifacts import TARGET_PYTHON
from devkit.serving import LOOPBACK, serving
from http_endpoint import answers
from queue_worker.handler import lambda_handler
from snapshot_tuner import bootstrap
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.model import Cause, Json, Outcome, OutcomeKind, Signal
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.settings import VARIABLES, Settings
from snapshot_tuner.telemetry.event_fields import TEXT_CHARACTERS_MOST
from snapshot_tuner.telemetry.metrics import Metric
from snapshot_tuner.tuning import tuner
from tests.docs.pages import DOCUMENTATION, PAGES, ROOT, anchors, code_blocks, table
from tests.events.readings.reading_policies import ALERTMANAGER, alert, group, read
from tests.logged_lines import log_lines
from tests.one_signal import one
from tests.template import cloudformation

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Those of the README."""
    return code_blocks(README, language)


class ReadmeProvider(BaseHTTPRequestHandler):
    """Answers every call with ok, and keeps it as the README prints it."""

    calls: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.calls.append(f"POST {Settings(ledger_url='').rtc_endpoint}{self.path}\n{body.decode()}\n")
        answer = json.dumps({"ResponseMetadata": {"RequestId": "r"}, "Result": "ok"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Not on the screen."""


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """The calls that arrive while the functions are set up by nothing but what is required."""
    ReadmeProvider.calls.clear()
    with serving(ThreadingHTTPServer((LOOPBACK, 0), ReadmeProvider)) as url:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("RTC_ENDPOINT", url)
        monkeypatch.setenv("VOLCENGINE_ACCESS_KEY", "AK")
        monkeypatch.setenv("VOLCENGINE_SECRET_KEY", "SK")
        monkeypatch.setenv("LEDGER_URL", f"sqlite://{tmp_path}/ledger.db")
        monkeypatch.setenv("POLICY_PATH", str(ROOT / "layers" / "policy" / "policy.yaml"))
        yield ReadmeProvider.calls
        bootstrap.close()


class ReadmeContext:
    def get_remaining_time_in_millis(self) -> int:
        return 20_000


def test_the_call_on_the_first_screen_is_what_comes_of_the_event(provider: list[str]) -> None:
    """The event of the first block, sent today, gives the call of the second one; once more, it gives none."""
    event, call = blocks("json")[0], blocks("http")[0]
    today = re.sub(r'"time": "[^"]+"', f'"time": "{datetime.now(UTC).isoformat()}"', event)
    record = {"messageId": "m", "body": today, "eventSource": "aws:sqs", "attributes": {"SentTimestamp": "0"}}
    for _ in range(2):
        assert lambda_handler({"Records": [record]}, ReadmeContext()) == {"batchItemFailures": []}
    assert provider == [call]


def test_the_reason_on_the_first_screen_is_the_one_that_the_policy_gives() -> None:
    """The rule and the reason between the event and the call are those of the decision."""
    policy = Policy.load(ROOT / "layers" / "policy" / "policy.yaml")
    decision = policy.decide(one(signals.from_body(blocks("json")[0], sent_us=0)))
    assert f"The policy's rule `{decision.rule}` says: {decision.reason}." in README


def test_the_first_screen_comes_first() -> None:
    """Event, call and the two commands stand in the first 30 lines."""
    first_screen = "\n".join(README.splitlines()[:30])
    for part in (blocks("json")[0], blocks("http")[0], "make demo", "make test"):
        assert part.strip() in first_screen


def test_the_policy_shown_is_the_policy_that_is_shipped() -> None:
    """The same version, bounds and rules; the shipped file spells out two defaults more."""
    shipped = ROOT / "layers" / "policy" / "policy.yaml"
    assert Policy.parse(blocks("yaml")[0], "README.md").order is Policy.load(shipped).order
    assert yaml.safe_load(blocks("yaml")[0]).items() <= yaml.safe_load(shipped.read_text(encoding="utf-8")).items()


NUMBERS = dict(enumerate(("no", "one", "two", "three", "four", "five", "six", "seven", "eight")))


def default(value: object) -> str:
    match value:
        case None | () | "":
            return "none"
        case bool():
            return str(value).lower()
        case _:
            return "required" if value is MISSING else str(value)


def test_the_table_of_metrics() -> None:
    """Every name that a dashboard or an alarm can use, and no other."""
    assert [row[0] for row in table("metric")] == [metric.value for metric in Metric]


def test_the_table_of_settings() -> None:
    """Every variable that is read, with its default, and no other."""
    defaults = {each.name.upper(): default(each.default) for each in fields(Settings)}
    assert {row[0]: row[1] for row in table("variable")} == {name: defaults[name] for name in VARIABLES}


def test_the_table_of_alarms() -> None:
    """Every alarm of the template, in its order."""
    resources = cloudformation.load()["Resources"]
    assert [row[0] for row in table("alarm")] == [
        name for name, resource in resources.items() if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]


def test_the_alarms_are_as_many_as_are_paid_for() -> None:
    """Of a stack with the default parameters; each is 0.1 USD a month."""
    stack = cloudformation.deploy(cloudformation.load(), cloudformation.REQUIRED)
    number = len(stack.find_all("AWS::CloudWatch::Alarm"))
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    assert f"{number / 10} for {number} alarms" in page
    known = len(table("alarm"))
    assert f"the other {NUMBERS[known - number]} [of the {known}]" in page
    assert f"{NUMBERS[known - number].capitalize()} of the {known} exist only" in DOCUMENTATION


def test_the_figures_of_the_readme_are_those_of_its_pages() -> None:
    """Each that was measured, and those of the targets that are missed, stand on the page of their row too."""
    pages = (ROOT / "docs" / "performance.md").read_text("utf-8") + (ROOT / "docs" / "ledger.md").read_text("utf-8")
    (missed,) = re.findall(r"^These targets are missed:.*?\n\n", README, re.MULTILINE | re.DOTALL)
    measured = re.findall(r"^\| .+ \| (\d[\d.,]*(?: \w+)?) \| \[", README, re.MULTILINE)
    figures = [*measured, *re.findall(r"\d[\d.,]*\d", missed)]
    assert len(measured) == README.count("\n| ", README.index("## Figures"), README.index("These targets")) - 1
    assert [figure for figure in figures if figure not in pages] == []


def test_the_readme_is_two_screens() -> None:
    """At most 200 lines."""
    assert len(README.splitlines()) <= 200


def test_the_badges_are_true() -> None:
    """The licence, the Pythons, and the strictness are those of pyproject.toml and of the build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    oldest = project["project"]["requires-python"].removeprefix(">=")
    said = re.findall(r"!\[([a-zA-Z]+: [^]]+)\]\((docs/badges/[^)]+)\)", README)
    assert [text for text, _ in said] == [
        f"licence: {project['project']['license']}",
        f"Python: {oldest} to {TARGET_PYTHON}",
        "types: mypy strict",
    ]
    assert project["tool"]["mypy"]["strict"] is True
    for text, path in said:
        assert text.lower() in (ROOT / path).read_text(encoding="utf-8").lower()


def test_the_table_of_parameters() -> None:
    """Every parameter of the template, in its order, with its default."""
    parameters = cloudformation.load()["Parameters"]
    expected = [[name, default(facts.get("Default", MISSING))] for name, facts in parameters.items()]
    assert [row[:2] for row in table("parameter")] == expected


def test_the_table_of_outcomes() -> None:
    """Every outcome with its log line, and who may forget the event: what is settled is acknowledged everywhere."""
    answers_if_settled = {True: ["deleted", "200", "returns"], False: ["item failure", "raises"]}
    rows = {row[0]: row for row in table("outcome")}
    assert rows.keys() == set(OutcomeKind)
    for kind in OutcomeKind:
        _, _, log_line, queue, http, bus = rows[kind]
        settled = Outcome(kind, "").settled
        assert log_line == tuner.LOG_NAMES[kind]
        assert ([queue, http, bus] if settled else [queue, bus]) == answers_if_settled[settled]


def test_the_table_of_log_lines() -> None:
    """Every key that the line of an outcome can have, besides Powertools' own, and no other."""
    long: dict[str, Json] = {"text": "x" * TEXT_CHARACTERS_MOST}
    tasks: dict[str, Json] = {"AppId": "app", "RoomId": "room", "TaskId": ["a", "b"]}
    attributes: dict[str, Json] = {"traceparent": f"00-{1:032x}-{1:016x}-01"}
    lines = log_lines(
        Signal("e-1", "/test", "load", 0, tasks, sequence=1, attributes=attributes, sent_us=1),
        Signal("e-2", "/test", "other", 0, long, time_is_own=False, attributes=long),
        EventRejected("body", "is empty"),
        *read(group(alert(), truncatedAlerts=1), ALERTMANAGER),
    )
    own = {"level", "location", "message", "timestamp", "service"}
    assert {key for row in table("in the log line") for key in re.findall(r"\w+", row[0])} == {
        key for line in lines for key in line if key not in own
    }
    assert f"{TEXT_CHARACTERS_MOST:,} characters" in DOCUMENTATION


@pytest.mark.parametrize("kind", [OutcomeKind.REJECTED, OutcomeKind.RETRY])
def test_the_statuses_in_the_table_of_outcomes(kind: OutcomeKind) -> None:
    """A rejected event is the sender's to mend (4xx); one to retry is answered with 429 or 503."""
    (http,) = [row[4] for row in table("outcome") if row[0] == kind]
    statuses = {answers.from_outcomes([Outcome(kind, "", cause=cause)]).status for cause in CAUSES[kind]}
    assert http == {OutcomeKind.REJECTED: "4xx", OutcomeKind.RETRY: "429 or 503"}[kind]
    assert {status in range(400, 500) and status != 429 for status in statuses} == {kind is OutcomeKind.REJECTED}
    assert statuses <= {400, 409, 422, 429, 503}


REJECTED = [Cause.MALFORMED, Cause.INVALID, Cause.CONFLICT, Cause.TASK_NOT_FOUND, Cause.REFUSED]
CAUSES = {OutcomeKind.REJECTED: REJECTED, OutcomeKind.RETRY: [cause for cause in Cause if cause not in REJECTED]}


def problems() -> list[list[str]]:
    """One row for every problem that there is."""
    return [
        [
            each.type.removeprefix(answers.PROBLEM_TYPE),
            str(each.status),
            str(each.retry_after_seconds or ""),
            each.title,
        ]
        for each in answers.Problem
    ]


def test_the_table_of_problems() -> None:
    """Every problem type with its status, Retry-After and title; and the prefix of the types."""
    assert sorted(table("type")) == sorted(problems())
    assert f"`{answers.PROBLEM_TYPE}`" in DOCUMENTATION


def test_the_table_of_make_targets() -> None:
    """Every target that `make help` lists, in its order and words."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):.*## (.*)$", makefile, re.MULTILINE)
    assert table("target") == [[f"make {name}", text] for name, text in targets]


def test_the_layout_names_what_is_there() -> None:
    """Every path in the picture of the project exists."""
    (layout,) = [block for block in code_blocks(DOCUMENTATION, "text") if block.startswith("functions/")]
    paths = [line.split()[0] for line in layout.splitlines()]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_file_that_is_named_is_there() -> None:
    """A path in backquotes leads somewhere."""
    named = re.findall(r"`((?:layers|functions|tests|devkit|events|docs)/[\w./]+)`", DOCUMENTATION)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_every_link_leads_somewhere(path: Path) -> None:
    """To a file, and to a heading of it where it names one."""
    for target in re.findall(r"\]\(([^)]+)\)|(?:src|href)=\"([^\"]+)\"", (ROOT / path).read_text(encoding="utf-8")):
        file, _, anchor = next(filter(None, target)).partition("#")
        if file.startswith("https:"):
            continue
        page = (ROOT / path).parent / file if file else ROOT / path
        assert page.exists(), f"{path}: {file}"
        assert not anchor or anchor in anchors(page.read_text(encoding="utf-8")), f"{path}: #{anchor}"


def test_every_page_is_linked_from_the_readme() -> None:
    """So that a reader finds it."""
    assert [path for path in PAGES if str(path).startswith("docs/") and f"({path})" not in README] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_row_of_a_table_has_its_cells(page: Path) -> None:
    """A row with too many or too few of them is shown all the same, and says something else."""
    text = re.sub(r"^ *```.*?^ *```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for found in re.finditer(r"(?:^ *\|.*\n)+", text + "\n", re.MULTILINE):
        rows = [len(re.findall(r"(?<!\\)\|", row)) - 1 for row in found[0].splitlines()]
        assert set(rows) == {rows[0]}, found[0]
