"""`./tuner doctor` against the application on this machine: all ticks, and the right one where something is wrong."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from devkit.local_runtime.application import (
    HANDLERS,
    Application,
    ApplicationSettings,
    QueueSettings,
    deployed_here,
    environment,
)
from devkit.local_runtime.aws_api import AwsApi, Service
from devkit.local_runtime.front import serve_function_url
from devkit.local_runtime.function import FunctionSettings, running
from devkit.local_runtime.queue_mapping import MappingSettings
from devkit.local_runtime.where import described_in, log_line
from devkit.rtc_standin import StandIn
from devkit.tuner.__main__ import main
from devkit.tuner.doctor import following
from devkit.tuner.exits import Exit
from tests.aws import secrets_standin
from tests.runtime.conftest import OWN, code_for

NAMES = ["url", "secrets", "ledger", "policy", "provider", "queue", "urgent", "bus", "listener"]


@dataclass(frozen=True, slots=True)
class Deployed:
    """A right deployment, and its log."""

    application: Application
    stand_in: StandIn
    variables: dict[str, str]
    log: Path

    @contextmanager
    def but_for(self, changes: dict[str, str]) -> Iterator[Application]:
        """With an http_endpoint whose variables are changed: it is what looks at them for the doctor."""
        variables = self.variables | changes
        settings = FunctionSettings("http_endpoint", HANDLERS["http_endpoint"], variables, 10, 512, sandboxes=1)
        with running(settings, code_for(OWN), lambda _, __: None) as function, serve_function_url(function) as url:
            yield replace(self.application, url=url)


@pytest.fixture(scope="module")
def deployed(api: AwsApi, ledger_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    log = tmp_path_factory.mktemp("doctor") / "run.ndjson"
    with StandIn() as stand_in, log.open("a", encoding="utf-8", buffering=1) as lines:

        def write(function: str, text: str) -> None:
            if text.startswith("{"):
                lines.write(log_line(function, text))

        code = code_for(OWN)
        settings = ApplicationSettings(
            name="doctor",
            environment=environment(code, stand_in, ledger_url) | {"LEDGER_NAMESPACE": "doctor"},
            sandboxes=1,
            queue=QueueSettings(MappingSettings(100, 0.1, 2), 121, 5),
        )
        with deployed_here(settings, api, code, write) as application:
            yield Deployed(application, stand_in, dict(settings.environment), log)


class Ask(Protocol):
    def __call__(self, application: Application, *words: str) -> tuple[int, str]: ...


@pytest.fixture
def ask(deployed: Deployed, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The doctor's exit code and what it says."""
    monkeypatch.setattr(following, "_LOOK_SECONDS", 0.02)

    def asked(application: Application, *words: str) -> tuple[int, str]:
        run_file = tmp_path / "run.json"
        with described_in(run_file, application, deployed.log):
            code = main(["doctor", "--url", application.url, "--run-file", str(run_file), "--wait", "30", *words])
        return code, capsys.readouterr().out

    return asked


def test_a_right_deployment_has_all_ticks(ask: Ask, deployed: Deployed) -> None:
    """A person sees what each of them means; nothing is called for the test events."""
    before = len(deployed.stand_in.calls())
    code, text = ask(deployed.application)
    assert code == Exit.FINE, text
    assert [line.split()[:2] for line in text.splitlines()] == [["✓", name] for name in NAMES]
    assert "nothing was called" in text
    assert len(deployed.stand_in.calls()) == before


@pytest.mark.parametrize(
    ("changes", "name", "says", "do"),
    [
        ({"VOLCENGINE_SECRET_KEY": "wrong-secret"}, "provider", "the key is refused", "VOLCENGINE_SECRET_KEY"),
        ({"RTC_REGION": "cn-south-1"}, "provider", "wrong region", "RTC_REGION"),
        ({"LEDGER_URL": "redis://127.0.0.1:9/0"}, "ledger", "the ledger does not answer", "LEDGER_URL"),
    ],
    ids=["key", "region", "ledger"],
)
def test_what_is_wrong_is_the_one_tick_that_fails(  # noqa: PLR0917 - parameters of the test
    ask: Ask, deployed: Deployed, changes: dict[str, str], name: str, says: str, do: str
) -> None:
    """And it says what to do; everything else is tried all the same."""
    with deployed.but_for(changes) as application:
        code, text = ask(application, "--json")
    answer = json.loads(text)
    assert (code, answer["status"]) == (Exit.FAILED, "failing"), text
    assert {each["check"]: each["ok"] for each in answer["checks"]} == {**dict.fromkeys(NAMES, True), name: False}
    (failed,) = [each for each in answer["checks"] if not each["ok"]]
    assert says in failed["says"]
    assert do in failed["do"]
    assert "wrong-secret" not in text


