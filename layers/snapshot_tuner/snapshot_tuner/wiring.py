"""From settings to the objects that handle events: the one place that knows concrete classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from snapshot_tuner.aws.iam_token import IamTokens
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.ledger.redis.ledger import RedisLedger
from snapshot_tuner.ledger.sqlite.ledger import SqliteLedger
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Limits
from snapshot_tuner.model import Order
from snapshot_tuner.policy.source import PolicySource
from snapshot_tuner.rtc.call_pool import PARALLEL_CALLS, ApiCalls
from snapshot_tuner.rtc.client import SnapshotApi
from snapshot_tuner.rtc.http.event_loop import EventLoop
from snapshot_tuner.rtc.signing import CredentialProvider
from snapshot_tuner.settings import RTC_QUOTA_QPS, Settings
from snapshot_tuner.telemetry.log import ErrorLog
from snapshot_tuner.telemetry.metrics import Recorder
from snapshot_tuner.tuning.inspection import LedgerProbe
from snapshot_tuner.tuning.instrumentation import LedgerLog, report_set_aside
from snapshot_tuner.tuning.tuner import Options


@dataclass(frozen=True, slots=True)
class Built:
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


def build(
    settings: Settings,
    policies: PolicySource,
    keys: CredentialProvider,
    log: ErrorLog,
    *,
    recorder: Recorder,
    environ: Mapping[str, str],
) -> Built:
    """Opens no connection; raises SettingsError."""
    if settings.rtc_max_qps > RTC_QUOTA_QPS:
        log.warning("rate_above_quota", rtc_max_qps=settings.rtc_max_qps, quota=RTC_QUOTA_QPS)
    clock, loop = SystemClock(), EventLoop()
    ledger = _ledger(settings, policies.order, log, recorder, environ=environ, loop=loop)
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
    return Built(policies, ledger, probe, asked, calls, keys, recorder, options)


def _ledger(
    settings: Settings,
    order: Order,
    log: ErrorLog,
    recorder: Recorder,
    *,
    environ: Mapping[str, str],
    loop: EventLoop,
) -> SqliteLedger | RedisLedger:
    url, namespace, clock = settings.ledger_url, settings.ledger_namespace, SystemClock()
    limits = Limits(
        order=order,
        slots_per_second=settings.rtc_max_qps * SLOT_SHARE,
        idempotency_ttl=settings.idempotency_ttl_seconds,
        task_ttl=settings.task_ttl_seconds,
        max_clock_skew=settings.max_clock_skew_seconds,
    )
    warnings, report = LedgerLog(log, recorder), partial(report_set_aside, log, recorder)
    parts = urlsplit(url)
    if parts.scheme != "sqlite":
        tokens = IamTokens(environ, clock)
        return RedisLedger(
            url, namespace, limits, clock, warnings, tokens=tokens, report_set_aside=report, meanwhile=loop
        )
    path = Path(parts.path)
    if not path.parent.is_dir():
        raise SettingsError("LEDGER_URL", f"the folder {path.parent} does not exist")
    return SqliteLedger(path, namespace, limits, clock, warnings, report_set_aside=report)
