"""A secret's text from the extension, or one error that names the variable and no secret."""

import json
import socket
from collections.abc import Iterator

import pytest

from snapshot_tuner.aws import secrets_extension
from snapshot_tuner.aws.secrets_extension import SecretsExtension
from snapshot_tuner.errors import SettingsError
from tests.aws.secrets_standin import TOKEN, SecretsStandIn, arn, running

VARIABLE = "LEDGER_URL_SECRET_ARN"
NOT_READY = b"not ready to serve traffic, please wait"


@pytest.fixture
def stand_in() -> Iterator[SecretsStandIn]:
    with running() as extension:
        extension.secrets[arn("ledger")] = "rediss://:hunter2@ledger:6379/0"
        yield extension


def read(stand_in: SecretsStandIn, *, token: str = TOKEN) -> str:
    return SecretsExtension(stand_in.port, token).secret_string(VARIABLE, arn("ledger"))


def test_the_text_is_the_secret_string(stand_in: SecretsStandIn) -> None:
    """Asked for by its ARN, which is quoted in the address, with the session token."""
    assert read(stand_in) == "rediss://:hunter2@ledger:6379/0"
    assert stand_in.asked == [arn("ledger")]


def test_a_proxy_of_the_environment_has_no_part_in_it(
    stand_in: SecretsStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extension is on this machine, and what it says is nobody else's business."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert read(stand_in) == "rediss://:hunter2@ledger:6379/0"


def test_an_extension_that_is_not_ready_yet_is_asked_again(stand_in: SecretsStandIn) -> None:
    """The first invocation may be here before it is there."""
    stand_in.answers = [(400, NOT_READY), (400, NOT_READY)]
    assert read(stand_in) == "rediss://:hunter2@ledger:6379/0"
    assert len(stand_in.asked) == 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((400, b"hunter2"), "the secrets extension answered HTTP 400; its own lines in the log say why"),
        ((500, b"{}"), "the secrets extension answered HTTP 500; its own lines in the log say why"),
        ((200, b"hunter2"), "the secrets extension answered without a SecretString"),
        ((200, b"\xff"), "the secrets extension answered without a SecretString"),
        ((200, b"[]"), "the secrets extension answered without a SecretString"),
        ((200, b"{}"), "the secrets extension answered without a SecretString"),
        ((200, b'{"SecretString": ""}'), "the secrets extension answered without a SecretString"),
        ((200, b'{"SecretString": 7}'), "the secrets extension answered without a SecretString"),
        ((200, b'{"SecretBinary": "aHVudGVyMg=="}'), "the secrets extension answered without a SecretString"),
        ((200, b"[" * 60_000), "the secrets extension answered without a SecretString"),
        ((200, b" " * 70_000), "the secrets extension gave no complete answer: MalformedAnswer"),
    ],
)
def test_anything_else_is_one_error_without_a_secret(
    stand_in: SecretsStandIn, answer: tuple[int, bytes], reason: str
) -> None:
    """The variable and what was wrong; never what the extension said."""
    stand_in.answers = [answer]
    with pytest.raises(SettingsError) as raised:
        read(stand_in)
    assert str(raised.value) == f"{VARIABLE}: {reason}"
    assert raised.value.__cause__ is None


def test_a_refused_token_is_told_by_its_status(stand_in: SecretsStandIn) -> None:
    """And the token is not in the error, nor in the printed form."""
    with pytest.raises(SettingsError, match=r"answered HTTP 401; ") as raised:
        read(stand_in, token="hunter3")
    assert "hunter" not in str(raised.value)
    assert "hunter" not in repr(SecretsExtension(1, "hunter3"))


def test_a_silent_extension_costs_its_time_and_no_more(
    stand_in: SecretsStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For one secret three seconds; here a tenth of one."""
    monkeypatch.setattr(secrets_extension, "READ_SECONDS", 0.1)
    stand_in.answers = [None]
    with pytest.raises(SettingsError, match=rf"^{VARIABLE}: the secrets extension gave no complete answer: Timeout$"):
        read(stand_in)


def test_one_that_never_gets_ready_costs_no_more_either(
    stand_in: SecretsStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets_extension, "READ_SECONDS", 0.1)
    stand_in.answers = [(400, NOT_READY)] * 1000
    with pytest.raises(SettingsError, match=rf"^{VARIABLE}: the secrets extension "):
        read(stand_in)


def test_no_extension_at_all_asks_for_its_layer() -> None:
    """Nobody listens: the connection is refused at once."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(SettingsError, match=rf"^{VARIABLE}: no secrets extension on port {port}; is its layer att"):
        SecretsExtension(port, TOKEN).secret_string(VARIABLE, arn("ledger"))


def test_a_text_comes_back_as_it_was_stored(stand_in: SecretsStandIn) -> None:
    """Line ends, quotes and other scripts too."""
    text = 'a "b"\r\n密钥\u2028' + json.dumps({"x": 1})
    stand_in.secrets[arn("ledger")] = text
    assert read(stand_in) == text
