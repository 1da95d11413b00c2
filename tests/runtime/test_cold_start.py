"""A function's first invocation: what it can see, and what it does when its deployment is wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from devkit.build import Tree
from devkit.demo.sample_events import SampleMessage
from devkit.local_runtime.application import HANDLERS, environment
from devkit.local_runtime.function import FunctionSettings, running
from devkit.local_runtime.function_url import to_response
from devkit.local_runtime.sandbox import Code
from devkit.rtc_standin import StandIn
from tests.runtime.machine import Journal

BROKEN_POLICY = """\
version: 1
rules:
  - name: too-slow
    match: {type: [rtc.room.load]}
    interval: 601
"""

PROBE = """\
import importlib.util
import os
import sys

def lambda_handler(event, context):
    return {
        "path": sys.path,
        "version": "%d.%d" % sys.version_info[:2],
        "found": [name for name in event if importlib.util.find_spec(name)],
        "home": os.environ.get("HOME"),
    }
"""


def broken(name: str, code: Code, stand_in: StandIn, ledger_url: str, folder: Path) -> FunctionSettings:
    policy = folder / "policy.yaml"
    policy.write_text(BROKEN_POLICY)
    variables = environment(code, stand_in, ledger_url) | {"POLICY_PATH": str(policy), "LEDGER_NAMESPACE": "broken"}
    return FunctionSettings(name, HANDLERS[name], variables, timeout_seconds=20, memory_mb=512, sandboxes=1)


def test_a_broken_policy_fails_the_batch_and_names_the_rule(
    code: Code, stand_in: StandIn, ledger_url: str, samples: dict[str, list[SampleMessage]], tmp_path: Path
) -> None:
    """The invocation fails loudly before any record is touched, so all of them come back; no call is made."""
    calls = len(stand_in.calls())
    batch = [message.payload for message in samples["sqs/mixed_batch.json"]]

    with running(broken("queue_worker", code, stand_in, ledger_url, tmp_path), code, Journal().write) as function:
        answers = [function.invoke({"Records": batch}) for _ in range(2)]

    for answer in answers:
        error = json.loads(answer.payload)
        assert answer.failed
        assert error["errorType"] == "PolicyError"
        assert "line 5, rule 'too-slow', interval: must be" in error["errorMessage"]
    assert len(stand_in.calls()) == calls


def test_a_broken_policy_answers_500_over_http_and_keeps_paths_to_itself(
    code: Code, stand_in: StandIn, ledger_url: str, samples: dict[str, list[SampleMessage]], tmp_path: Path
) -> None:
    """The sender learns that the deployment is at fault; the log says where."""
    journal = Journal()
    with running(broken("http_endpoint", code, stand_in, ledger_url, tmp_path), code, journal.write) as function:
        response = to_response(function.invoke(samples["http/cloudevent.json"][0].payload))

    assert response.status == 500
    assert json.loads(response.body)["type"] == "urn:snapshot-tuner:problem:deployment"
    assert str(tmp_path) not in response.body.decode()
    (entry,) = journal.entries("http_endpoint", message="deployment_wrong")
    assert str(tmp_path / "policy.yaml") in entry["error"]


@pytest.fixture(scope="module")
def probe(code: Code, tmp_path_factory: pytest.TempPathFactory) -> Code:
    """The built layers with a function of our own in front of them."""
    root = tmp_path_factory.mktemp("probe")
    (root / "functions").mkdir()
    (root / "functions" / "probe.py").write_text(PROBE)
    (root / "layers").symlink_to(code.tree.root / "layers")
    return replace(code, tree=Tree(root, code.tree.bytecode_by))


def test_a_function_sees_its_layers_and_nothing_of_the_development_environment(probe: Code) -> None:
    """boto3 is installed beside the tests, and so is pytest; neither can be imported here, nor is a variable ours."""
    settings = FunctionSettings("probe", "probe.lambda_handler", {}, timeout_seconds=5, memory_mb=512, sandboxes=1)
    asked = ["boto3", "botocore", "pytest", "devkit", "pip", "snapshot_tuner", "pydantic", "redis"]
    with running(settings, probe, Journal().write) as function:
        answer = json.loads(function.invoke(asked).payload)

    assert answer["found"] == ["snapshot_tuner", "pydantic", "redis"]
    assert answer["version"] == probe.interpreter.version
    assert answer["home"] is None
    assert not [folder for folder in answer["path"] if "site-packages" in folder or "dist-packages" in folder]
