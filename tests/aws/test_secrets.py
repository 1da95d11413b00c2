"""Which variables secrets are in place of, and when they are read."""

import json
from collections.abc import Iterator

import pytest

from snapshot_tuner.aws.secrets import AGE_SECONDS_MOST, READ_AGAIN_SECONDS, SecretVariables
from snapshot_tuner.errors import SettingsError
from tests.aws.secrets_standin import SecretsStandIn, arn, running

KEY_PAIR = {"VOLCENGINE_ACCESS_KEY": "AK", "VOLCENGINE_SECRET_KEY": "SK"}


class StandingClock:
    """Stands still until told otherwise; `frozen` seconds passed while the monotonic clock stood still."""

    now = 1_000_000.0
    frozen = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall_us(self) -> int:
        return int((self.now + self.frozen) * 1e6)


class Reading:
    """Secret variables over a stand-in of the extension, with a clock of their own."""

    def __init__(self, stand_in: SecretsStandIn) -> None:
        self.stand_in = stand_in
        self.clock = StandingClock()
        self.stale: list[str] = []
        self.variables = SecretVariables(self.clock, on_stale=lambda error: self.stale.append(str(error)))
        self.environ = {
            "LEDGER_URL_SECRET_ARN": arn("ledger"),
            "CREDENTIALS_SECRET_ARN": arn("key"),
            **stand_in.environment(),
        }

    def values(self) -> dict[str, str]:
        return dict(self.variables.values(self.environ))


@pytest.fixture
def reading() -> Iterator[Reading]:
    with running() as stand_in:
        stand_in.secrets |= {arn("ledger"): "rediss://one:6379/0", arn("key"): json.dumps(KEY_PAIR)}
        yield Reading(stand_in)


def test_a_secret_is_in_place_of_its_variable(reading: Reading) -> None:
    """The ledger's address as it is, the key pair as members of an object; other members are left alone."""
    reading.stand_in.secrets[arn("key")] = json.dumps(
        {**KEY_PAIR, "rotated": "2026-01-01", "VOLCENGINE_SESSION_TOKEN": ""}
    )
    assert reading.values() == {"LEDGER_URL": "rediss://one:6379/0", **KEY_PAIR}


def test_every_secret_variable() -> None:
    """The temporary key's token, and the secrets of webhooks and callbacks, several to a secret as in the variable."""
    with running() as stand_in:
        reading = Reading(stand_in)
        reading.environ |= {"WEBHOOK_SECRETS_ARN": arn("hooks"), "RTC_CALLBACK_SECRETS_ARN": arn("callbacks")}
        stand_in.secrets = {
            arn("ledger"): "rediss://one:6379/0",
            arn("key"): json.dumps({**KEY_PAIR, "VOLCENGINE_SESSION_TOKEN": "token"}),
            arn("hooks"): "new,old",
            arn("callbacks"): "one",
        }
        assert reading.values() == {
            "LEDGER_URL": "rediss://one:6379/0",
            **KEY_PAIR,
            "VOLCENGINE_SESSION_TOKEN": "token",
            "WEBHOOK_SECRETS": "new,old",
            "RTC_CALLBACK_SECRETS": "one",
        }


def test_without_secrets_nothing_is_asked(reading: Reading) -> None:
    """No extension is needed then."""
    assert (
        SecretVariables(StandingClock(), on_stale=lambda error: pytest.fail(str(error))).values(
            {"LEDGER_URL": "redis://host"}
        )
        == {}
    )
    assert reading.stand_in.asked == []


def test_each_secret_is_read_once(reading: Reading) -> None:
    """However many invocations there are."""
    for _ in range(3):
        reading.values()
    assert sorted(reading.stand_in.asked) == [arn("key"), arn("ledger")]


def test_what_was_refused_is_read_again_but_not_at_once(reading: Reading) -> None:
    """Thirty seconds lie between two readings, whatever is refused in between; then one reading ends the suspicion."""
    before = reading.values()
    reading.stand_in.secrets[arn("ledger")] = "rediss://two:6379/0"
    reading.variables.invalidate()
    reading.clock.now += READ_AGAIN_SECONDS - 1
    assert reading.values() == before
    reading.clock.now += 1
    assert reading.values()["LEDGER_URL"] == "rediss://two:6379/0"
    reading.clock.now += READ_AGAIN_SECONDS
    reading.values()
    assert len(reading.stand_in.asked) == 4


def test_what_has_aged_is_read_again(reading: Reading) -> None:
    """A rotation that nobody has noticed yet arrives within five minutes."""
    reading.values()
    reading.stand_in.secrets[arn("key")] = json.dumps({**KEY_PAIR, "VOLCENGINE_SECRET_KEY": "new"})
    reading.clock.now += AGE_SECONDS_MOST - 1
    assert reading.values()["VOLCENGINE_SECRET_KEY"] == "SK"
    reading.clock.now += 1
    assert reading.values()["VOLCENGINE_SECRET_KEY"] == "new"


@pytest.mark.parametrize("seconds", [AGE_SECONDS_MOST, 86_400, -AGE_SECONDS_MOST])
def test_what_has_aged_in_a_frozen_sandbox_is_read_again(reading: Reading, seconds: float) -> None:
    """Its monotonic clock may have stood still for a day; a wall clock that was set back says nothing of the age."""
    reading.values()
    reading.stand_in.secrets[arn("key")] = json.dumps({**KEY_PAIR, "VOLCENGINE_SECRET_KEY": "new"})
    reading.clock.frozen = seconds
    assert reading.values()["VOLCENGINE_SECRET_KEY"] == "new"


