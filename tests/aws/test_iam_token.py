"""The ledger's password where IAM decides: what botocore would sign, with the role's keys as they are now."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from urllib.parse import parse_qs

import pytest
from botocore import auth
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from snapshot_tuner.aws import iam_token
from snapshot_tuner.aws.iam_token import IamTokens
from snapshot_tuner.aws.keys import FETCH_SECONDS, AwsKeys, RoleKeys
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import LedgerUnavailable, SettingsError
from tests.aws.keys_endpoint import KeysEndpoint, running
from tests.ledger.backends import SteppedClock

NOW_US = 1_790_000_000_123_456
IN_ENVIRONMENT = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)


def signed_by_botocore(user: str, cache: str, region: str, keys: AwsKeys, moment: datetime) -> dict[str, list[str]]:
    """The parameters of the same request, presigned by AWS's own code at this moment."""
    request = AWSRequest(
        method="GET",
        url=f"https://{cache.lower()}/",
        params={"Action": "connect", "User": user, "ResourceType": "ServerlessCache"},
    )
    credentials = Credentials(keys.access_key, keys.secret_key, keys.session_token)
    signer = SigV4QueryAuth(credentials, "elasticache", region, expires=900)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda: moment)
        signer.add_auth(request)
    return parse_qs(request.url.partition("?")[2], strict_parsing=True)


@given(user=VISIBLE, cache=VISIBLE.filter(str.isalnum), secret=VISIBLE, session=VISIBLE | st.none())
def test_a_token_is_what_botocore_signs(user: str, cache: str, secret: str, session: str | None) -> None:
    """Parameter by parameter, signature included; for any user, key and session token. The host is the cache's name."""
    keys = AwsKeys("AKIA", secret, session)
    token = iam_token.signed(user, cache, "eu-central-1", keys, NOW_US)
    host, _, query = token.partition("/?")
    moment = datetime.fromtimestamp(NOW_US // 1_000_000, UTC)
    assert host == cache.lower()
    assert parse_qs(query, strict_parsing=True) == signed_by_botocore(user, cache, "eu-central-1", keys, moment)


@pytest.fixture
def endpoint() -> Iterator[KeysEndpoint]:
    with running() as keys_endpoint:
        yield keys_endpoint


def key_of(token: str) -> str:
    return parse_qs(token)["X-Amz-Credential"][0].partition("/")[0]


def test_the_environments_keys_come_first_and_are_read_each_time() -> None:
    """Lambda may hand out others at any time."""
    environ = {**IN_ENVIRONMENT, "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/"}
    tokens = IamTokens(environ, SystemClock())
    assert key_of(tokens.token("user", "cache")) == "AKIA"
    environ["AWS_ACCESS_KEY_ID"] = "ASIA"
    environ["AWS_SESSION_TOKEN"] = "session"
    token = tokens.token("user", "cache")
    assert key_of(token) == "ASIA"
    assert parse_qs(token)["X-Amz-Security-Token"] == ["session"]


def test_under_snapstart_the_keys_come_from_the_endpoint(endpoint: KeysEndpoint, tmp_path: Path) -> None:
    """With the container's token in the Authorization header, from the variable or from a file, which comes first."""
    (tmp_path / "token").write_text(endpoint.environment()["AWS_CONTAINER_AUTHORIZATION_TOKEN"] + "\n")
    from_file = {
        **endpoint.environment(),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "an old one",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
    }
    for environ in (endpoint.environment(), from_file):
        token = IamTokens(environ, SystemClock()).token("user", "cache")
        assert key_of(token) == "AKIAFIRST"
        assert parse_qs(token)["X-Amz-Security-Token"] == ["first/session+token=="]


def test_keys_are_kept_until_five_minutes_before_their_end(endpoint: KeysEndpoint) -> None:
    """And then those that are current are in use."""
    clock = SteppedClock()
    keys = RoleKeys(endpoint.environment(), clock)
    for _ in range(3):
        assert keys.current().access_key == "AKIAFIRST"
    assert endpoint.asked == 1
    endpoint.access_key = "AKIASECOND"
    clock.wall_step_us += round((endpoint.lives_seconds - 301) * 1e6)
    assert keys.current().access_key == "AKIAFIRST"
    clock.wall_step_us += 2_000_000
    assert keys.current().access_key == "AKIASECOND"
    assert endpoint.asked == 2


def test_keys_that_cannot_be_renewed_are_used_to_their_end(endpoint: KeysEndpoint) -> None:
    """Five minutes of an endpoint that fails harm nobody; after them nothing is signed with keys that have ended."""
    clock = SteppedClock()
    keys = RoleKeys(endpoint.environment(), clock)
    keys.current()
    endpoint.status = 500
    clock.wall_step_us += round((endpoint.lives_seconds - 60) * 1e6)
    assert keys.current().access_key == "AKIAFIRST"
    clock.wall_step_us += 61_000_000
    with pytest.raises(LedgerUnavailable, match="it answered HTTP 500"):
        keys.current()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, b"hunter2", "it answered HTTP 403"),
        (200, b"hunter2", "its answer has no keys"),
        (200, b'["hunter2"]', "its answer has no keys"),
        (200, b'{"AccessKeyId": "hunter2"}', "its answer has no keys"),
        (
            200,
            b'{"AccessKeyId": "hunter2", "SecretAccessKey": "a", "Token": "b", "Expiration": "soon"}',
            "its answer has no keys",
        ),
        (
            200,
            b'{"AccessKeyId": "hunter2", "SecretAccessKey": 1, "Token": "b", "Expiration": "2026-03-01T09:00:00Z"}',
            "its answer has no keys",
        ),
    ],
)
def test_an_odd_answer_is_one_error_that_quotes_nothing_of_it(
    endpoint: KeysEndpoint, status: int, body: bytes, reason: str
) -> None:
    """It may hold keys. The event comes back: the endpoint may answer next time."""
    endpoint.status, endpoint.body = status, body
    with pytest.raises(LedgerUnavailable, match=reason) as caught:
        RoleKeys(endpoint.environment(), SystemClock()).current()
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_an_endpoint_that_is_silent_or_away_costs_half_a_second_at_most(endpoint: KeysEndpoint) -> None:
    """It is part of the time that the ledger may cost a batch."""
    endpoint.body = None
    start = monotonic()
    with pytest.raises(LedgerUnavailable, match="no complete answer: Timeout"):
        RoleKeys(endpoint.environment(), SystemClock()).current()
    assert monotonic() - start < FETCH_SECONDS + 0.5
    away = {**endpoint.environment(), "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/"}
    with pytest.raises(LedgerUnavailable, match="ConnectionRefusedError"):
        RoleKeys(away, SystemClock()).current()


