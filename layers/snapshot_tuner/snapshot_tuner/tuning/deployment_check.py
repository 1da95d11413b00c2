"""Whether a deployment can do its work: each part tried, and what is wrong with it said in words.

Nothing secret is in them: an operator reads them, and a terminal's history keeps them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from snapshot_tuner.clock import Clock
from snapshot_tuner.errors import (
    ApiError,
    CallAbandoned,
    CallRefused,
    CredentialsRefused,
    FixDeployment,
    LedgerTakesNoWrite,
    LedgerUnavailable,
    LocalCode,
    PolicyError,
    Throttled,
    TimestampRefused,
)
from snapshot_tuner.formats import rfc3339
from snapshot_tuner.ledger.timing import CAREFUL_SECONDS
from snapshot_tuner.ledger.types import CallRate, RateLimitedBy, Slot
from snapshot_tuner.model import TaskRef
from snapshot_tuner.policy.source import PolicySource
from snapshot_tuner.tuning.inspection import LedgerProbe, ProbedStore
from snapshot_tuner.tuning.reconciler import Reads

NO_TASK: Final = TaskRef("snapshot-tuner", "doctor", "no-such-task")
"""One that cannot run."""

_READ_SECONDS = 3.0
_SLOT_SECONDS = 1.0
_ATTEMPTS = 5
_NAMED_MOST = 10
"""Of the records that were set aside."""

_FAR_SECONDS = 1.0
"""A clock that is further off makes events' times doubtful, and with minutes more the API refuses our calls."""

_CAREFUL_US: Final = round(CAREFUL_SECONDS * 1e6)

_NO_FACTS: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Check:
    """One part: `ok` is None where it could not be tried. `advice` is what to do about it."""

    name: str
    ok: bool | None
    says: str
    advice: str | None = None
    facts: Mapping[str, object] = field(default_factory=lambda: _NO_FACTS)


