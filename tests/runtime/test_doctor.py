"""`./tuner doctor` against the application on this machine: all ticks, and the right one where something is wrong."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devkit.local_runtime.application import Application, ApplicationSettings, QueueSettings, deployed_here, environment
from devkit.local_runtime.aws_api import AwsApi, Service
from devkit.local_runtime.queue_mapping import MappingSettings
from devkit.local_runtime.sandbox import Code
from devkit.local_runtime.where import described_in, log_line
from devkit.rtc_standin import StandIn
from devkit.tuner.__main__ import main
from devkit.tuner.exits import Exit
from tests.aws.secrets_standin import running

NAMES = ["url", "secrets", "ledger", "policy", "provider", "queue", "urgent", "bus", "listener"]


@pytest.fixture
def ask(  # noqa: PLR0917 - fixtures
    code: Code,
    api: AwsApi,
    ledger_url: str,
    stand_in: StandIn,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> Any:  # noqa: ANN401 - a function
    """Runs the application with some variables changed, and the doctor against it."""
    if code.interpreter.version != "3.11":
        pytest.skip("once is enough")

    def asked(
        changes: dict[str, str],
        *words: str,
        direct: bool = True,
        spoil: Callable[[Application], object] = lambda _: None,
    ) -> tuple[int, str]:
        settings = ApplicationSettings(
            name="doctor-" + "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[-50:],
            environment=environment(code, stand_in, ledger_url) | changes,
            sandboxes=1,
            queue=QueueSettings(MappingSettings(100, 0.1, 2), 121, 5),
            direct_bus_rule=direct,
        )
        with served(settings, code, api, tmp_path) as application:
            spoil(application)
            where = ("--url", application.url, "--run-file", str(tmp_path / "run.json"), "--wait", "30")
            return main(["doctor", *where, *words]), capsys.readouterr().out

    return asked


@contextmanager
def served(settings: ApplicationSettings, code: Code, api: AwsApi, folder: Path) -> Iterator[Application]:
    log = folder / "run.ndjson"
    with log.open("a", encoding="utf-8", buffering=1) as lines:

        def write(function: str, text: str) -> None:
            if text.startswith("{"):
                lines.write(log_line(function, text))

        with (
            deployed_here(settings, api, code, write) as application,
            described_in(folder / "run.json", application, log),
        ):
            yield application


def test_a_right_deployment_has_all_ticks(ask: Any, stand_in: StandIn) -> None:  # noqa: ANN401 - a function
    """A person sees what each of them means; nothing is called for the test events."""
    before = len(stand_in.calls())
    code, text = ask({})
    assert code == Exit.FINE, text
    assert [line.split()[:2] for line in text.splitlines()] == [["✓", name] for name in NAMES]
    assert "nothing was called" in text
    assert len(stand_in.calls()) == before


@pytest.mark.parametrize(
    ("changes", "name", "says", "do"),
    [
        ({"VOLCENGINE_SECRET_KEY": "wrong-secret"}, "provider", "the key is refused", "VOLCENGINE_SECRET_KEY"),
        ({"RTC_REGION": "cn-south-1"}, "provider", "wrong region", "RTC_REGION"),
        ({"LEDGER_URL": "redis://127.0.0.1:9/0"}, "ledger", "the ledger does not answer", "LEDGER_URL"),
    ],
    ids=["key", "region", "ledger"],
)
def test_what_is_wrong_is_the_one_tick_that_fails(
    ask: Any,  # noqa: ANN401 - a function
    changes: dict[str, str],
    name: str,
    says: str,
    do: str,
) -> None:
    """And it says what to do; everything else is tried all the same."""
    code, text = ask(changes, "--json")
    answer = json.loads(text)
    assert (code, answer["status"]) == (Exit.FAILED, "failing"), text
    assert {each["check"]: each["ok"] for each in answer["checks"]} == {**dict.fromkeys(NAMES, True), name: False}
    (failed,) = [each for each in answer["checks"] if not each["ok"]]
    assert says in failed["says"]
    assert do in failed["do"]
    assert "wrong-secret" not in text


def rule(application: Application, name: str) -> dict[str, str]:
    return {"Name": f"{application.bus.name}-{name}", "EventBusName": application.bus.name}


def match_nothing_urgent(application: Application) -> None:
    """As after an edit by hand: the queue's rule takes what the other one no longer does."""
    for name, pattern in (("listener", ["fire"]), ("queue", [{"anything-but": ["fire"]}])):
        wanted = {"EventPattern": json.dumps({"detail-type": pattern}), "State": "ENABLED"}
        application.bus.api.call(Service.EVENTS, "PutRule", **rule(application, name), **wanted)


def unsubscribe(application: Application) -> None:
    names = rule(application, "listener")
    parameters = {"Rule": names["Name"], "EventBusName": names["EventBusName"], "Ids": ["listener"]}
    application.bus.api.call(Service.EVENTS, "RemoveTargets", **parameters)


@pytest.mark.parametrize(
    ("spoil", "says", "do"),
    [
        (
            match_nothing_urgent,
            "was handled by queue_worker: no rule that leads to bus_listener matches it",
            "detail-type",
        ),
        (unsubscribe, "in the log of bus_listener within 5 s", "has bus_listener as its target"),
    ],
    ids=["pattern", "target"],
)
def test_an_event_that_does_not_get_straight_to_bus_listener_is_the_one_tick_that_fails(
    ask: Any,  # noqa: ANN401 - a function
    spoil: Callable[[Application], object],
    says: str,
    do: str,
) -> None:
    """It says which way the event took instead, if it took one."""
    code, text = ask({}, "--json", "--wait", "5", spoil=spoil)
    found = {each["check"]: each for each in json.loads(text)["checks"]}
    assert code == Exit.FAILED
    assert [name for name, each in found.items() if not each["ok"]] == ["listener"], text
    assert says in found["listener"]["says"]
    assert do in found["listener"]["do"]


def test_where_no_rule_leads_straight_to_bus_listener_that_is_said(ask: Any) -> None:  # noqa: ANN401 - a function
    """It is no failure: whoever wants queues only has decided so."""
    code, text = ask({}, direct=False)
    assert code == Exit.FINE, text
    assert text.splitlines()[-1].split()[:2] == ["-", "listener"]
    assert "no rule of the bus leads straight to bus_listener (parameter DirectBusRule)" in text


def test_a_broken_policy_in_the_parameter_is_the_one_tick_that_fails(ask: Any) -> None:  # noqa: ANN401 - a function
    """The file decides meanwhile, so events still come through."""
    with running() as extension:
        extension.parameters["/policy"] = "version: 1\nrules: ["
        code, text = ask({**extension.environment(), "POLICY_PARAMETER": "/policy"})
    assert code == Exit.FAILED
    lines = text.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith("   ")] == ["✓", "✓", "✓", "✗", *["✓"] * 5]
    (failed,) = [line for line in lines if line.startswith("✗")]
    assert "the parameter's policy is not in force: line 3" in failed
    assert "of the file decides" in failed
    assert "do: fix the parameter (./tuner publish)" in lines[lines.index(failed) + 1]
