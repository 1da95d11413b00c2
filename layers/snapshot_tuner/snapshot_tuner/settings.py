"""The environment, read once and checked: the only place that reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import StrEnum, auto
from pathlib import Path
from typing import Self
from urllib import request
from urllib.parse import SplitResult, urlsplit

from snapshot_tuner.errors import SettingsError
from snapshot_tuner.events.standard_webhooks import TOLERANCE_SECONDS
from snapshot_tuner.formats.validation import (
    Check,
    ValidationError,
    checked_then,
    error_details,
    flag,
    integer,
    literal,
    object_with,
    text,
)

RTC_QUOTA_QPS = 150
"""The provider's limit of UpdateSnapshot calls per second for a whole account, all AppIds together."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class HttpAuth(StrEnum):
    """Who proves the caller of the function URL."""

    IAM = auto()
    SIGNATURE = auto()


def _split(url: str) -> SplitResult | None:
    """None for what is not an address. The standard library's error would quote it, password and all."""
    try:
        parts = urlsplit(url)
        _ = parts.hostname, parts.port  # looked at only now, and wrong if a password was not encoded
    except ValueError:
        return None
    # Without its encoding a password ends at the first of these, and the rest of it would become something else.
    return None if "@" in parts.path + parts.query or parts.fragment else parts


def _endpoint(url: str) -> str:
    parts = _split(url)
    is_server = parts is not None and parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    if parts is None or not is_server or parts.path not in ("", "/") or parts.query:
        raise ValueError("must be http://host or https://host, with a port where needed and no path")
    return url.rstrip("/")


def _date(text: str) -> str:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueError("must be a date like 2023-11-01")


def _ledger_url(url: str) -> str:
    match _split(url):
        case SplitResult(scheme="sqlite", netloc="", path=path) if path.startswith("/") and path != "/":
            return url
        case SplitResult(scheme="redis" | "rediss", hostname=str()):
            return url
        case _:
            raise ValueError(
                "must be sqlite:///absolute/path.db, redis://host:port/0 or rediss://host:port/0; "
                "a password with / ? # [ ] @ : or % in it has them percent-encoded"
            )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the deployment says; every field but the last is the variable of the same name in capitals."""

    rtc_endpoint: str = "https://rtc.volcengineapi.com"
    rtc_region: str = "cn-north-1"
    rtc_api_version: str = "2023-11-01"
    rtc_max_qps: int = RTC_QUOTA_QPS
    ledger_url: str = field(repr=False)
    ledger_namespace: str = "default"
    policy_path: Path = Path("/opt/policy.yaml")
    policy_parameter: str = ""
    policy_refresh_seconds: int = 60
    idempotency_ttl_seconds: int = 86_400
    task_ttl_seconds: int = 1_209_600
    max_clock_skew_seconds: int = 300
    http_auth: HttpAuth = HttpAuth.IAM
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    webhook_tokens: tuple[str, ...] = field(default=(), repr=False)
    operator_tokens: tuple[str, ...] = field(default=(), repr=False)
    rtc_callback_secrets: tuple[str, ...] = field(default=(), repr=False)
    rtc_app_ids: tuple[str, ...] = ()
    http_max_body_bytes: int = 262_144
    http_max_events: int = 100
    dry_run: bool = False
    log_event_data: bool = True
    log_callback_data: bool = False
    rtc_proxy: str | None = field(default=None, repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingsError that names the first variable at fault; its reason goes on with the others.

        A variable that is set to nothing counts as not set: a template cannot leave one out.
        """
        given = {name.lower(): environ[name] for name in VARIABLES if environ.get(name, "").strip()}
        try:
            values = _checked(given)
        except ValidationError as error:
            raise _settings_error(error) from None
        settings = cls(**values)
        settings._check_memory()
        return replace(settings, rtc_proxy=_proxy(settings.rtc_endpoint, environ))

    def _check_memory(self) -> None:
        """What several variables have to agree on. Raises SettingsError for the one to change."""
        if self.task_ttl_seconds < self.idempotency_ttl_seconds:
            raise SettingsError("TASK_TTL_SECONDS", "must be at least IDEMPOTENCY_TTL_SECONDS")
        if self.http_auth is not HttpAuth.SIGNATURE:
            return
        # A timestamp may be as far ahead as behind: so long can a signed request be sent again.
        if self.idempotency_ttl_seconds < 2 * TOLERANCE_SECONDS:
            raise SettingsError(
                "IDEMPOTENCY_TTL_SECONDS",
                f"must be at least {2 * TOLERANCE_SECONDS} with HTTP_AUTH=signature, so that a replay is known",
            )


VARIABLES = tuple(each.name.upper() for each in fields(Settings) if each.name != "rtc_proxy")
"""The names of the variables that are read, besides the SDK's own and the proxies."""

_SECONDS = integer(1, 31_536_000)
_CHECKS: Mapping[str, Check] = {
    "rtc_endpoint": checked_then(text(), _endpoint),
    "rtc_region": text(pattern=r"^[a-z0-9-]{1,64}$"),
    "rtc_api_version": checked_then(text(), _date),
    "rtc_max_qps": integer(1, 1_000_000),
    "ledger_url": checked_then(text(), _ledger_url),
    "ledger_namespace": text(pattern=r"^[A-Za-z0-9_.-]{1,64}$"),
    "policy_path": checked_then(text(), Path),
    "policy_parameter": text(pattern=r"^/[A-Za-z0-9_./-]{1,1010}$"),
    "policy_refresh_seconds": integer(1, 86_400),
    "idempotency_ttl_seconds": _SECONDS,
    "task_ttl_seconds": _SECONDS,
    "max_clock_skew_seconds": integer(0, 86_400),
    "http_auth": checked_then(literal(*HttpAuth), HttpAuth),
    "webhook_secrets": checked_then(text(), _listed),
    "webhook_tokens": checked_then(text(), _listed),
    "operator_tokens": checked_then(text(), _listed),
    "rtc_callback_secrets": checked_then(text(), _listed),
    "rtc_app_ids": checked_then(text(pattern=r"^[A-Za-z0-9_@., -]+$"), _listed),
    "http_max_body_bytes": integer(1, 6_291_456),
    "http_max_events": integer(1, 10_000),
    "dry_run": flag(),
    "log_event_data": flag(),
    "log_callback_data": flag(),
}
_checked = object_with(_CHECKS, needed=frozenset({"ledger_url"}))


def _settings_error(error: ValidationError) -> SettingsError:
    problems: list[tuple[str, str]] = []
    for problem in error_details(error, with_input=False):
        text = re.sub(r"^Value error, ", "", problem["msg"])
        reason = "is not set" if problem["type"] == "missing" else text[:1].lower() + text[1:]
        problems.append((str(problem["loc"][0]).upper(), reason))
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
    address = _split(proxy)
    if address is None or address.scheme != "http" or not address.hostname:
        name = f"{parts.scheme if parts.scheme in proxies else 'all'}_proxy".upper()
        raise SettingsError(name, "must be http://[user:password@]host[:port]")
    return None if request.proxy_bypass_environment(host, proxies) else proxy  # type: ignore[attr-defined] # not in the stubs
