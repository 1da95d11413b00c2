"""The one place that knows concrete classes: from the environment to a `Tuner`, built once per container.

On Lambda that is at INIT, as far as it can be: a snapshot that is restored then holds it, and no event waits for it.
"""

import gc
import os
import random
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger

from snapshot_tuner.aws import credentials
from snapshot_tuner.aws.iam_token import IamTokens
from snapshot_tuner.aws.secrets import SecretVariables, stand_ins
from snapshot_tuner.aws.snapstart import after_restore
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Limits
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.rtc.call_pool import PARALLEL_CALLS, ApiCalls
from snapshot_tuner.rtc.client import SnapshotApi
from snapshot_tuner.rtc.signing import CredentialProvider
from snapshot_tuner.settings import RTC_QUOTA_QPS, Settings
from snapshot_tuner.telemetry.emf import EmfRecorder
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric, Recorder
from snapshot_tuner.tuning.inspection import Inspector, LedgerProbe
from snapshot_tuner.tuning.reconciler import Reconciler
from snapshot_tuner.tuning.tuner import Options, Tuner


@dataclass(frozen=True, slots=True)
class _Built:
    """The tuner, and what it was built with."""

    tuner: Tuner
    policy: Policy
    ledger: SqliteLedger | RedisLedger
    probe: LedgerProbe
    calls: ApiCalls
    credentials: CredentialProvider
    recorder: Recorder
    dry_run: bool

    def close(self) -> None:
        self.calls.close()
        self.ledger.close()


class _Container:
    """What one container keeps between invocations; all of it can be made again from the environment."""

    def __init__(self) -> None:
        self._built_from: tuple[Settings, Mapping[str, str]] | None = None
        self._built: _Built | None = None
        self._is_in_use = False
        self._secrets = SecretVariables(SystemClock(), on_stale=_warn_of_stale_secrets)

    def settings(self, environ: MutableMapping[str, str]) -> Settings:
        return Settings.from_env(ChainMap(dict(self._secrets.values(environ)), environ))

    def prepare(self, environ: MutableMapping[str, str]) -> None:
        """Without a connection, a secret, a key that has to be fetched, or a look at the clock."""
        self._build(environ, stand_ins(environ))

    def built(self, environ: MutableMapping[str, str]) -> _Built:
        built = self._build(environ, self._secrets.values(environ))
        if not self._is_in_use:
            credentials.check(built.credentials)
            self._is_in_use = True
        return built

    def restored(self) -> None:
        if self._is_in_use:  # Lambda takes its snapshot before the first event, when only `prepare` has been here
            self.close()

    def close(self) -> None:
        self._end()
        self._secrets.forget()

    def _build(self, environ: MutableMapping[str, str], secrets: Mapping[str, str]) -> _Built:
        settings = Settings.from_env(ChainMap(dict(secrets), environ))
        if self._built is None or self._built_from != (settings, secrets):
            self._end()
            recorder = _RefreshSecretsOnRefusal(self._secrets, _metrics(environ))
            self._built = _build(settings, credentials.provider(environ, secrets), recorder)
            self._built_from = (settings, secrets)
            # A collection that looks at all that stays, modules and all, would take longer than a slot is usable for.
            gc.freeze()
        return self._built

    def _end(self) -> None:
        built, self._built, self._is_in_use = self._built, None, False
        if built is not None:
            built.close()
        gc.unfreeze()


class _RefreshSecretsOnRefusal:
    """Takes each batch's figures to the metrics; what was refused may have been rotated, and is read again."""

    def __init__(self, secrets: SecretVariables, metrics: Recorder | None) -> None:
        self._secrets = secrets
        self._metrics = metrics

    def record(self, figures: BatchFigures) -> None:
        if self._metrics is not None:
            self._metrics.record(figures)
        # A store that is down looks no different from one with a new password: reading once more costs little.
        if figures.counts.keys() & {Metric.CREDENTIALS_REFUSED, Metric.LEDGER_STEPS_FAILED}:
            self._secrets.invalidate()


def _warn_of_stale_secrets(error: SettingsError) -> None:
    logger().warning("secrets_not_read_again", error=str(error))


_CONTAINER = _Container()