@dataclass(frozen=True, slots=True)
class DeploymentCheck:
    """The same ledger, policy and key that events meet."""

    policies: PolicySource
    ledger: ProbedStore
    probe: LedgerProbe
    reads: Reads
    clock: Clock
    region: str
    version: str

    def run(self) -> tuple[Check, ...]:
        """Takes some seconds at most."""
        ledger = self._ledger()
        return ledger, policy(self.policies), self._provider(has_slots=bool(ledger.ok))

    def _ledger(self) -> Check:
        began = self.clock.monotonic()
        try:
            self.probe.try_now()
            round_trip = self.probe.round_trip()
            ahead = self.ledger.clock_ahead()
            aside = self.ledger.set_aside(_NAMED_MOST)
            rate = self.ledger.call_rate()
            lost_at = self.ledger.lost_at()
        except LedgerUnavailable as error:
            waited = self.clock.monotonic() - began
            is_there = isinstance(error, LedgerTakesNoWrite)
            then = "its memory, its disk and its replicas" if is_there else "LEDGER_URL, and the network to it"
            advice = f"see the line ledger_unavailable in the function's log; then {then}"
            return Check("ledger", ok=False, says=f"{error.for_senders}; tried for {waited:.1f} s", advice=advice)
        facts: dict[str, object] = {
            "round_trip_ms": round(round_trip * 1e3, 3),
            "clock_ahead_ms": round(ahead * 1e3, 3),
            "calls_per_second": rate.slots_per_second,
            "calls_limited_by": list(rate.limited_by),
            "records_set_aside": aside.total,
        }
        word = "ahead of" if ahead >= 0 else "behind"
        clock = f"its clock is {abs(ahead) * 1e3:.1f} ms {word} the function's"
        says = f"takes writes, answers within {round_trip * 1e3:.1f} ms; {clock}; {_pace(rate)}"
        if aside.total:
            facts["set_aside"] = aside.names
            says += f"; {aside.total} records that could not be read are set aside"
        if lost_at is not None and (until := lost_at + _CAREFUL_US) > self.clock.wall_us():
            facts["careful_until"] = rfc3339.from_microseconds(until)
            lost = rfc3339.from_microseconds(lost_at)
            says += f"; it may have forgotten something at {lost}, so for a day it lengthens few intervals"
        if abs(ahead) > _FAR_SECONDS:
            return Check("ledger", ok=False, says=says, advice="set the store's clock: run NTP there", facts=facts)
        return Check("ledger", ok=True, says=says, facts=facts)

    def _provider(self, *, has_slots: bool) -> Check:
        try:
            return self._asked(has_slots=has_slots)
        except (ApiError, CallAbandoned, LedgerUnavailable) as error:
            says, advice = self._in_words(error)
            facts = {"code": error.code} if isinstance(error, ApiError) else _NO_FACTS
            return Check("provider", ok=False, says=says, advice=advice, facts=facts)

    def _asked(self, *, has_slots: bool) -> Check:
        """That it does not know the task proves the key, the region, the version, the route and the clock."""
        try:
            self._read(has_slots=has_slots)
        except ApiError as error:
            is_about_the_task = isinstance(error, CallRefused) and error.code.partition(".")[0] == "InvalidParameter"
            # An answer of success that has no task in it.
            is_without_task = error.code == LocalCode.MALFORMED_ANSWER and error.status == 200 and error.request_id  # noqa: PLR2004 - HTTP's
            if not is_about_the_task and not is_without_task:
                raise
        says = "the RTC API has no task of a made-up name, as expected: key, region, version, route and clock are right"
        return Check("provider", ok=True, says=says)

    def _read(self, *, has_slots: bool) -> None:
        """A slot is usable so briefly that a connection which had to be opened first misses it."""
        for _ in range(_ATTEMPTS - 1):
            try:
                self.reads.read(NO_TASK, self._slot(has_slots=has_slots), _READ_SECONDS)
            except CallAbandoned:
                continue
            return
        self.reads.read(NO_TASK, self._slot(has_slots=has_slots), _READ_SECONDS)

    def _slot(self, *, has_slots: bool) -> Slot:
        """One of the account's reads. Without a ledger nobody else reads either."""
        now = self.clock.monotonic()
        slots = self.ledger.reserve_reads(1, _SLOT_SECONDS) if has_slots else []
        return slots[0] if slots else Slot(now, now + _READ_SECONDS)

    def _in_words(self, error: ApiError | CallAbandoned | LedgerUnavailable) -> tuple[str, str]:
        key = "check VOLCENGINE_ACCESS_KEY and VOLCENGINE_SECRET_KEY, in the secret that CREDENTIALS_SECRET_ARN names"
        match error:
            case ApiError(code=LocalCode.CREDENTIALS_UNAVAILABLE):
                return "there is no key to sign with", key
            case ApiError(code=LocalCode.CONNECT_TIMEOUT | LocalCode.CONNECT_FAILED):
                return (
                    "no route to the RTC API: no connection could be opened",
                    "check RTC_ENDPOINT; in a VPC, a route to the internet (a NAT gateway), and HTTPS_PROXY",
                )
            case ApiError(code=LocalCode.TIMEOUT | LocalCode.CONNECTION_LOST):
                return "the RTC API was reached but did not answer", "try again; check RTC_ENDPOINT and HTTPS_PROXY"
            case TimestampRefused():
                return (
                    "the RTC API refuses the time: the function's clock is off",
                    "on Lambda, tell AWS; elsewhere run NTP",
                )
            case Throttled():
                return "the account has used up its reads for this second", "try again"
            case ApiError(code=code) if (words := self._refused(code.partition(".")[0], key)) is not None:
                return words
            case CredentialsRefused(code=code):
                return f"the key is refused ({code})", key
            case ApiError(code=LocalCode.MALFORMED_ANSWER):
                return (
                    "what answers is not an RTC API",
                    "check RTC_ENDPOINT, and what is in between: a proxy, a captive portal",
                )
            case ApiError(code=code):
                return f"the RTC API answers {code}", "look the code up in the provider's documentation, or try again"
            case _:
                return "there was no time to try it", "try again"

    def _refused(self, kind: str, key: str) -> tuple[str, str] | None:
        """By the class of the provider's code."""
        match kind:
            case "InvalidAccessKey":
                return "the key is refused: no account has this access key", key
            case "SignatureDoesNotMatch":
                return "the key is refused: the secret key does not match the access key", f"{key}; then RTC_REGION"
            case "InvalidSecretToken":
                return "the key is refused: its session token has expired, or belongs to another key", key
            case "InvalidAuthorization" | "InvalidCredential":
                return (
                    f"wrong region: the RTC API accepts no signature for {self.region}",
                    "set RTC_REGION (cn-north-1; ap-singapore-1 for BytePlus), or the parameter RtcProvider",
                )
            case "LackPolicy" | "AccessDenied":
                return "the key may not call GetSnapshotTask", "grant it GetSnapshotTask and UpdateSnapshot of RTC"
            case "InvalidActionOrVersion" | "ServiceNotFound":
                return (
                    f"wrong version: the RTC API there has no {self.version}",
                    "set RTC_API_VERSION (2023-11-01; 2022-06-01 for BytePlus), or the parameter RtcProvider",
                )
            case _:
                return None


def _pace(rate: CallRate) -> str:
    """How fast all who share the ledger may call, and why not faster."""
    reasons = {
        RateLimitedBy.FAR: "one of its workers is far away",
        RateLimitedBy.LOWER_QUOTA: f"RTC_MAX_QPS is {rate.quota:g} in another worker and {rate.own_quota:g} here",
    }
    why = " and ".join(reasons[each] for each in rate.limited_by)
    return f"{rate.slots_per_second:g} calls/s" + (f", as {why}" if why else "")


def policy(policies: PolicySource) -> Check:
    """Which one decides, since when that is known, and whether it is the intended one."""
    try:
        in_force = policies.required()
    except FixDeployment as error:
        return wrong_policy(error)
    facts: dict[str, object] = {
        "policy": in_force.short_hash,
        "sha256": in_force.sha256,
        "version": in_force.version,
        "origin": policies.origin,
        "age_seconds": policies.age(),
    }
    decides = f"{in_force.short_hash} of the {policies.origin} decides"
    if (refusal := policies.refusal) is not None:
        facts["refusal"] = _why(refusal)
        advice = "fix the parameter (./tuner publish), its name, or the role's ssm:GetParameter"
        says = f"the parameter's policy is not in force: {_why(refusal)}; {decides}"
        return Check("policy", ok=False, says=says, advice=advice, facts=facts)
    return Check("policy", ok=True, says=decides, facts=facts)


def wrong_policy(error: FixDeployment) -> Check:
    """For when no policy could decide."""
    return Check("policy", ok=False, says=f"no policy is in force: {_why(error)}", advice="fix it; ./tuner check helps")


def _why(error: FixDeployment) -> str:
    # Without the file's path.
    return "; ".join(error.problems) if isinstance(error, PolicyError) else str(error)
