"""The environment as `Settings`, or one error that names the variable."""

from dataclasses import asdict
from pathlib import Path

import pytest

from snapshot_tuner.errors import SettingsError
from snapshot_tuner.settings import VARIABLES, HttpAuth, Settings

LEDGER = {"LEDGER_URL": "sqlite:///tmp/ledger.db"}


def test_only_the_ledger_has_to_be_told() -> None:
    """Everything else has its documented default."""
    settings = Settings.from_env(LEDGER)
    assert asdict(settings) == {
        "rtc_endpoint": "https://rtc.volcengineapi.com",
        "rtc_region": "cn-north-1",
        "rtc_api_version": "2023-11-01",
        "rtc_max_qps": 150,
        "ledger_url": "sqlite:///tmp/ledger.db",
        "ledger_namespace": "default",
        "policy_path": Path("/opt/policy.yaml"),
        "policy_parameter": "",
        "policy_refresh_seconds": 60,
        "idempotency_ttl_seconds": 86400,
        "task_ttl_seconds": 1209600,
        "max_clock_skew_seconds": 300,
        "http_auth": "iam",
        "webhook_secrets": (),
        "webhook_tokens": (),
        "operator_tokens": (),
        "rtc_callback_secrets": (),
        "rtc_app_ids": (),
        "http_max_body_bytes": 262144,
        "http_max_events": 100,
        "dry_run": False,
        "log_event_data": True,
        "log_callback_data": False,
        "rtc_proxy": None,
    }


def test_the_variables_are_those_of_the_contract() -> None:
    """The proxy comes from the usual variables, not from one of ours."""
    assert set(VARIABLES) == {
        "RTC_ENDPOINT", "RTC_REGION", "RTC_API_VERSION", "RTC_MAX_QPS", "LEDGER_URL", "LEDGER_NAMESPACE", "POLICY_PATH",
        "IDEMPOTENCY_TTL_SECONDS", "TASK_TTL_SECONDS", "MAX_CLOCK_SKEW_SECONDS", "HTTP_AUTH", "WEBHOOK_SECRETS",
        "WEBHOOK_TOKENS", "RTC_CALLBACK_SECRETS", "RTC_APP_IDS", "HTTP_MAX_BODY_BYTES", "HTTP_MAX_EVENTS", "DRY_RUN",
        "LOG_EVENT_DATA", "LOG_CALLBACK_DATA", "POLICY_PARAMETER", "POLICY_REFRESH_SECONDS", "OPERATOR_TOKENS",
    }  # fmt: skip


def test_a_variable_set_to_nothing_counts_as_not_set() -> None:
    """A template cannot leave a variable out, only empty."""
    settings = Settings.from_env({**LEDGER, "RTC_MAX_QPS": "", "WEBHOOK_SECRETS": " "})
    assert (settings.rtc_max_qps, settings.webhook_secrets) == (150, ())
    with pytest.raises(SettingsError, match=r"^LEDGER_URL: is not set$"):
        Settings.from_env({"LEDGER_URL": ""})


def test_several_secrets_are_told_apart_by_commas() -> None:
    """Both are accepted during a rotation."""
    settings = Settings.from_env({**LEDGER, "WEBHOOK_SECRETS": "old, new,", "HTTP_AUTH": "signature"})
    assert (settings.webhook_secrets, settings.http_auth) == (("old", "new"), HttpAuth.SIGNATURE)


def test_with_signatures_ids_are_remembered_as_long_as_a_request_can_be_replayed() -> None:
    """A timestamp is accepted from 300 s before its time until 300 s after it."""
    signature = {**LEDGER, "HTTP_AUTH": "signature"}
    assert Settings.from_env({**signature, "IDEMPOTENCY_TTL_SECONDS": "600"}).idempotency_ttl_seconds == 600
    with pytest.raises(SettingsError, match=r"^IDEMPOTENCY_TTL_SECONDS: must be at least 600 with HTTP_AUTH=signature"):
        Settings.from_env({**signature, "IDEMPOTENCY_TTL_SECONDS": "599"})


