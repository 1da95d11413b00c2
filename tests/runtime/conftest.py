"""The application on the real runtime, once per Python: this one, and the functions' own where it is found."""

import functools
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from devkit.build import InterpreterMissing, interpreters, local
from devkit.build.artifacts import TARGET_PYTHON
from devkit.demo.sample_events import SampleMessage, load
from devkit.local_runtime import aws_api
from devkit.local_runtime.application import ApplicationSettings, QueueSettings, environment
from devkit.local_runtime.aws_api import AwsApi
from devkit.local_runtime.queue_mapping import MappingSettings
from devkit.local_runtime.sandbox import Code
from devkit.rtc_standin import StandIn
from devkit.valkey import valkey_server
from tests.runtime.killed import Killed, killed_in_the_middle
from tests.runtime.machine import Machine, running_machine

RECEIVES = 2
OWN = interpreters.own().version
FILES = (
    *("sqs/cloudevent.json", "sqs/duplicate.json", "sqs/late.json", "sqs/mixed_batch.json"),
    *("sqs/malformed_not_json.json", "sqs/moderation_alert.json"),
    *("eventbridge/room_load.json", "eventbridge/moderation_alert.json"),
    *("http/cloudevent.json", "http/malformed_not_json.json", "http/several_tasks.json"),
)


@functools.cache
def code_for(version: str) -> Code:
    """Skips the test where no such Python runs."""
    try:
        interpreter = interpreters.find(version)
    except InterpreterMissing as missing:
        pytest.skip(str(missing))
    return Code(local(interpreter), interpreter)


@pytest.fixture(scope="session", params=sorted({OWN, TARGET_PYTHON}))
def code(request: pytest.FixtureRequest) -> Code:
    return code_for(request.param)


@pytest.fixture(scope="session")
def api() -> Iterator[AwsApi]:
    with aws_api.served() as served:
        yield served


@pytest.fixture(scope="session")
def ledger_url() -> Iterator[str]:
    with valkey_server() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture(scope="session")
def samples() -> dict[str, list[SampleMessage]]:
    """All sample events that these tests use, their times moved by the same amount."""
    return load(FILES, datetime.now(UTC))


@pytest.fixture(scope="session")
def stand_in(code: Code) -> Iterator[StandIn]:
    del code  # one account per Python
    with StandIn() as running:
        yield running


@pytest.fixture(scope="session")
def machine(code: Code, api: AwsApi, ledger_url: str, stand_in: StandIn) -> Iterator[Machine]:
    """The whole application, with waits that suit a test."""
    name = f"tuner-{code.interpreter.version.replace('.', '-')}"
    settings = ApplicationSettings(
        name=name,
        environment=environment(code, stand_in, ledger_url) | {"LEDGER_NAMESPACE": name},
        # Long enough that nothing comes back while it is still at work.
        queue=QueueSettings(MappingSettings(100, 0.1, 2), visibility_seconds=2, receives=RECEIVES),
        urgent_queue=QueueSettings(MappingSettings(10, 0, 2), visibility_seconds=2, receives=RECEIVES),
        retry_seconds=(0, 1),
    )
    with running_machine(settings, api, code, stand_in) as running:
        for sandbox in running.application.functions["queue_worker"].sandboxes:
            # A cold start would outlast the visibility on a slow machine.
            assert not sandbox.invoke({"Records": []}).failed
        yield running


@pytest.fixture(scope="session")
def killed(api: AwsApi, ledger_url: str, samples: dict[str, list[SampleMessage]]) -> Iterator[list[Killed]]:
    """By every Python that is found. The lease of a killed call ends 15 s later: other tests may run meanwhile."""
    older, newer = samples["sqs/late.json"][0], samples["sqs/cloudevent.json"][0]
    with ExitStack() as parts:
        yield [
            parts.enter_context(killed_in_the_middle(code_for(version), api, ledger_url, older, newer))
            for version in sorted({OWN, TARGET_PYTHON})
            if is_found(version)
        ]


def is_found(version: str) -> bool:
    try:
        interpreters.find(version)
    except InterpreterMissing:
        return False
    return True
