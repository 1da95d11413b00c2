"""Who may import whom, and that an import has no effect."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from devkit.demo import sample_events
from devkit.rtc_standin import StandIn
from tests import import_probe, import_rules

ROOT = Path(__file__).parents[1]
ROOTS = (ROOT / "layers" / "snapshot_tuner", ROOT / "functions")
SOURCES = import_rules.sources(*ROOTS)
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in SOURCES.items()}
PACKAGES = [name for name, path in SOURCES.items() if path.name == "__init__.py"]


PRELOADED = (
    "asyncio",
    "aws_lambda_powertools",
    "httptools",
    "pydantic",
    "redis",
    "urllib3",
    "volcenginesdkcore",
    "yaml",
)
"""Other people's packages that most modules import."""


def probe(modules: Sequence[tuple[Sequence[str], Sequence[Path]]], preloaded: Sequence[str] = ()) -> list[list[str]]:
    """The effects of importing these modules in a fork, under their roots, for each fork of a Python of its own."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-B", import_probe.__file__, ",".join(preloaded)],
        input=json.dumps([(names, [*map(str, roots)]) for names, roots in modules]),
        env={"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    effects: list[list[str]] = json.loads(done.stdout)
    return effects


def test_every_module_keeps_the_rules() -> None:
    """Handlers hold no client, only wiring knows concrete classes, what decides is pure, nothing is circular."""
    assert import_rules.violations(import_rules.parse(TEXTS, PACKAGES)) == []


def test_the_rules_speak_of_modules_that_there_are() -> None:
    """A module that was renamed takes its rule along."""
    named = {*import_rules.FOR_HANDLERS, *import_rules.CONCRETE, *import_rules.PURE, *import_rules.INNERMOST}
    named |= import_rules.READS_ENVIRONMENT | import_rules.OPEN_OF_THE_LEDGER
    named |= {f"{import_rules.PACKAGE}.{name}" for name in import_rules.DIRECTION}
    assert named <= SOURCES.keys()


def test_imports_run_down_the_folders() -> None:
    """Printed with `pytest -rP`: each folder, from the top, and what it imports of those below it."""
    imported_by = import_rules.imported_folders(import_rules.parse(TEXTS, PACKAGES))
    for folder, others in imported_by.items():
        print(f"{folder:16} > {', '.join(others) or 'nothing'}")  # noqa: T201 - the direction, for a reader
    assert [*imported_by] == [*import_rules.DIRECTION]


def test_no_folder_is_a_long_list() -> None:
    """At most 14 modules stand side by side."""
    beside = Counter(path.parent.relative_to(ROOT) for path in SOURCES.values() if path.name != "__init__.py")
    assert {str(folder): modules for folder, modules in beside.items() if modules > 14} == {}


@pytest.mark.parametrize(
    ("module", "line", "violation"),
    [
        (
            "queue_worker.handler",
            "from snapshot_tuner.ledger.ports import Ledger",
            "queue_worker.handler imports snapshot_tuner.ledger.ports, which is not a handler's business",
        ),
        (
            "queue_worker.handler",
            "def later():\n    from snapshot_tuner.rtc import client",
            "queue_worker.handler imports snapshot_tuner.rtc.client, a concrete class: only wiring knows it",
        ),
        (
            "bus_listener.handler",
            "from http_endpoint import answers",
            "bus_listener.handler imports http_endpoint.answers, which is not a handler's business",
        ),
        (
            "snapshot_tuner.tuning.outcomes",
            "import queue_worker.handler",
            "snapshot_tuner.tuning.outcomes imports queue_worker.handler: calls go down only",
        ),
        (
            "snapshot_tuner.tuning.tuner",
            "from ..ledger.sqlite.ledger import SqliteLedger",
            (
                "snapshot_tuner.tuning.tuner imports snapshot_tuner.ledger.sqlite.ledger, "
                "a concrete class: only wiring knows it"
            ),
        ),
        (
            "snapshot_tuner.tuning.tuner",
            "from snapshot_tuner.ledger import transitions",
            "snapshot_tuner.tuning.tuner imports snapshot_tuner.ledger.transitions, a part of the ledger's inside",
        ),
        (
            "snapshot_tuner.tuning.tuner",
            "from .. import bootstrap",
            "snapshot_tuner.tuning.tuner imports snapshot_tuner.bootstrap, which only handlers do",
        ),
        (
            "snapshot_tuner.formats.strict_yaml",
            "from snapshot_tuner.ledger.types import Slot",
            "snapshot_tuner.formats.strict_yaml imports snapshot_tuner.ledger.types, which is above it: "
            + " > ".join(import_rules.DIRECTION),
        ),
        (
            "snapshot_tuner.policy.curves",
            "import time",
            "snapshot_tuner.policy.curves imports time, but snapshot_tuner.policy.engine has to be pure",
        ),
        (
            "snapshot_tuner.policy.targets",
            "import urllib.request",
            "snapshot_tuner.policy.targets imports urllib.request, but snapshot_tuner.policy.targets has to be pure",
        ),
        (
            "snapshot_tuner.policy.engine",
            "from snapshot_tuner.clock import SystemClock",
            (
                "snapshot_tuner.policy.engine imports snapshot_tuner.clock, "
                "but snapshot_tuner.policy.engine has to be pure"
            ),
        ),
        (
            "snapshot_tuner.model",
            "from . import errors",
            "snapshot_tuner.model imports snapshot_tuner.errors, but has to stand alone",
        ),
        (
            "snapshot_tuner.policy.curves",
            "from snapshot_tuner.policy.engine import Policy",
            "snapshot_tuner.policy.curves imports itself through others",
        ),
        (
            "snapshot_tuner.policy.engine",
            "from os import getenv",
            "snapshot_tuner.policy.engine reads the environment, which only bootstrap and settings do",
        ),
        (
            "http_endpoint.handler",
            "import os\nos.environ",
            "http_endpoint.handler reads the environment, which only bootstrap and settings do",
        ),
        (
            "http_endpoint.handler",
            "import boto3.session",
            "http_endpoint.handler imports boto3.session, which is not deployed",
        ),
        (
            "snapshot_tuner.rtc.call_pool",
            "from devkit.rtc_standin import StandIn",
            "snapshot_tuner.rtc.call_pool imports devkit.rtc_standin, which is not deployed",
        ),
    ],
)
def test_a_planted_violation_is_found(module: str, line: str, violation: str) -> None:
    """Each rule can fail: one line more in a real module breaks it, wherever in the module it stands."""
    planted = TEXTS | {module: f"{TEXTS[module]}\n{line}\n"}
    assert violation in import_rules.violations(import_rules.parse(planted, PACKAGES))


@cache
def import_effects() -> dict[str, list[str]]:
    """Of each module, where none of ours is imported yet.

    A module's code runs once however many are imported: where all of them together have no effect, none has one.
    """
    together = [name for name in SOURCES if not name.endswith(".handler")]
    alone = [name for name in SOURCES if name not in together]
    found, *told = probe([(together, ROOTS), *(([name], ROOTS) for name in alone)], PRELOADED)
    if found:
        alone, told = [*SOURCES], probe([([name], ROOTS) for name in SOURCES], PRELOADED)
    return dict.fromkeys(together, found) | dict(zip(alone, told, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_importing_has_no_effect(name: str) -> None:
    """With an empty environment: no file, thread, socket or clock is touched, and no AWS SDK comes along.

    A handler's module asks whether this is Lambda's INIT, and does nothing where it is not.
    """
    asked = ["the environment is read: AWS_LAMBDA_INITIALIZATION_TYPE"] if name.endswith(".handler") else []
    assert import_effects()[name] == asked


PLANTED = [
    ("import os\nos.environ.get('LEDGER_URL')", ["the environment is read: LEDGER_URL"]),
    ("from os import getenv\ngetenv('LEDGER_URL')", ["the environment is read: LEDGER_URL"]),
    ("import os\ndict(os.environ)", ["the environment is read"]),
    ("import os\nos.environ['A'] = 'b'", ["the environment is changed"]),
    ("import time\ntime.monotonic()", ["the clock is read"]),
    ("open(__file__).close()", ["a file is opened"]),
    ("open(__file__ + '.new', 'w').close()", ["a file is opened for writing: {folder}/planted.py.new"]),
    ("import socket\nsocket.socket().close()", ["a socket is made"]),
    ("from threading import Thread\nThread(target=int).start()", ["a thread is started"]),
    ("import sqlite3\nsqlite3.connect(':memory:').close()", ["a database is opened"]),
    (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-V'], capture_output=True)",
        ["a process is started"],
    ),
    ("from aws_lambda_powertools import Logger\nLogger()", ["the environment is read: POWERTOOLS_SERVICE_NAME"]),
    ("import botocore.session", ["botocore is imported"]),
    ("try:\n    import boto3\nexcept ImportError:\n    pass", ["boto3 is imported"]),
    ("from aws_lambda_powertools.utilities import idempotency", ["boto3 is imported"]),
    ("import urllib3, pydantic, redis, volcenginesdkcore", []),
    ("from pydantic import BaseModel\nclass Model(BaseModel): ...", []),
]


@pytest.fixture(scope="module", params=[(), PRELOADED], ids=["nothing preloaded", "preloaded"])
def planted_effects(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, list[str]]]:
    """What the probe finds in a module of each text, with the folder that the module is in."""
    folders = {text: tmp_path_factory.mktemp("planted") for text, _ in PLANTED}
    for text, folder in folders.items():
        (folder / "planted.py").write_text(text, encoding="utf-8")
    found = probe([(["planted"], [folder]) for folder in folders.values()], request.param)
    return {text: (folder, effects) for (text, folder), effects in zip(folders.items(), found, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize(("text", "effects"), PLANTED)
def test_a_planted_effect_is_found(
    planted_effects: dict[str, tuple[Path, list[str]]], text: str, effects: list[str]
) -> None:
    """The probe sees what a module does when it is imported, and not what other people's packages do."""
    folder, found = planted_effects[text]
    assert {effect.format(folder=folder) for effect in effects} <= set(found)
    assert bool(found) == bool(effects)


