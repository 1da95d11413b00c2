"""Which policy is in force: that of a parameter which an operator can change at any time, or else that of the file."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from snapshot_tuner.clock import Clock, Moment, moment, seconds_since
from snapshot_tuner.errors import FixDeployment, PolicyError, SettingsError
from snapshot_tuner.model import Order
from snapshot_tuner.policy.compiled import digest
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.telemetry.log import Log
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric, Recorder


@dataclass(frozen=True, slots=True)
class Parameter:
    """`read` gives the text, or raises SettingsError; it is asked again after so many seconds at the earliest."""

    name: str
    read: Callable[[], str]
    refresh_seconds: int


class PolicySource:
    """One container's, and one thread's at a time. `task_ttl` is in seconds: no duration may be longer.

    With a parameter, the file is the fallback if the parameter cannot be read or has mistakes: the last good policy
    stays in force, and there is an error only if there is none.
    """

    def __init__(self, file: Path, parameter: Parameter | None, *, task_ttl: int, clock: Clock) -> None:
        self._parameter = parameter
        self._task_ttl = task_ttl
        self._clock = clock
        self._policy: Policy | None = None
        self._missing: FixDeployment | None = None
        self._from_parameter = False
        self._refused: tuple[str, FixDeployment] | None = None
        self._asked_at: Moment | None = None
        self._confirmed_at: Moment | None = None
        self.refusal: FixDeployment | None = None
        try:
            self._policy = self._checked(Policy.load(file))
        except FixDeployment as error:
            if parameter is None:
                raise
            self._missing = error
        if parameter is not None:
            # It takes 100 ms, which INIT has and an event does not.
            import_module("snapshot_tuner.policy.loader")

    @property
    def in_force(self) -> Policy | None:
        """Without asking the parameter; None if there is none yet."""
        return self._policy

    @property
    def order(self) -> Order:
        """Which of two events is newer; by their times as long as there is no policy."""
        return self._policy.order if self._policy is not None else Order.TIME

    @property
    def origin(self) -> str:
        return f"parameter {self._parameter.name}" if self._parameter and self._from_parameter else "file"

    def required(self) -> Policy:
        """The policy in force. Raises the FixDeployment that says why there is none."""
        if self._policy is None:
            raise self.refusal or self._missing or SettingsError("POLICY_PATH", "has no policy")
        return self._policy

    def is_due(self) -> bool:
        return self._parameter is not None and (
            self._asked_at is None or seconds_since(self._asked_at, self._clock) >= self._parameter.refresh_seconds
        )

    def refresh(self) -> FixDeployment | None:
        """Ask the parameter; returns why it was not taken, if it was not. `refusal` keeps that until the next time."""
        if self._parameter is None:
            return None
        self._asked_at = moment(self._clock)
        try:
            text = self._parameter.read()
            self._take(text, self._parameter.name)
        except FixDeployment as error:
            self.refusal = error
            return error
        self.refusal = None
        self._from_parameter = True
        self._confirmed_at = self._asked_at
        return None

    def age(self) -> int | None:
        """Seconds since the parameter gave the policy in force; None if it never did."""
        return None if self._confirmed_at is None else int(seconds_since(self._confirmed_at, self._clock))

    def _take(self, text: str, name: str) -> None:
        sha256 = digest(text)
        if self._policy is not None and self._policy.sha256 == sha256:
            return
        if self._refused is not None and self._refused[0] == sha256:
            raise self._refused[1]
        try:
            policy = self._checked(Policy.parse(text, f"parameter {name}"))
            if self._policy is not None and policy.order is not self._policy.order:
                reason = f"order: must be {self._policy.order}, like the ledger's; another needs another namespace"
                raise PolicyError(f"parameter {name}", [reason])
        except FixDeployment as error:
            self._refused = (sha256, error)
            raise
        self._policy = policy

    def _checked(self, policy: Policy) -> Policy:
        longest = policy.longest_duration
        if longest > self._task_ttl:
            raise SettingsError("TASK_TTL_SECONDS", f"must be at least the policy's longest duration, {longest} s")
        return policy


def refresh(policies: PolicySource, log: Log, metrics: Recorder | None) -> None:
    """Ask the parameter, and log the result."""
    refusal = policies.refresh()
    if refusal is not None:
        in_force = policies.in_force and policies.in_force.short_hash
        log.warning("policy_refused", error=str(refusal), policy=in_force)
    if metrics is not None:
        counts = {} if refusal is None else {Metric.POLICY_REFUSED: 1}
        metrics.record(BatchFigures(counts, policy_age=policies.age()))
