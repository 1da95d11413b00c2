"""The one place that knows concrete classes: from the environment to a `Tuner`, built once per container.

On Lambda that is at INIT, as far as it can be: a snapshot that is restored then holds it, and no event waits for it.
"""

import gc
import os
import random
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger

from snapshot_tuner.aws import credentials, policy_parameter
from snapshot_tuner.aws.iam_token import IamTokens
from snapshot_tuner.aws.secrets import SecretVariables, stand_ins
from snapshot_tuner.aws.snapstart import after_restore
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Limits
from snapshot_tuner.model import Order
from snapshot_tuner.policy.source import Parameter, PolicySource
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
    """What a tuner, an inspector and a reconciler are made of."""

    policies: PolicySource
    ledger: SqliteLedger | RedisLedger
    probe: LedgerProbe
    calls: ApiCalls
    credentials: CredentialProvider
    recorder: Recorder
    options: Options

    def close(self) -> None:
        self.calls.close()
        self.ledger.close()


class _Container:
    """What one container keeps between invocations; all of it can be made again from the environment."""

    def __init__(self) -> None:
        self._built_from: tuple[Settings, Mapping[str, str], Order | None] | None = None
        self._built: _Built | None = None
        self._policies: tuple[Settings, PolicySource] | None = None
        self._is_in_use = False
        self._secrets = SecretVariables(SystemClock(), on_stale=_warn_of_stale_secrets)

    def settings(self, environ: MutableMapping[str, str]) -> Settings:
        return Settings.from_env(ChainMap(dict(self._secrets.values(environ)), environ))

    def prepare(self, environ: MutableMapping[str, str]) -> None:
        """Without a connection, a secret, a key that has to be fetched, or a look at the clock."""
        self._build(environ, stand_ins(environ), asks_policy=False)

    def built(self, environ: MutableMapping[str, str], *, asks_policy: bool = True) -> _Built:
        built = self._build(environ, self._secrets.values(environ), asks_policy=asks_policy)
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

    def forget_policy(self) -> None:
        self._policies = None

    def _build(self, environ: MutableMapping[str, str], secrets: Mapping[str, str], *, asks_policy: bool) -> _Built:
        settings = Settings.from_env(ChainMap(dict(secrets), environ))
        policies = self._policies_of(settings)
        if asks_policy and policies.is_due():  # between two batches, never within one
            _refresh(policies, _metrics(environ))
        order = policies.in_force.order if policies.in_force is not None else None
        if self._built is None or self._built_from != (settings, secrets, order):
            self._end()
            recorder = _RefreshSecretsOnRefusal(self._secrets, _metrics(environ))
            keys = credentials.provider(environ, secrets)
            self._built = _build(settings, policies, keys, recorder)
            self._built_from = (settings, secrets, order)
            # A collection that looks at all that stays, modules and all, would take longer than a slot is usable for.
            gc.freeze()
        return self._built

    def _policies_of(self, settings: Settings) -> PolicySource:
        """By the settings that it is made of: a secret that arrives or changes does not have the file read again."""
        if self._policies is None or _of_policy(self._policies[0]) != _of_policy(settings):
            parameter = None
            if name := settings.policy_parameter:
                read = partial(policy_parameter.read, name, os.environ)
                parameter = Parameter(name, read, settings.policy_refresh_seconds)
            source = PolicySource(
                settings.policy_path, parameter, task_ttl=settings.task_ttl_seconds, clock=SystemClock()
            )
            self._policies = (settings, source)
        return self._policies[1]

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
    """A tuner for one batch; raises FixDeployment, before any event is touched, until the deployment is right.

    Reading the environment takes microseconds; everything else is built again only when it has changed, or
    when a secret has.
    """
    built = _CONTAINER.built(os.environ)
    return Tuner(
        policy=built.policies.required(),
        ledger=built.ledger,
        calls=built.calls,
        clock=SystemClock(),
        log=logger(),
        recorder=built.recorder,
        options=built.options,
    )


def inspector() -> Inspector:
    """What may be asked of the same policy and ledger; raises FixDeployment like `tuner`, but for want of a policy."""
    built = _CONTAINER.built(os.environ)
    return Inspector(built.policies, built.ledger, SystemClock(), built.probe)


def reconciler() -> Reconciler:
    """What makes tasks right without an event, on the same ledger and calls; raises FixDeployment like `tuner`."""
    built = _CONTAINER.built(os.environ, asks_policy=False)
    return Reconciler(
        ledger=built.ledger,
        calls=built.calls,
        reads=built.calls,
        clock=SystemClock(),
        log=logger(),
        recorder=built.recorder,
        dry_run=built.options.dry_run,
    )


def settings() -> Settings:
    """The settings alone, with nothing built yet; raises SettingsError."""
    return _CONTAINER.settings(os.environ)


def close() -> None:
    """End the threads and connections of the container and forget its secrets; the next `tuner()` makes all anew."""
    _CONTAINER.close()
    _CONTAINER.forget_policy()


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


def _of_policy(settings: Settings) -> tuple[object, ...]:
    refresh = settings.policy_refresh_seconds
    return settings.policy_path, settings.policy_parameter, refresh, settings.task_ttl_seconds


def _refresh(policies: PolicySource, metrics: Recorder | None) -> None:
    refusal = policies.refresh()
    if refusal is not None:
        in_force = policies.in_force and policies.in_force.short_hash
        logger().warning("policy_refused", error=str(refusal), policy=in_force)
    if metrics is not None:
        counts = {} if refusal is None else {Metric.POLICY_REFUSED: 1}
        metrics.record(BatchFigures(counts, policy_age=policies.age()))


def _build(settings: Settings, policies: PolicySource, keys: CredentialProvider, recorder: Recorder) -> _Built:
    log = logger()
    if settings.rtc_max_qps > RTC_QUOTA_QPS:
        log.warning("rate_above_quota", rtc_max_qps=settings.rtc_max_qps, quota=RTC_QUOTA_QPS)
    clock = SystemClock()
    limits = Limits(
        order=policies.in_force.order if policies.in_force is not None else Order.TIME,
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
    options = Options(
        settings.idempotency_ttl_seconds, settings.dry_run, settings.log_event_data, settings.log_callback_data
    )
    return _Built(policies, ledger, LedgerProbe(ledger, clock), calls, keys, recorder, options)


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