def test_neither_boto3_nor_botocore_is_deployed() -> None:
    """The layer of dependencies holds the requirements and nothing of the AWS SDK; Powertools does not need it."""
    text = (ROOT / "layers" / "dependencies" / "requirements.txt").read_text(encoding="utf-8")
    deployed = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    assert {"pydantic", "redis", "volcenginesdk-core"} <= set(deployed)
    assert not {"boto3", "botocore", "s3transfer"} & set(deployed)


HANDLE_ALL = """
import importlib, json, sys
class Context:
    def get_remaining_time_in_millis(self):
        return 20_000
for function, payload in json.load(sys.stdin).items():
    importlib.import_module(function + ".handler").lambda_handler(payload, Context())
from snapshot_tuner import bootstrap
bootstrap.close()
print(json.dumps([name for name in sys.modules if name.partition(".")[0] in ("boto3", "botocore", "s3transfer")]))
"""


@pytest.mark.slow
def test_handling_an_event_brings_in_no_aws_sdk(stand_in: StandIn, tmp_path: Path) -> None:
    """In none of the functions: not at import, nor when the first event is handled and the call is made.

    Where it finds one, Powertools imports the bare package `botocore` to register its name there: nothing below it.
    """
    files = {"sqs/cloudevent.json": "queue_worker", "http/cloudevent.json": "http_endpoint"}
    files["eventbridge/room_load.json"] = "bus_listener"
    payloads = {}
    for file, (message,) in sample_events.load([*files], datetime.now(UTC)).items():
        payloads[files[file]] = {"Records": [message.payload]} if file.startswith("sqs/") else message.payload
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-B", "-c", HANDLE_ALL],
        input=json.dumps(payloads),
        env={
            "PYTHONPATH": os.pathsep.join(map(str, ROOTS)),
            "LEDGER_URL": f"sqlite://{tmp_path}/ledger.db",
            "POLICY_PATH": str(ROOT / "layers" / "policy" / "policy.yaml"),
            **stand_in.environment(),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout.splitlines()[-1]) in ([], ["botocore"])
    assert [call.outcome for call in stand_in.calls()] == ["ok"] * 3
