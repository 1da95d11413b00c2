"""The one place that knows concrete classes: from the environment to a `Tuner`, built once per container."""

import gc
import os
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from snapshot_tuner.aws.iam_token import IamTokens
from snapshot_tuner.aws.secrets import ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, SecretVariables
from snapshot_tuner.aws.snapstart import after_restore
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Limits
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.rtc.call_pool import PARALLEL_CALLS, ApiCalls
from snapshot_tuner.rtc.client import CredentialProvider, SnapshotApi
from snapshot_tuner.rtc.signing import EnvironmentVariableCredentialProvider, StaticCredentialProvider, default_chain
from snapshot_tuner.settings import RTC_QUOTA_QPS, Settings
from snapshot_tuner.telemetry.emf import EmfRecorder
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric, Recorder
from snapshot_tuner.tuning.tuner import Options, Tuner

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from snapshot_tuner.ledger.redis.ledger import RedisLedger
    from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
    from snapshot_tuner.tuning.inspection import Inspector
    from snapshot_tuner.tuning.reconciler import Reconciler


@dataclass(frozen=True, slots=True)
class _Built:
    """The tuner, and what it was built with."""

    tuner: Tuner
    policy: Policy
    ledger: "SqliteLedger | RedisLedger"
    calls: ApiCalls
    recorder: Recorder
    dry_run: bool


class _Container:
    """What one container keeps between invocations; all of it can be made again from the environment."""

    def __init__(self) -> None:
        self._built_from: tuple[Settings, Mapping[str, str]] | None = None
        self._built: _Built | None = None
        self._parts = ExitStack()
        self._secrets = SecretVariables(SystemClock(), on_stale=_warn_of_stale_secrets)

    def settings(self, environ: MutableMapping[str, str]) -> Settings:
        return Settings.from_env(ChainMap(dict(self._secrets.values(environ)), environ))

    def built(self, environ: MutableMapping[str, str]) -> _Built:
        secrets = self._secrets.values(environ)
        settings = Settings.from_env(ChainMap(dict(secrets), environ))
        if self._built is None or self._built_from != (settings, secrets):
            self._end()
            recorder = _RefreshSecretsOnRefusal(self._secrets, _metrics(environ))
            self._built = _build(settings, _credentials(environ, secrets), recorder, self._parts)
            self._built_from = (settings, secrets)
            # A collection that looks at all that stays, modules and all, would take longer than a slot is usable for.
            gc.freeze()
        return self._built

    def close(self) -> None:
        self._end()
        self._secrets.forget()

    def _end(self) -> None:
        self._built = None
        self._parts.close()
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


def tuner() -> Tuner:
    """The container's tuner; raises FixDeployment, before any event is touched, until the deployment is right.

    Reading the environment takes microseconds; everything else is built again only when it has changed, or
    when a secret has.
    """
    return _CONTAINER.built(os.environ).tuner


def inspector() -> "Inspector":
    """What may be asked of the same policy and ledger; raises FixDeployment like `tuner`."""
    from snapshot_tuner.tuning.inspection import Inspector  # noqa: PLC0415 - of the functions, only http_endpoint asks

    built = _CONTAINER.built(os.environ)
    return Inspector(built.policy, built.ledger, SystemClock())


def reconciler() -> "Reconciler":
    """What makes tasks right without an event, on the same ledger and calls; raises FixDeployment like `tuner`."""
    from snapshot_tuner.tuning.reconciler import Reconciler  # noqa: PLC0415 - only the function of that name needs it

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


# A snapshot holds nothing of this, as nothing is built before the first invocation; should that ever change, a
# restored container still begins with connections and credentials of its own.
after_restore(close)


@lru_cache(maxsize=1)
def logger() -> "Logger":
    # Here, as Powertools looks for botocore when it is imported, and Lambda's own Python has it.
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - see above

    # Our messages are names: it need not try to read each of them as JSON.
    return Logger(service="snapshot-tuner", json_deserializer=str)


def _build(settings: Settings, credentials: CredentialProvider, recorder: Recorder, parts: ExitStack) -> _Built:
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
    ledger = _ledger(settings, limits, clock, parts)
    api = SnapshotApi(
        endpoint=settings.rtc_endpoint,
        region=settings.rtc_region,
        credentials=credentials,
        proxy=settings.rtc_proxy,
        pool_size=PARALLEL_CALLS,
    )
    calls = ApiCalls(api, clock, PARALLEL_CALLS)
    parts.callback(calls.close)
    tuner = Tuner(
        policy=policy,
        ledger=ledger,
        calls=calls,
        clock=clock,
        log=log,
        recorder=recorder,
        options=Options(settings.idempotency_ttl_seconds, settings.dry_run, settings.log_event_data),
    )
    return _Built(tuner, policy, ledger, calls, recorder, settings.dry_run)


def _ledger(settings: Settings, limits: Limits, clock: SystemClock, parts: ExitStack) -> "SqliteLedger | RedisLedger":
    url = urlsplit(settings.ledger_url)
    if url.scheme == "sqlite":
        from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger  # noqa: PLC0415 - only the ledger in use is imported

        path = Path(url.path)
        if not path.parent.is_dir():
            raise SettingsError("LEDGER_URL", f"the folder {path.parent} does not exist")
        sqlite = SqliteLedger(path, settings.ledger_namespace, limits, clock)
        parts.callback(sqlite.close)
        return sqlite
    from snapshot_tuner.ledger.redis.ledger import RedisLedger  # noqa: PLC0415 - likewise

    tokens = IamTokens(os.environ, clock)
    redis = RedisLedger(settings.ledger_url, settings.ledger_namespace, limits, clock, logger(), tokens=tokens)
    parts.callback(redis.close)
    return redis


def _credentials(environ: Mapping[str, str], secrets: Mapping[str, str]) -> CredentialProvider:
    if ACCESS_KEY in secrets:
        static: CredentialProvider = StaticCredentialProvider(
            secrets[ACCESS_KEY], secrets[SECRET_KEY], secrets.get(SESSION_TOKEN)
        )
        return static
    names = (ACCESS_KEY, SECRET_KEY)
    missing = [name for name in names if not environ.get(name)]
    if len(missing) == 1:
        raise SettingsError(missing[0], "is not set, but its other half is")
    if not missing:  # the first of the SDK's chain
        of_environment: CredentialProvider = EnvironmentVariableCredentialProvider()
        return of_environment
    provider: CredentialProvider = default_chain()
    try:
        provider.get_credentials()
    except RuntimeError:
        # Its text may quote a configuration file, secrets and all.
        raise SettingsError(
            names[0], f"is not set (nor {names[1]}), and no other provider of the SDK's chain has credentials"
        ) from None
    return provider


def _metrics(environ: Mapping[str, str]) -> EmfRecorder | None:
    """None outside Lambda, where nobody takes metrics from the log."""
    function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
    service = environ.get("POWERTOOLS_SERVICE_NAME") or "snapshot-tuner"
    return EmfRecorder(service, function_name) if function_name else None