def test_every_mistake_is_told_at_once_and_no_secret_is() -> None:
    """The error's own variable is the first one; a ledger URL may hold a password."""
    environment = {"LEDGER_URL": "mysql://user:hunter2@host", "RTC_MAX_QPS": "fast", "DRY_RUN": "perhaps"}
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(environment)
    assert raised.value.variable == "RTC_MAX_QPS"
    assert "LEDGER_URL: must be sqlite:///absolute/path.db" in str(raised.value)
    assert "DRY_RUN: " in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_secrets_are_not_in_the_printed_form() -> None:
    settings = Settings.from_env({"LEDGER_URL": "redis://:hunter2@host/0", "WEBHOOK_SECRETS": "hunter3"})
    assert "hunter" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RTC_ENDPOINT", "ftp://host"),
        ("RTC_ENDPOINT", "https://host/path"),
        ("RTC_REGION", "CN North"),
        ("RTC_API_VERSION", "2023-11-31"),
        ("RTC_API_VERSION", "20231101"),
        ("RTC_API_VERSION", "2023-W44-3"),
        ("RTC_MAX_QPS", "0"),
        ("RTC_MAX_QPS", "1.5"),
        ("LEDGER_URL", "sqlite://relative/path.db"),
        ("LEDGER_URL", "sqlite:///"),
        ("LEDGER_URL", "redis://"),
        ("LEDGER_NAMESPACE", "a b"),
        ("LEDGER_NAMESPACE", "{a}"),
        ("IDEMPOTENCY_TTL_SECONDS", "0"),
        ("MAX_CLOCK_SKEW_SECONDS", "-1"),
        ("HTTP_AUTH", "none"),
        ("HTTP_AUTH", ""),
    ],
)
def test_a_malformed_value_names_its_variable(variable: str, value: str) -> None:
    """An empty value is no mistake: it is the default."""
    environment = {**LEDGER, variable: value}
    if not value:
        assert Settings.from_env(environment).http_auth is HttpAuth.IAM
        return
    with pytest.raises(SettingsError, match=rf"^{variable}: ") as raised:
        Settings.from_env(environment)
    assert raised.value.variable == variable


def test_the_task_memory_outlasts_the_event_memory() -> None:
    """Otherwise an event that is still remembered could meet a task that is not."""
    environment = {**LEDGER, "IDEMPOTENCY_TTL_SECONDS": "600", "TASK_TTL_SECONDS": "599"}
    with pytest.raises(SettingsError, match=r"^TASK_TTL_SECONDS: must be at least IDEMPOTENCY_TTL_SECONDS$"):
        Settings.from_env(environment)


@pytest.mark.parametrize(
    ("endpoint", "environment", "proxy"),
    [
        ("https://rtc.example", {"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://rtc.example", {"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://rtc.example", {"HTTP_PROXY": "http://proxy:3128"}, None),
        ("https://rtc.example", {"ALL_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://rtc.example", {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".example"}, None),
        ("https://rtc.example", {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, None),
        ("https://rtc.example", {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "other"}, "http://proxy:3128"),
        ("http://127.0.0.1:8000", {"HTTP_PROXY": "http://proxy:3128"}, None),
        ("http://localhost:8000", {"HTTP_PROXY": "http://proxy:3128"}, None),
        ("http://[::1]:8000", {"HTTP_PROXY": "http://proxy:3128"}, None),
    ],
)
def test_the_proxy_is_the_usual_one_and_none_to_this_machine(
    endpoint: str, environment: dict[str, str], proxy: str | None
) -> None:
    """Unlike the SDK, NO_PROXY is heard, and loopback needs none."""
    assert Settings.from_env({**LEDGER, "RTC_ENDPOINT": endpoint, **environment}).rtc_proxy == proxy
