"""The one place that knows concrete classes: from the environment to a `Tuner`, built once per container."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger
from volcenginesdkcore.auth.providers.default_provider import DefaultCredentialProvider

from snapshot_tuner.calls import ThreadedCalls
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.ledger import SLOT_SHARE, Limits
from snapshot_tuner.policy import Policy
from snapshot_tuner.reconciler import Reconciler, Store
from snapshot_tuner.settings import RTC_QUOTA_QPS, Settings
from snapshot_tuner.snapshot_api import SnapshotApi
from snapshot_tuner.tuner import Tuner

_PARALLEL_CALLS = 64
"""Calls in flight in one container: enough for 145 calls/s of 0.4 s each."""


class _Container:
    """What one container keeps between invocations; all of it can be made again from the environment."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._built: tuple[Tuner, Reconciler] | None = None
        self._parts = ExitStack()

    def built(self, settings: Settings) -> tuple[Tuner, Reconciler]:
        if self._built is None or self._settings != settings:
            self.close()
            self._built = _build(settings, self._parts)
            self._settings = settings
        return self._built

    def close(self) -> None:
        self._built = None
        self._parts.close()


_CONTAINER = _Container()


def tuner() -> Tuner:
    """The container's tuner; raises FixDeployment, before any event is touched, until the deployment is right.

    Reading the environment takes microseconds; everything else is built again only when it has changed.
    """
    return _CONTAINER.built(Settings.from_env(os.environ))[0]


def reconciler() -> Reconciler:
    """The container's reconciler, as `tuner`."""
    return _CONTAINER.built(Settings.from_env(os.environ))[1]


def close() -> None:
    """End the threads and connections of the container; the next `tuner()` builds them again."""
    _CONTAINER.close()


@lru_cache(maxsize=1)
def logger() -> Logger:
    return Logger(service="snapshot-tuner")


def _build(settings: Settings, parts: ExitStack) -> tuple[Tuner, Reconciler]:
    log = logger()
    if settings.rtc_max_qps > RTC_QUOTA_QPS:
        log.warning("rate_above_quota", rtc_max_qps=settings.rtc_max_qps, quota=RTC_QUOTA_QPS)
    policy = Policy.load(settings.policy_path)
    if policy.longest_duration > settings.task_ttl_seconds:
        raise SettingsError("TASK_TTL_SECONDS", f"must be at least the policy's longest, {policy.longest_duration} s")
    clock = SystemClock()
    limits = Limits(
        order=policy.order,
        slots_per_second=settings.rtc_max_qps * SLOT_SHARE,
        idempotency_ttl=settings.idempotency_ttl_seconds,
        task_ttl=settings.task_ttl_seconds,
        max_clock_skew=settings.max_clock_skew_seconds,
    )
    credentials = _credentials(os.environ)
    ledger = _ledger(settings, limits, clock, parts)
    api = SnapshotApi(
        endpoint=settings.rtc_endpoint,
        region=settings.rtc_region,
        credentials=credentials,
        proxy=settings.rtc_proxy,
        pool_size=_PARALLEL_CALLS,
    )
    calls = ThreadedCalls(api, clock, _PARALLEL_CALLS)
    parts.callback(calls.close)
    return (
        Tuner(policy=policy, ledger=ledger, calls=calls, clock=clock, log=log, dry_run=settings.dry_run),
        Reconciler(ledger=ledger, calls=calls, reads=calls, clock=clock, log=log, dry_run=settings.dry_run),
    )


def _ledger(settings: Settings, limits: Limits, clock: SystemClock, parts: ExitStack) -> Store:
    url = urlsplit(settings.ledger_url)
    if url.scheme == "sqlite":
        from snapshot_tuner.ledger.sqlite import SqliteLedger  # noqa: PLC0415 - only the ledger in use is imported

        path = Path(url.path)
        if not path.parent.is_dir():
            raise SettingsError("LEDGER_URL", f"the folder {path.parent} does not exist")
        sqlite = SqliteLedger(path, settings.ledger_namespace, limits, clock)
        parts.callback(sqlite.close)
        return sqlite
    from snapshot_tuner.ledger.redis import RedisLedger  # noqa: PLC0415 - likewise

    redis = RedisLedger(settings.ledger_url, settings.ledger_namespace, limits, clock, logger())
    parts.callback(redis.close)
    return redis


def _credentials(environ: Mapping[str, str]) -> DefaultCredentialProvider:
    names = ("VOLCENGINE_ACCESS_KEY", "VOLCENGINE_SECRET_KEY")
    missing = [name for name in names if not environ.get(name)]
    if len(missing) == 1:
        raise SettingsError(missing[0], "is not set, but its other half is")
    provider = DefaultCredentialProvider()
    try:
        provider.get_credentials()
    except RuntimeError:
        # Its text may quote a configuration file, secrets and all.
        raise SettingsError(
            names[0], f"is not set (nor {names[1]}), and no other provider of the SDK's chain has credentials"
        ) from None
    return provider
