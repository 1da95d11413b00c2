"""INIT pays, the event does not; and what INIT made, two sandboxes may share."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pytest

from devkit.benchmarks import events
from devkit.rtc_standin import Fault, FaultKind, StandIn
from devkit.valkey import valkey_server
from tests import import_probe
from tests.aws.secrets_standin import SecretsStandIn, arn, running
from tests.effort import EFFORT, cases
from tests.functions import snapshot

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("queue_worker", "http_endpoint", "bus_listener", "reconciler")
INIT = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_LAMBDA_FUNCTION_NAME": "function"}
ROOTS = (ROOT / "layers" / "snapshot_tuner", ROOT / "functions")


class Snapshot:
    """A function after its INIT; each event goes to a sandbox restored from it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def handle(self, event: object) -> dict[str, Any]:
        requests, answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        requests.write(json.dumps(event) + "\n")
        requests.flush()
        lines = iter(answers.readline, "")
        return next(found for line in lines if "imported" in (found := json.loads(line)))  # the others are its log's


@contextmanager
def snapshot_of(function: str, environment: Mapping[str, str]) -> Iterator[Snapshot]:
    process = subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-B", snapshot.__file__, function],
        env={"PYTHONPATH": os.pathsep.join(map(str, ROOTS)), **INIT, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Snapshot(process)
    finally:
        process.communicate(timeout=60)


DEPLOYED = ("sqlite", "redis", "parameter", "secrets")[: cases(3)]
"""Right deployments: by their ledger, with all secrets behind the extension, and without or with the policy there."""


@pytest.fixture(scope="module")
def provider() -> Iterator[StandIn]:
    with StandIn() as standing_in:
        yield standing_in


@pytest.fixture
def stand_in(provider: StandIn) -> StandIn:
    provider.reset()
    provider.read_as_usual()
    return provider


@pytest.fixture(scope="module", params=DEPLOYED)
def deployed(
    request: pytest.FixtureRequest, provider: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The variables of a right deployment."""
    variables = {**provider.environment(), "POLICY_PATH": str(ROOT / "layers" / "policy" / "policy.yaml")}
    if request.param == "sqlite":
        yield {**variables, "LEDGER_URL": f"sqlite://{tmp_path_factory.mktemp('ledger')}/ledger.db"}
        return
    with valkey_server() as valkey, running() as extension:
        ledger = f"redis://127.0.0.1:{valkey.port}/0"
        if request.param == "redis":
            yield {**variables, "LEDGER_URL": ledger}
            return
        behind = behind_arns(extension, variables, ledger)
        if request.param == "parameter":
            text = Path(variables["POLICY_PATH"]).read_text("utf-8").replace("interval: 5", "interval: 7")
            extension.parameters = {"/policy": text}
            behind["POLICY_PARAMETER"] = "/policy"
        yield behind


def behind_arns(extension: SecretsStandIn, variables: Mapping[str, str], ledger: str) -> dict[str, str]:
    keys = {name: text for name, text in variables.items() if name.startswith("VOLCENGINE_") and name.endswith("_KEY")}
    extension.secrets = {arn("key"): json.dumps(keys), arn("ledger"): ledger}
    left = {name: text for name, text in variables.items() if name not in keys}
    secrets = {"CREDENTIALS_SECRET_ARN": arn("key"), "LEDGER_URL_SECRET_ARN": arn("ledger")}
    return {**left, **extension.environment(), **secrets}


@pytest.fixture(scope="module")
def queue_worker(deployed: dict[str, str]) -> Iterator[Snapshot]:
    with snapshot_of("queue_worker", deployed) as restored:
        yield restored


def test_no_module_is_imported_while_a_batch_is_handled(queue_worker: Snapshot, stand_in: StandIn) -> None:
    """Of the first event, and of one whose call fails."""
    assert_imports_nothing(queue_worker, "queue_worker", stand_in)


@pytest.mark.parametrize("function", ["http_endpoint", "bus_listener"])
@pytest.mark.parametrize("deployed", DEPLOYED if EFFORT > 1 else ["parameter"], indirect=True)
def test_no_module_is_imported_while_another_source_is_answered(
    deployed: dict[str, str], function: str, stand_in: StandIn
) -> None:
    """What they do with a ledger is what queue_worker does with it."""
    with snapshot_of(function, deployed) as restored:
        assert_imports_nothing(restored, function, stand_in)


def assert_imports_nothing(restored: Snapshot, function: str, stand_in: StandIn) -> None:
    assert restored.handle(events.first(function))["imported"] == []
    stand_in.add_fault(Fault(kind=FaultKind.CUT, times=None))
    failed = restored.handle(events.first(function))
    assert failed["imported"] == []
    assert len(stand_in.calls()) == 2
    assert failed["answer"] != {"batchItemFailures": []}


def test_no_module_is_imported_while_a_task_is_read_back(
    deployed: dict[str, str], queue_worker: Snapshot, stand_in: StandIn
) -> None:
    """And while that fails."""
    queue_worker.handle(events.first("queue_worker"))
    with snapshot_of("reconciler", deployed) as restored:
        read = restored.handle({})
        stand_in.spoil_reads(500, b"")
        failed = restored.handle({})
    assert [each["imported"] for each in (read, failed)] == [[], []]
    assert [each["answer"]["unreadable"] > 0 for each in (read, failed)] == [False, True]


def test_two_sandboxes_of_one_snapshot_share_nothing_that_has_to_differ(
    queue_worker: Snapshot, stand_in: StandIn
) -> None:
    """Each has connections and tokens of its own; to the ledger they are two, so that one event makes one call."""
    event = events.first("queue_worker")
    first, again, other = (queue_worker.handle(each) for each in (event, event, events.first("queue_worker")))
    assert [each["answer"] for each in (first, again, other)] == [{"batchItemFailures": []}] * 3
    assert len(stand_in.calls()) == 2
    for name in ("tokens", "connections"):
        assert first[name]
        assert not {*first[name]} & {*other[name]}


def test_each_sandbox_reads_its_secrets_itself(stand_in: StandIn) -> None:
    """None before the first event, when the extension does not answer; what has been rotated by then is used."""
    policy = {"POLICY_PATH": str(ROOT / "layers" / "policy" / "policy.yaml")}
    with valkey_server() as valkey, running() as extension:
        right = behind_arns(extension, {**stand_in.environment(), **policy}, f"redis://127.0.0.1:{valkey.port}/0")
        with snapshot_of("queue_worker", right) as restored:
            rotated = extension.secrets[arn("key")]
            extension.secrets[arn("key")] = rotated.replace(stand_in.credentials.secret_key, "old")
            first = restored.handle(events.first("queue_worker"))
            extension.secrets[arn("key")] = rotated
            second = restored.handle(events.first("queue_worker"))
    assert first["answer"] != second["answer"] == {"batchItemFailures": []}
    assert sorted(extension.asked) == [arn("key")] * 2 + [arn("ledger")] * 2


@pytest.mark.parametrize(
    ("ledger", "functions"),
    [("redis://127.0.0.1:1/0", FUNCTIONS), ("sqlite:///tmp/ledger.db", FUNCTIONS if EFFORT > 1 else FUNCTIONS[:1])],
    ids=["redis", "sqlite"],
)
def test_init_connects_to_nothing_and_reads_no_clock(ledger: str, functions: tuple[str, ...]) -> None:
    """Each function's reads the environment and files, and that is all."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-B", import_probe.__file__, "pydantic,redis,volcenginesdkcore"],
        input=json.dumps([[[f"{function}.handler"], [str(root) for root in ROOTS]] for function in functions]),
        env={
            "PYTHONPATH": os.pathsep.join(map(str, ROOTS)),
            **INIT,
            "LEDGER_URL": ledger,
            "POLICY_PATH": str(ROOT / "layers" / "policy" / "policy.yaml"),
            "VOLCENGINE_ACCESS_KEY": "key",
            "VOLCENGINE_SECRET_KEY": "secret",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    effects = [
        [effect for effect in found if not effect.startswith("the environment is read")]
        for found in json.loads(done.stdout)
    ]
    assert effects == [["a file is opened"]] * len(functions)


def test_a_wrong_setting_ends_init_with_its_name() -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-c", "import queue_worker.handler"],
        env={"PYTHONPATH": os.pathsep.join(map(str, ROOTS)), **INIT, "LEDGER_URL": "mysql://user:hunter2@host"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1].startswith("snapshot_tuner.errors.SettingsError: LEDGER_URL: must be sqlite:")
    assert "hunter2" not in done.stderr
