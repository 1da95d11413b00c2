"""A function whose ledger is ElastiCache: it works, and a refused token is one clear outcome."""

import json
from collections.abc import Iterator

import pytest

from devkit.elasticache import CacheStandIn, LoginRefusal
from devkit.valkey import valkey_server
from snapshot_tuner import bootstrap
from snapshot_tuner.model import TaskRef
from tests.aws import keys_endpoint
from tests.functions.conftest import Deployment
from tests.functions.http_sender import send
from tests.logged_lines import captured


@pytest.fixture
def door(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[CacheStandIn]:
    """In front of the deployment's ledger; the function's keys are those of its environment."""
    assert deployment.standin.port
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tuner-QueueWorker-1")
    with valkey_server() as server, CacheStandIn(server.port) as standin:
        for name, value in standin.environment().items():
            monkeypatch.setenv(name, value)
        yield standin
        bootstrap.close()


def test_a_refused_token_is_retry_and_counted_and_in_no_log(
    door: CacheStandIn, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """The event comes back, and is applied once the role may connect. Each attempt showed a token of its own."""
    door.refusal = LoginRefusal.TOKEN
    with captured(bootstrap.logger()) as log:
        assert deployment.queue(deployment.event()) == ["m-0"]
        door.refusal = None
        assert deployment.queue(deployment.event()) == []
    said = log.getvalue() + capsys.readouterr().out
    assert deployment.stands_at() == 20
    assert "AuthenticationError: invalid username-password pair or user is disabled" in said
    metrics = [json.loads(line) for line in said.splitlines() if line.startswith('{"_aws"')]
    assert [line.get("LedgerStepsFailed") for line in metrics] == [[1.0], None]
    assert [line.get("EventsRetried") for line in metrics] == [[1.0], None]
    for part in ("X-Amz", door.key.secret_key, door.key.session_token):
        assert str(part) not in said


def test_a_clock_that_is_off_is_retry_and_counted_and_unhealthy(
    door: CacheStandIn, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """For those events alone which that clock puts into the future."""
    assert send(deployment, "GET", "/health").status == 200
    bootstrap.close()  # another sandbox, which has not looked yet
    door.clock_ahead = -7200
    earlier = deployment.event("e-2", seconds=-7200, task=TaskRef("app", "other", "task"))
    with captured(bootstrap.logger()) as log:
        assert deployment.queue(deployment.event("e-1"), earlier) == ["m-0"]
        reply = send(deployment, "GET", "/health")
    assert (reply.status, reply.problem) == (503, "unhealthy")
    assert reply.json["detail"].startswith("clock off: ")
    said = log.getvalue() + capsys.readouterr().out
    assert "the ledger's clock is -7200 s off the function's" in said
    metrics = [json.loads(line) for line in said.splitlines() if line.startswith('{"_aws"')]
    assert [(line["LedgerClockOff"], line["EventsRetried"], line["EventsApplied"]) for line in metrics] == [
        ([1.0], [1.0], [1.0])
    ]
    door.clock_ahead = 0
    bootstrap.close()
    assert send(deployment, "GET", "/health").status == 200
    assert deployment.queue(deployment.event("e-1")) == []
    assert deployment.stands_at() == 20


def test_under_snapstart_the_function_asks_the_endpoint_for_its_keys(
    door: CacheStandIn, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are none in its environment then; the endpoint's stay in use for the next connections."""
    with keys_endpoint.running() as endpoint:
        endpoint.access_key, endpoint.secret_key = door.key.access_key, door.key.secret_key
        endpoint.token = str(door.key.session_token)
        for name in door.key.environment():
            monkeypatch.delenv(name)
        for name, value in endpoint.environment().items():
            monkeypatch.setenv(name, value)
        assert deployment.queue(deployment.event("e-1")) == []
        assert door.end_connections() == 1
        assert deployment.queue(deployment.event("e-2", seconds=1, data={"load": 0.5})) == []
    assert deployment.stands_at() == 5
    assert (endpoint.asked, door.let_in.total()) == (1, 2)