def prepare() -> None:
    """To be called at the end of a handler's module: at INIT, Lambda makes all that an event would else wait for.

    Raises FixDeployment for wrong settings and a wrong policy: under SnapStart the version is then not published;
    otherwise the runtime tries again at the next event.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        _CONTAINER.prepare(os.environ)


def tuner() -> Tuner:
    """The container's tuner; raises FixDeployment, before any event is touched, until the deployment is right.

    Reading the environment takes microseconds; everything else is built again only when it has changed, or
    when a secret has.
    """
    return _CONTAINER.built(os.environ).tuner


def inspector() -> Inspector:
    """What may be asked of the same policy and ledger; raises FixDeployment like `tuner`."""
    built = _CONTAINER.built(os.environ)
    return Inspector(built.policy, built.ledger, SystemClock(), built.probe)


def reconciler() -> Reconciler:
    """What makes tasks right without an event, on the same ledger and calls; raises FixDeployment like `tuner`."""
    built = _CONTAINER.built(os.environ)
    return Reconciler(
        ledger=built.ledger,
        calls=built.calls,
        reads=built.calls,
        clock=SystemClock(),
        log=logger(),
        recorder=built.recorder,
        dry_run=built.dry_run,
    )


def settings() -> Settings:
    """The settings alone, with nothing built yet; raises SettingsError."""
    return _CONTAINER.settings(os.environ)


def close() -> None:
    """End the threads and connections of the container and forget its secrets; the next `tuner()` makes all anew."""
    _CONTAINER.close()
    _policy.cache_clear()


def restored() -> None:
    """After Lambda has restored a snapshot: what must not be the same in two sandboxes is not the snapshot's."""
    _CONTAINER.restored()
    random.seed()


after_restore(restored)


@lru_cache(maxsize=1)
def logger() -> Logger:
    """The log of the stdout of the moment in which it is made."""
    # Our messages are names: it need not try to read each of them as JSON.
    return Logger(service="snapshot-tuner", json_deserializer=str)


_policy = lru_cache(maxsize=1)(Policy.load)
"""By its file, so that a secret which arrives or changes does not have it read again."""


def _build(settings: Settings, keys: CredentialProvider, recorder: Recorder) -> _Built:
    log = logger()
    if settings.rtc_max_qps > RTC_QUOTA_QPS:
        log.warning("rate_above_quota", rtc_max_qps=settings.rtc_max_qps, quota=RTC_QUOTA_QPS)
    policy = _policy(settings.policy_path)
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
    ledger = _ledger(settings, limits, clock)
    api = SnapshotApi(
        endpoint=settings.rtc_endpoint,
        region=settings.rtc_region,
        version=settings.rtc_api_version,
        credentials=keys,
        proxy=settings.rtc_proxy,
        pool_size=PARALLEL_CALLS,
    )
    calls = ApiCalls(api, clock, PARALLEL_CALLS)
    tuner = Tuner(
        policy=policy,
        ledger=ledger,
        calls=calls,
        clock=clock,
        log=log,
        recorder=recorder,
        options=Options(
            settings.idempotency_ttl_seconds, settings.dry_run, settings.log_event_data, settings.log_callback_data
        ),
    )
    return _Built(tuner, policy, ledger, LedgerProbe(ledger, clock), calls, keys, recorder, settings.dry_run)


def _ledger(settings: Settings, limits: Limits, clock: SystemClock) -> SqliteLedger | RedisLedger:
    url = urlsplit(settings.ledger_url)
    if url.scheme != "sqlite":
        tokens = IamTokens(os.environ, clock)
        return RedisLedger(settings.ledger_url, settings.ledger_namespace, limits, clock, logger(), tokens=tokens)
    path = Path(url.path)
    if not path.parent.is_dir():
        raise SettingsError("LEDGER_URL", f"the folder {path.parent} does not exist")
    return SqliteLedger(path, settings.ledger_namespace, limits, clock)


def _metrics(environ: Mapping[str, str]) -> EmfRecorder | None:
    """None outside Lambda, where nobody takes metrics from the log."""
    function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
    service = environ.get("POWERTOOLS_SERVICE_NAME") or "snapshot-tuner"
    return EmfRecorder(service, function_name) if function_name else None