def test_what_was_refused_before_a_freeze_is_read_again_after_it(reading: Reading) -> None:
    """Once: the suspicion, and its thirty seconds, are over then."""
    reading.values()
    reading.variables.invalidate()
    reading.clock.frozen = READ_AGAIN_SECONDS
    for _ in range(2):
        reading.values()
    assert len(reading.stand_in.asked) == 4


def test_a_later_reading_that_fails_leaves_what_is_known(reading: Reading) -> None:
    """Half of it read counts as failed; it is told, and tried again only when it is due again."""
    before = reading.values()
    reading.stand_in.secrets = {arn("ledger"): "rediss://two:6379/0"}
    reading.clock.now += AGE_SECONDS_MOST
    assert reading.values() == before
    assert reading.stale == [
        "CREDENTIALS_SECRET_ARN: the secrets extension answered HTTP 400; its own lines in the log say why"
    ]
    asked = len(reading.stand_in.asked)
    assert reading.values() == before
    assert len(reading.stand_in.asked) == asked


def test_a_first_reading_that_fails_is_tried_again_the_next_time(reading: Reading) -> None:
    """There is nothing to go on with; the invocation fails, and the next one may succeed."""
    reading.stand_in.answers = [(500, b"")]
    with pytest.raises(SettingsError, match=r"^LEDGER_URL_SECRET_ARN: "):
        reading.values()
    assert reading.values()["LEDGER_URL"] == "rediss://one:6379/0"


def test_another_secret_is_read_at_once(reading: Reading) -> None:
    """A changed variable is a new deployment, not an old secret."""
    reading.values()
    reading.stand_in.secrets[arn("other")] = "rediss://other:6379/0"
    reading.environ["LEDGER_URL_SECRET_ARN"] = arn("other")
    assert reading.values()["LEDGER_URL"] == "rediss://other:6379/0"


def test_forgotten_secrets_are_read_anew(reading: Reading) -> None:
    """As after a restore: nothing of the snapshot's is used."""
    reading.values()
    reading.variables.forget()
    reading.stand_in.secrets[arn("ledger")] = "rediss://two:6379/0"
    assert reading.values()["LEDGER_URL"] == "rediss://two:6379/0"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"LEDGER_URL": "redis://h"}, "LEDGER_URL: is set together with LEDGER_URL_SECRET_ARN; set only one of them"),
        (
            {"VOLCENGINE_SECRET_KEY": "hunter2"},
            "VOLCENGINE_SECRET_KEY: is set together with CREDENTIALS_SECRET_ARN; set only one of them",
        ),
        ({"LEDGER_URL_SECRET_ARN": "ledger"}, "LEDGER_URL_SECRET_ARN: must be the ARN of a Secrets Manager secret"),
        (
            {"CREDENTIALS_SECRET_ARN": arn("a b")},
            "CREDENTIALS_SECRET_ARN: must be the ARN of a Secrets Manager secret",
        ),
        (
            {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "http"},
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: must be a port, 1 to 65535",
        ),
        (
            {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "65536"},
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: must be a port, 1 to 65535",
        ),
        (
            {"AWS_SESSION_TOKEN": ""},
            "AWS_SESSION_TOKEN: is not set; secrets can be read inside a Lambda function only",
        ),
        (
            {"AWS_SESSION_TOKEN": "two\r\nlines"},
            "AWS_SESSION_TOKEN: is not set; secrets can be read inside a Lambda function only",
        ),
    ],
)
def test_a_wrong_variable_is_named(reading: Reading, changes: dict[str, str], message: str) -> None:
    """Before anything is asked, and without its value."""
    reading.environ |= changes
    with pytest.raises(SettingsError) as raised:
        reading.values()
    assert str(raised.value) == message
    assert reading.stand_in.asked == []


def test_under_snapstart_the_containers_token_takes_the_sessions_place(reading: Reading) -> None:
    """Lambda then sets AWS_CONTAINER_AUTHORIZATION_TOKEN and no AWS_SESSION_TOKEN."""
    reading.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = reading.environ.pop("AWS_SESSION_TOKEN")
    assert reading.values()["LEDGER_URL"] == "rediss://one:6379/0"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hunter2", "its secret must be a JSON object"),
        ('["hunter2"]', "its secret must be a JSON object"),
        ("[" * 60_000, "its secret must be a JSON object"),
        ("{}", "its secret has no member VOLCENGINE_ACCESS_KEY"),
        ('{"VOLCENGINE_ACCESS_KEY": "hunter2"}', "its secret has no member VOLCENGINE_SECRET_KEY"),
        (
            '{"VOLCENGINE_ACCESS_KEY": "a", "VOLCENGINE_SECRET_KEY": null}',
            "its secret has no member VOLCENGINE_SECRET_KEY",
        ),
        (
            '{"VOLCENGINE_ACCESS_KEY": "hunter2", "VOLCENGINE_SECRET_KEY": 7}',
            "the member VOLCENGINE_SECRET_KEY of its secret must be a string",
        ),
    ],
)
def test_a_key_pair_that_is_none_is_told_without_it(reading: Reading, text: str, reason: str) -> None:
    """Which member is missing or of a wrong kind; never a value."""
    reading.stand_in.secrets[arn("key")] = text
    with pytest.raises(SettingsError) as raised:
        reading.values()
    assert str(raised.value) == f"CREDENTIALS_SECRET_ARN: {reason}"
