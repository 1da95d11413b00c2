"""A function's INIT and first invocation: what it can see, and what it does when its deployment is wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from devkit.build import Tree
from devkit.demo.sample_events import SampleMessage
from devkit.local_runtime.application import HANDLERS, environment
from devkit.local_runtime.function import FunctionSettings, running
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


@pytest.fixture
def broken(code: Code, stand_in: StandIn, ledger_url: str, tmp_path: Path) -> FunctionSettings:
    """A queue_worker that is wrong until somebody mends the file."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(BROKEN_POLICY)
    namespace = f"broken-{code.interpreter.version}"
    variables = environment(code, stand_in, ledger_url) | {"POLICY_PATH": str(policy), "LEDGER_NAMESPACE": namespace}
    return FunctionSettings("queue_worker", HANDLERS["queue_worker"], variables, 20, 512, sandboxes=1)


def test_without_a_snapshot_a_wrong_policy_fails_each_event_until_it_is_mended(
    broken: FunctionSettings, code: Code, stand_in: StandIn, samples: dict[str, list[SampleMessage]]
) -> None:
    """INIT fails and names the rule before any record is touched; the runtime tries again at the next event."""
    calls = len(stand_in.calls())
    # In a room of its own: the stand-in is that of other tests, too.
    [record] = [message.payload for message in samples["sqs/cloudevent.json"]]
    event = {"Records": [record | {"body": record["body"].replace("room-101", "room-cold")}]}
    policy = Path(broken.environment["POLICY_PATH"])

    with running(broken, code, Journal().write) as function:
        failed = [function.invoke(event) for _ in range(2)]
        calls_of_failed = len(stand_in.calls()) - calls
        policy.write_text(BROKEN_POLICY.replace("601", "600"))
        mended = function.invoke(event)

    for answer in failed:
        error = json.loads(answer.payload)
        assert answer.failed
        assert error["errorType"] == "PolicyError"
        assert "line 5, rule 'too-slow', interval: must be" in error["errorMessage"]
    assert calls_of_failed == 0
    assert not mended.failed
    assert len(stand_in.calls()) > calls


def test_with_a_snapshot_a_wrong_policy_is_found_before_there_is_one(broken: FunctionSettings, code: Code) -> None:
    """INIT ends with the error, so there is nothing to take a snapshot of: Lambda publishes no version."""
    environ = dict(broken.environment) | {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    journal = Journal()
    with running(replace(broken, environment=environ), code, journal.write) as function:
        error = json.loads(function.invoke({"Records": []}).payload)
    assert error["errorType"] == "PolicyError"
    assert "INIT RTDONE(status: error)" in journal.text("queue_worker")


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
