"""A policy that comes as an SSM parameter, through the real handlers and a stand-in of the extension."""

import base64
import gzip
import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from reconciler import handler as reconciler
from snapshot_tuner import bootstrap
from snapshot_tuner.errors import SettingsError
from tests.aws.secrets_standin import SecretsStandIn, running
from tests.functions.conftest import POLICY, TASK, Deployment
from tests.logged_lines import captured

NAME = "/snapshot-tuner/policy"
CHANGED = POLICY.replace("interval: 5", "interval: 7")


@pytest.fixture
def extension(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsStandIn]:
    """The same deployment, with its policy in a parameter too."""
    monkeypatch.setenv("RTC_ENDPOINT", deployment.standin.endpoint)
    with running() as stand_in:
        stand_in.parameters[NAME] = CHANGED
        for name, value in {**stand_in.environment(), "POLICY_PARAMETER": NAME, "POLICY_REFRESH_SECONDS": "1"}.items():
            monkeypatch.setenv(name, value)
        yield stand_in


def short(policy: str) -> str:
    return sha256(policy.encode()).hexdigest()[:12]


def lines(text: str) -> list[dict[str, str]]:
    return [line for line in map(json.loads, text.splitlines()) if "policy" in line]


def normal(deployment: Deployment, name: str, seconds: float = 0) -> dict[str, object]:
    return deployment.event(name, seconds=seconds, data={"load": 0.1})


@pytest.mark.parametrize("value", [CHANGED, "gzip:" + base64.b64encode(gzip.compress(CHANGED.encode())).decode()])
def test_the_parameter_decides_and_is_named_in_the_line(
    deployment: Deployment, extension: SecretsStandIn, value: str
) -> None:
    """As text or compressed; the hash is that of the text."""
    extension.parameters[NAME] = value
    with captured(bootstrap.logger()) as out:
        deployment.queue(normal(deployment, "e-1"))
        deployment.queue(normal(deployment, "e-2", 1))
    assert deployment.sent() == [7, 7]
    assert [line["policy"] for line in lines(out.getvalue())] == [short(CHANGED)] * 2
    assert extension.asked == [NAME]


def test_a_change_is_in_force_some_seconds_later_without_anything_else(
    deployment: Deployment, extension: SecretsStandIn
) -> None:
    """The ledger and its connections stay; the next batches are decided by what the parameter says then."""
    deployment.queue(normal(deployment, "before"))
    extension.parameters[NAME] = POLICY
    until = time.monotonic() + 10
    number = 0
    while deployment.sent()[-1] != 5 and time.monotonic() < until:
        number += 1
        deployment.queue(normal(deployment, f"e-{number}", number / 1000))
    assert (deployment.sent()[0], deployment.sent()[-1]) == (7, 5)


def test_a_parameter_with_mistakes_leaves_the_file_in_force_and_is_told(
    deployment: Deployment,
    extension: SecretsStandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the log, and by a metric, for which there is an alarm."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tuner-QueueWorker-1")
    extension.parameters[NAME] = "rules: ["
    with captured(bootstrap.logger()) as out:
        assert deployment.queue(normal(deployment, "e-1")) == []
    refused, applied = lines(out.getvalue())
    assert refused["message"] == "policy_refused"
    assert refused["policy"] == applied["policy"] == short(POLICY)
    assert refused["error"].startswith(f"parameter {NAME}: line 2: ")
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert [line["PolicyRefused"] for line in counted if "PolicyRefused" in line] == [[1]]


def test_a_silent_extension_costs_half_a_second_and_no_event(deployment: Deployment, extension: SecretsStandIn) -> None:
    """Half a second for the parameter; the file decides."""
    extension.answers = [None]
    began = time.monotonic()
    assert deployment.queue(normal(deployment, "e-1")) == []
    assert 0.5 <= time.monotonic() - began < 3
    assert deployment.sent() == [5]


def test_without_a_file_the_parameter_alone_decides(
    deployment: Deployment, extension: SecretsStandIn, environment: Path
) -> None:
    environment.unlink()
    assert deployment.queue(normal(deployment, "e-1")) == []
    assert (deployment.sent(), extension.asked) == ([7], [NAME])


def test_without_any_policy_events_fail_while_the_reconciler_and_questions_about_tasks_work(
    deployment: Deployment, extension: SecretsStandIn, environment: Path
) -> None:
    """Nothing is touched: the invocation fails, HTTP says 500."""
    deployment.queue(normal(deployment, "e-1"))
    bootstrap.close()
    environment.unlink()
    del extension.parameters[NAME]
    with pytest.raises(SettingsError, match=r"^POLICY_PARAMETER: "):
        deployment.queue(normal(deployment, "e-2", 1))
    assert deployment.post(normal(deployment, "e-3", 2))[0] == 500
    assert reconciler.lambda_handler({}, deployment.context)["due"] == 0
    status, task, _ = deployment.post("", path="/tasks/" + "/".join(TASK), method="GET")
    assert (status, task["applied"]["interval"]) == (200, 7)