ENDPOINT = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


@pytest.mark.parametrize(
    ("environ", "variable", "reason"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"}, "AWS_REGION", "is not set"),
        ({"AWS_REGION": "eu-central-1"}, "AWS_ACCESS_KEY_ID", "is not set, nor is AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        ({"AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "AKIA"}, "AWS_SECRET_ACCESS_KEY", "is not set, but"),
        ({"AWS_REGION": "r", ENDPOINT: "https://127.0.0.1/"}, ENDPOINT, "must be an http:// address"),
        ({"AWS_REGION": "r", ENDPOINT: "http://example.com/"}, ENDPOINT, "must be an http:// address"),
        ({"AWS_REGION": "r", ENDPOINT: "http://127.0.0.1/\r\nHost: x"}, ENDPOINT, "must be an http:// address"),
        (
            {"AWS_REGION": "r", ENDPOINT: "http://127.0.0.1/", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\r\nb"},
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "cannot be sent in a header",
        ),
        (
            {"AWS_REGION": "r", ENDPOINT: "http://127.0.0.1/", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere"},
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "names a file that cannot be read",
        ),
    ],
)
def test_what_the_environment_lacks_is_named(environ: Mapping[str, str], variable: str, reason: str) -> None:
    """No event can help that. Keys are asked for on this machine only."""
    with pytest.raises(SettingsError, match=reason) as caught:
        IamTokens(environ, SystemClock()).token("user", "cache")
    assert caught.value.variable == variable
