"""The one place that knows concrete classes: from the environment to a `Tuner`, built once per container.

On Lambda that is at INIT, as far as it can be: a snapshot that is restored then holds it, and no event waits for it.
"""

import gc
import os
import random
import threading
from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import urlsplit

from snapshot_tuner.aws import credentials, policy_parameter
from snapshot_tuner.aws.iam_token import IamTokens
from snapshot_tuner.aws.secrets import RefreshOnRefusal, SecretVariables, stand_ins
from snapshot_tuner.aws.snapstart import after_restore
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.events.readings.reading import Readings
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Limits, ReportSetAside
from snapshot_tuner.model import Order
from snapshot_tuner.policy.source import Parameter, PolicySource, refresh
from snapshot_tuner.rtc.call_pool import PARALLEL_CALLS, ApiCalls
from snapshot_tuner.rtc.client import SnapshotApi
from snapshot_tuner.rtc.http.event_loop import EventLoop
from snapshot_tuner.rtc.signing import CredentialProvider
from snapshot_tuner.settings import RTC_QUOTA_QPS, Settings
from snapshot_tuner.telemetry import outputs
from snapshot_tuner.telemetry.log import ErrorLog
from snapshot_tuner.telemetry.metrics import Recorder
from snapshot_tuner.tuning.bounds import OperatorBounds
from snapshot_tuner.tuning.deployment_check import Check, DeploymentCheck
from snapshot_tuner.tuning.inspection import Inspector, LedgerProbe, LedgerTurns
from snapshot_tuner.tuning.instrumentation import LedgerLog, report_set_aside
from snapshot_tuner.tuning.joining import JoinedTuners
from snapshot_tuner.tuning.reconciler import Reconciler
from snapshot_tuner.tuning.tuner import Options, Tuner


@dataclass(frozen=True, slots=True)
class _Built:
    """What a tuner, an inspector and a reconciler are made of."""

    policies: PolicySource
    ledger: SqliteLedger | RedisLedger
    probe: LedgerProbe
    api: tuple[str, str]  # region and version
    calls: ApiCalls
    credentials: CredentialProvider
    recorder: Recorder
    options: Options

    def close(self) -> None:
        self.calls.close()
        self.ledger.close()


class _Container:
    """What one container keeps between invocations; all of it can be rebuilt from the environment."""

    def __init__(self) -> None:
        self._built_from: tuple[Settings, Mapping[str, str], Order | None] | None = None
        self._built: _Built | None = None
        self._policies: tuple[tuple[object, ...], PolicySource] | None = None
        self._is_in_use = False
        self._secrets = SecretVariables(SystemClock(), on_stale=_warn)

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

    def tuner(self) -> Tuner:
        """For one batch."""
        built = self.built(os.environ)
        return Tuner(
            policy=built.policies.required(),
            ledger=built.ledger,
            calls=built.calls,
            clock=SystemClock(),
            log=logger(),
            recorder=built.recorder,
            options=built.options,
        )

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
            refresh(policies, logger(), _metrics(environ))
        order = policies.in_force.order if policies.in_force is not None else None
        if self._built is None or self._built_from != (settings, secrets, order):
            self._end()
            keys = credentials.provider(environ, secrets, _together.role if _together else None)
            recorder = RefreshOnRefusal(self._secrets, _metrics(environ))
            self._built = _build(settings, policies, keys, recorder)
            self._built_from = (settings, secrets, order)
            # A garbage collection that looks at everything that stays, modules included, would outlast a slot.
            gc.freeze()
        return self._built

    def _policies_of(self, settings: Settings) -> PolicySource:
        """By the settings it is made from: a secret that arrives or changes does not make it read the file again."""
        refresh_seconds, task_ttl = settings.policy_refresh_seconds, settings.task_ttl_seconds
        made_of = (settings.policy_path, settings.policy_parameter, refresh_seconds, task_ttl)
        if self._policies is None or self._policies[0] != made_of:
            parameter = None
            if name := settings.policy_parameter:
                read = partial(policy_parameter.read, name, os.environ)
                parameter = Parameter(name, read, refresh_seconds)
            source = PolicySource(settings.policy_path, parameter, task_ttl=task_ttl, clock=SystemClock())
            self._policies = (made_of, source)
        return self._policies[1]

    def _end(self) -> None:
        built, self._built, self._is_in_use = self._built, None, False
        if built is not None:
            built.close()
        gc.unfreeze()


def _warn(error: SettingsError) -> None:
    logger().warning("secrets_not_read_again", error=str(error))


_CONTAINER, _TURN = _Container(), threading.RLock()
"""Lambda's: one event at a time. Where several are handled at once, it answers what is not an event, in turn."""


class _Together:
    """A process that handles several events at once: a few tuners, each with a container of its own."""

    def __init__(self, tuners: int, role: Path) -> None:
        self.role = role
        self.containers = [_Container() for _ in range(tuners)]
        self.schedule = _Container()
        self.tuner = JoinedTuners([each.tuner for each in self.containers], self._readings, SystemClock())

    def _readings(self) -> Readings:
        with _TURN:
            return _CONTAINER.built(os.environ).policies.required().readings

    def close(self) -> None:
        self.tuner.close()
        for each in (*self.containers, self.schedule):
            each.close()


