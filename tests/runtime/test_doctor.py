"""`./tuner doctor` against the application on this machine: all ticks, and the right one where something is wrong."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devkit.local_runtime.application import ApplicationSettings, deployed_here, environment
from devkit.local_runtime.aws_api import AwsApi
from devkit.local_runtime.queue_mapping import MappingSettings
from devkit.local_runtime.sandbox import Code
from devkit.local_runtime.where import told_in
from devkit.rtc_standin import StandIn
from devkit.tuner.__main__ import main
from devkit.tuner.exits import Exit
from tests.aws.secrets_standin import running

NAMES = ["url", "secrets", "ledger", "policy", "provider", "queue", "bus"]


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

    def asked(changes: dict[str, str], *words: str) -> tuple[int, str]:
        with served(code, api, environment(code, stand_in, ledger_url) | changes, tmp_path, request.node.name) as url:
            where = ("--url", url, "--run-file", str(tmp_path / "run.json"), "--wait", "30")
            return main(["doctor", *where, *words]), capsys.readouterr().out

    return asked


@contextmanager
def served(code: Code, api: AwsApi, variables: Mapping[str, str], folder: Path, name: str) -> Iterator[str]:
    settings = ApplicationSettings(
        name="doctor-" + "".join(letter if letter.isalnum() else "-" for letter in name)[-50:],
        environment=variables,
        sandboxes=1,
        mapping=MappingSettings(batch_size=100, window_seconds=0.1, maximum_concurrency=2),
    )
    log = folder / "run.ndjson"
    with log.open("a", encoding="utf-8", buffering=1) as lines:

        def write(_: str, text: str) -> None:
            if text.startswith("{"):
                lines.write(f"{text}\n")

        with (
            deployed_here(settings, api, code, write) as application,
            told_in(folder / "run.json", application, log),
        ):
            yield application.url


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


def test_a_broken_policy_in_the_parameter_is_the_one_tick_that_fails(ask: Any) -> None:  # noqa: ANN401 - a function
    """The file decides meanwhile, so events still come through."""
    with running() as extension:
        extension.parameters["/policy"] = "version: 1\nrules: ["
        code, text = ask({**extension.environment(), "POLICY_PARAMETER": "/policy"})
    assert code == Exit.FAILED
    lines = text.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith("   ")] == ["✓", "✓", "✓", "✗", "✓", "✓", "✓"]
    (failed,) = [line for line in lines if line.startswith("✗")]
    assert "the parameter's policy is not in force: line 3" in failed
    assert "of the file decides" in failed
    assert "do: mend the parameter (./tuner publish)" in lines[lines.index(failed) + 1]
