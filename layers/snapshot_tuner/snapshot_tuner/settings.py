"""The environment, read once and checked: the only place that reads it."""

import re
from collections.abc import Mapping
from enum import StrEnum, auto
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from snapshot_tuner.errors import SettingsError
from snapshot_tuner.strict_json import MAX_BODY_BYTES
from snapshot_tuner.webhook_signature import TOLERANCE_SECONDS

RTC_QUOTA_QPS = 150
"""The provider's limit of UpdateSnapshot calls per second for a whole account, all AppIds together."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class HttpAuth(StrEnum):
    """Who proves the caller of the function URL."""

    IAM = auto()
    SIGNATURE = auto()


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("must be http://host or https://host, with a port where needed and no path")
    return url.rstrip("/")


def _ledger_url(url: str) -> str:
    parts = urlsplit(url)
    match parts.scheme:
        case "sqlite" if not parts.netloc and parts.path.startswith("/") and parts.path != "/":
            return url
        case "redis" | "rediss" if parts.hostname:
            return url
        case _:
            raise ValueError("must be sqlite:///absolute/path.db, redis://host:port/0 or rediss://host:port/0")


def _secrets(text: object) -> object:
    return (
        tuple(part for part in (piece.strip() for piece in text.split(",")) if part) if isinstance(text, str) else text
    )


class Settings(BaseModel):
    """What the deployment says; every field is the variable of the same name in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    rtc_endpoint: Annotated[str, AfterValidator(_endpoint)] = "https://rtc.volcengineapi.com"
    rtc_region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")] = "cn-north-1"
    rtc_max_qps: Annotated[int, Field(ge=1, le=1_000_000)] = RTC_QUOTA_QPS
    ledger_url: Annotated[str, AfterValidator(_ledger_url), Field(repr=False)]
    ledger_namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "default"
    policy_path: Path = Path("/opt/policy.yaml")
    idempotency_ttl_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = 86_400
    task_ttl_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = 1_209_600
    max_clock_skew_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    http_auth: HttpAuth = HttpAuth.IAM
    webhook_secrets: Annotated[tuple[str, ...], BeforeValidator(_secrets), Field(repr=False)] = ()
    rtc_callback_secrets: Annotated[tuple[str, ...], BeforeValidator(_secrets), Field(repr=False)] = ()
    http_max_body_bytes: Annotated[int, Field(ge=1, le=6_291_456)] = MAX_BODY_BYTES
    http_max_events: Annotated[int, Field(ge=1, le=10_000)] = 100
    dry_run: bool = False
    log_event_data: bool = True
    rtc_proxy: Annotated[str | None, Field(repr=False)] = None

    @model_validator(mode="after")
    def _memory_outlasts_retries(self) -> Self:
        if self.task_ttl_seconds < self.idempotency_ttl_seconds:
            raise ValueError("TASK_TTL_SECONDS: must be at least IDEMPOTENCY_TTL_SECONDS")
        return self

    @model_validator(mode="after")
    def _memory_outlasts_replays(self) -> Self:
        # A timestamp may be as far ahead as behind: so long can a signed request be sent again.
        if self.http_auth is HttpAuth.SIGNATURE and self.idempotency_ttl_seconds < 2 * TOLERANCE_SECONDS:
            raise ValueError(
                f"IDEMPOTENCY_TTL_SECONDS: must be at least {2 * TOLERANCE_SECONDS} with HTTP_AUTH=signature, "
                f"so that a replay is known"
            )
        return self

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingsError that names the first variable at fault; its reason goes on with the others.

        A variable that is set to nothing counts as not set: a template cannot leave one out.
        """
        given = {name.lower(): environ[name] for name in VARIABLES if environ.get(name, "").strip()}
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            raise _settings_error(error) from None
        return settings.model_copy(update={"rtc_proxy": _proxy(settings.rtc_endpoint, environ)})


VARIABLES = tuple(name.upper() for name in Settings.model_fields if name != "rtc_proxy")
"""The names of the variables that are read, besides the SDK's own and the proxies."""


def _settings_error(error: ValidationError) -> SettingsError:
    problems: list[tuple[str, str]] = []
    for problem in error.errors(include_url=False, include_input=False):
        text = re.sub(r"^Value error, ", "", problem["msg"])
        variable = str(problem["loc"][0]).upper() if problem["loc"] else ""
        if not variable:  # a check of several variables names the one to change itself
            variable, _, text = text.partition(": ")
        problems.append((variable, "is not set" if problem["type"] == "missing" else text[:1].lower() + text[1:]))
    (variable, reason), *others = problems
    return SettingsError(variable, "; ".join([reason, *(f"{name}: {text}" for name, text in others)]))


def _proxy(endpoint: str, environ: Mapping[str, str]) -> str | None:
    """The proxy for the endpoint, by the usual variables; none to this machine itself."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if host in _LOOPBACK:
        return None
    named = {name.lower(): value for name, value in environ.items() if name.lower().endswith("_proxy") and value}
    proxies = {name.removesuffix("_proxy"): value for name, value in named.items()}
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is None:
        return None
    from urllib import request  # noqa: PLC0415 - costs milliseconds at a cold start, and few deployments have a proxy

    return None if request.proxy_bypass_environment(host, proxies) else proxy  # type: ignore[attr-defined] # not in the stubs
