"""Secrets by ARN, through the real handlers: read in an invocation, renewed by rotation and by a restore."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devkit.rtc_standin import StandIn
from snapshot_tuner import bootstrap
from snapshot_tuner.aws import secrets
from snapshot_tuner.errors import SettingsError
from tests.aws.secrets_standin import SecretsStandIn, arn, running
from tests.functions.conftest import Deployment


@pytest.fixture
def vault(deployment: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SecretsStandIn]:
    """The same deployment, with its key and its ledger's address as secrets."""
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    for variables in secrets.STANDS_FOR.values():
        for variable in variables:
            monkeypatch.delenv(variable, raising=False)
    with running() as extension:
        extension.secrets = {arn("key"): key_pair(deployment.standin), arn("ledger"): f"sqlite://{tmp_path}/ledger.db"}
        for name, value in extension.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CREDENTIALS_SECRET_ARN", arn("key"))
        monkeypatch.setenv("LEDGER_URL_SECRET_ARN", arn("ledger"))
        yield extension


def key_pair(stand_in: StandIn, **changes: Any) -> str:  # noqa: ANN401 - members of the secret
    pair = {
        "VOLCENGINE_ACCESS_KEY": stand_in.credentials.access_key,
        "VOLCENGINE_SECRET_KEY": stand_in.credentials.secret_key,
    }
    return json.dumps({**pair, **changes})


def test_the_first_invocation_reads_the_secrets_and_the_next_do_not(
    deployment: Deployment, vault: SecretsStandIn
) -> None:
    """One request for each secret, and the call is signed with what is in it."""
    assert deployment.post(deployment.event("e-1"))[0] == 200
    assert deployment.queue(deployment.event("e-2", seconds=1)) == []
    assert deployment.sent() == [20, 20]
    assert sorted(vault.asked) == [arn("key"), arn("ledger")]


def test_a_refused_key_is_read_again_and_the_event_comes_back(
    deployment: Deployment, vault: SecretsStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the batch it is a retry; the next invocation has the rotated key and a new API client."""
    vault.secrets[arn("key")] = key_pair(deployment.standin, VOLCENGINE_SECRET_KEY="old")
    status, body, _ = deployment.post(deployment.event())
    assert (status, body["type"]) == (503, "urn:snapshot-tuner:problem:credentials")
    vault.secrets[arn("key")] = key_pair(deployment.standin)
    monkeypatch.setattr(secrets, "READ_AGAIN_SECONDS", 0.0)
    assert deployment.post(deployment.event())[0] == 200


def test_a_key_that_stays_wrong_is_not_read_again_and_again(deployment: Deployment, vault: SecretsStandIn) -> None:
    """Ten refusals in a row are far less than thirty seconds: both secrets were read once, at the beginning."""
    vault.secrets[arn("key")] = key_pair(deployment.standin, VOLCENGINE_SECRET_KEY="wrong")
    for _ in range(10):
        assert deployment.post(deployment.event())[0] == 503
    assert len(vault.asked) == 2


def test_a_ledger_that_fails_has_its_address_read_again(
    deployment: Deployment, vault: SecretsStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new password or a new host: both show as a ledger that is not there."""
    good = vault.secrets[arn("ledger")]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        vault.secrets[arn("ledger")] = f"redis://:hunter2@127.0.0.1:{closed.getsockname()[1]}/0"
        status, body, _ = deployment.post(deployment.event())
    assert (status, body["type"]) == (503, "urn:snapshot-tuner:problem:unavailable")
    vault.secrets[arn("ledger")] = good
    monkeypatch.setattr(secrets, "READ_AGAIN_SECONDS", 0.0)
    assert deployment.post(deployment.event())[0] == 200


def test_a_missing_secret_stops_the_function_before_it_touches_an_event(
    deployment: Deployment, vault: SecretsStandIn
) -> None:
    """HTTP answers 500 with the variable's name; the queue's invocation fails, so nothing is lost; then all is well."""
    ledger = vault.secrets.pop(arn("ledger"))
    status, body, _ = deployment.post(deployment.event())
    assert (status, body["detail"]) == (
        500,
        "LEDGER_URL_SECRET_ARN is missing or malformed; the function's log says more",
    )
    with pytest.raises(SettingsError, match=r"^LEDGER_URL_SECRET_ARN: the secrets extension answered HTTP 400; "):
        deployment.queue(deployment.event())
    vault.secrets[arn("ledger")] = ledger
    assert deployment.queue(deployment.event()) == []
    assert deployment.sent() == [20]


def test_a_malformed_address_in_a_secret_is_told_without_it(deployment: Deployment, vault: SecretsStandIn) -> None:
    """By the variable that the secret is in place of."""
    vault.secrets[arn("ledger")] = "mysql://user:hunter2@host"
    with pytest.raises(SettingsError, match=r"^LEDGER_URL: must be sqlite:") as raised:
        deployment.queue(deployment.event())
    assert "hunter2" not in str(raised.value)


def test_after_a_restore_everything_is_renewed(deployment: Deployment, vault: SecretsStandIn) -> None:
    """What the hook does: the next invocation reads the secrets and opens connections of its own."""
    assert deployment.post(deployment.event("e-1"))[0] == 200
    (before,) = deployment.standin._site.open_connections
    bootstrap.close()  # what is left with the runtime's library, see test_bootstrap_leaves_its_hook
    assert deployment.post(deployment.event("e-2", seconds=1))[0] == 200
    assert before not in deployment.standin._site.open_connections
    assert len(deployment.standin._site.open_connections) == 1
    assert sorted(vault.asked) == [arn("key"), arn("key"), arn("ledger"), arn("ledger")]