_together: _Together | None = None


def prepare() -> None:
    """Called at the end of a handler's module: at INIT, Lambda builds all that an event would otherwise wait for.

    Raises FixDeployment for wrong settings and a wrong policy: under SnapStart the version is then not published;
    otherwise the runtime tries again at the next event.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        _CONTAINER.prepare(os.environ)


def serve_together(tuners: int, role: Path) -> None:
    """From now on several threads handle events: veFaaS. All is built now; raises FixDeployment like `tuner`."""
    global _together  # noqa: PLW0603 - as long as the process, like _CONTAINER
    _together = _Together(tuners, role)
    try:
        for each in (_CONTAINER, *_together.containers):
            each.tuner()
    finally:
        _together.tuner.start()


def tuner() -> Tuner | JoinedTuners:
    """A tuner for one batch; raises FixDeployment, before any event is touched, until the deployment is right.

    Reading the environment takes microseconds; everything else is built again only when it has changed, or
    when a secret has.
    """
    return _together.tuner if _together is not None else _CONTAINER.tuner()


def inspector() -> Inspector:
    """What may be asked of the same policy and ledger; raises FixDeployment like `tuner`, not for a missing policy."""
    with _TURN:
        built = _CONTAINER.built(os.environ)
    turns = LedgerTurns(built.ledger, built.probe, _TURN)
    return Inspector(built.policies, turns, SystemClock(), turns)


def operator_bounds() -> OperatorBounds:
    """What a person sets on a task; raises FixDeployment like `tuner`."""
    asks = inspector()
    with _TURN:
        built = _CONTAINER.built(os.environ)
    return OperatorBounds(
        store=asks.ledger,
        tuner=tuner(),
        inspector=asks,
        log=logger(),
        recorder=built.recorder,
        dry_run=built.options.dry_run,
    )


def check_deployment() -> Sequence[Check]:
    """What an operator asks of all of it; raises FixDeployment like `inspector`."""
    with _TURN:
        built = _CONTAINER.built(os.environ)
        return DeploymentCheck(built.policies, built.ledger, built.probe, built.calls, SystemClock(), *built.api).run()


def reconciler() -> Reconciler:
    """What makes tasks right without an event, on the same ledger and calls; raises FixDeployment like `tuner`."""
    container = _together.schedule if _together is not None else _CONTAINER
    built = container.built(os.environ, asks_policy=False)
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
    """End the container's threads and connections and forget its secrets; the next `tuner()` builds them again."""
    global _together
    together, _together = _together, None
    if together is not None:
        together.close()
    _CONTAINER.close()
    _CONTAINER.forget_policy()


def restored() -> None:
    """After Lambda has restored a snapshot: what must differ between two sandboxes is not taken from it."""
    _CONTAINER.restored()
    random.seed()


after_restore(restored)


@lru_cache(maxsize=1)
def logger() -> ErrorLog:
    """The log of the stdout of the moment in which it is made."""
    return outputs.logger(as_lines=_together is not None)


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
    loop = EventLoop()
    warnings, report = LedgerLog(log, recorder), partial(report_set_aside, log, recorder)
    ledger = _ledger(settings, limits, clock, warnings, report, loop=loop)
    api = SnapshotApi(
        endpoint=settings.rtc_endpoint,
        region=settings.rtc_region,
        version=settings.rtc_api_version,
        credentials=keys,
        proxy=settings.rtc_proxy,
        pool_size=PARALLEL_CALLS,
    )
    calls = ApiCalls(api, clock, PARALLEL_CALLS, loop)
    options = Options(
        settings.idempotency_ttl_seconds, settings.dry_run, settings.log_event_data, settings.log_callback_data
    )
    probe = LedgerProbe(ledger, clock, settings.max_clock_skew_seconds)
    asked = settings.rtc_region, settings.rtc_api_version
    return _Built(policies, ledger, probe, asked, calls, keys, recorder, options)


def _ledger(
    settings: Settings, limits: Limits, clock: SystemClock, log: LedgerLog, report: ReportSetAside, *, loop: EventLoop
) -> SqliteLedger | RedisLedger:
    url = urlsplit(settings.ledger_url)
    if url.scheme != "sqlite":
        tokens = IamTokens(os.environ, clock)
        return RedisLedger(
            settings.ledger_url,
            settings.ledger_namespace,
            limits,
            clock,
            log,
            tokens=tokens,
            report_set_aside=report,
            meanwhile=loop,
        )
    path = Path(url.path)
    if not path.parent.is_dir():
        raise SettingsError("LEDGER_URL", f"the folder {path.parent} does not exist")
    return SqliteLedger(path, settings.ledger_namespace, limits, clock, log, report_set_aside=report)


def _metrics(environ: Mapping[str, str]) -> Recorder | None:
    return outputs.recorder(environ, logger(), as_lines=_together is not None)