@contextmanager
def nothing_urgent_matched(application: Application) -> Iterator[None]:
    """As after an edit by hand: the queue's rule takes what the other one no longer does."""

    def match(listener: list[Any], queue: list[Any]) -> None:
        for name, pattern in (("listener", listener), ("queue", queue)):
            wanted = {"EventPattern": json.dumps({"detail-type": pattern}), "State": "ENABLED"}
            bus.api.call(Service.EVENTS, "PutRule", Name=f"{bus.name}-{name}", EventBusName=bus.name, **wanted)

    bus, urgent = application.bus, list(application.direct_types)
    match(["fire"], [{"anything-but": ["fire"]}])
    yield
    match(urgent, [{"anything-but": urgent}])


@contextmanager
def unsubscribed(application: Application) -> Iterator[None]:
    bus = application.bus
    rule = {"Rule": f"{bus.name}-listener", "EventBusName": bus.name}
    targets = bus.api.call(Service.EVENTS, "ListTargetsByRule", **rule)["Targets"]
    bus.api.call(Service.EVENTS, "RemoveTargets", **rule, Ids=["listener"])
    yield
    bus.api.call(Service.EVENTS, "PutTargets", **rule, Targets=targets)


@pytest.mark.parametrize(
    ("spoiled", "says", "do"),
    [
        (
            nothing_urgent_matched,
            "was handled by queue_worker: no rule that leads to bus_listener matches it",
            "detail-type",
        ),
        (unsubscribed, "in the log of bus_listener within 3 s", "has bus_listener as its target"),
    ],
    ids=["pattern", "target"],
)
def test_an_event_that_does_not_get_straight_to_bus_listener_is_the_one_tick_that_fails(
    ask: Ask, deployed: Deployed, spoiled: Callable[[Application], AbstractContextManager[None]], says: str, do: str
) -> None:
    """It says which way the event took instead, if it took one."""
    with spoiled(deployed.application):
        code, text = ask(deployed.application, "--json", "--wait", "3")
    found = {each["check"]: each for each in json.loads(text)["checks"]}
    assert code == Exit.FAILED
    assert [name for name, each in found.items() if not each["ok"]] == ["listener"], text
    assert says in found["listener"]["says"]
    assert do in found["listener"]["do"]


def test_where_no_rule_leads_straight_to_bus_listener_that_is_said(ask: Ask, deployed: Deployed) -> None:
    """It is no failure: whoever wants queues only has decided so."""
    code, text = ask(replace(deployed.application, direct_types=()))
    assert code == Exit.FINE, text
    assert text.splitlines()[-1].split()[:2] == ["-", "listener"]
    assert "no rule of the bus leads straight to bus_listener (parameter DirectBusRule)" in text


def test_a_broken_policy_in_the_parameter_is_the_one_tick_that_fails(ask: Ask, deployed: Deployed) -> None:
    """The file decides meanwhile, so events still come through."""
    with secrets_standin.running() as extension:
        extension.parameters["/policy"] = "version: 1\nrules: ["
        with deployed.but_for({**extension.environment(), "POLICY_PARAMETER": "/policy"}) as application:
            code, text = ask(application)
    assert code == Exit.FAILED
    lines = text.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith("   ")] == ["✓", "✓", "✓", "✗", *["✓"] * 5]
    (failed,) = [line for line in lines if line.startswith("✗")]
    assert "the parameter's policy is not in force: line 3" in failed
    assert "of the file decides" in failed
    assert "do: fix the parameter (./tuner publish)" in lines[lines.index(failed) + 1]
