"""From the environment to a `Tuner`, built once per container.

On Lambda that is at INIT, as far as it can be: a snapshot that is restored then holds it, and no event waits for it.
"""

import gc
import os
import random
import threading
from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

from snapshot_tuner import wiring
from snapshot_tuner.aws import credentials, policy_parameter
from snapshot_tuner.aws.secrets import RefreshOnRefusal, SecretVariables, stand_ins
from snapshot_tuner.aws.snapstart import after_restore
from snapshot_tuner.clock import SystemClock
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.events.readings.reading import Readings
from snapshot_tuner.policy.source import Parameter, PolicySource, refresh
from snapshot_tuner.settings import Settings
from snapshot_tuner.telemetry import outputs
from snapshot_tuner.telemetry.log import ErrorLog
from snapshot_tuner.telemetry.metrics import Recorder
from snapshot_tuner.tuning.bounds import OperatorBounds
from snapshot_tuner.tuning.deployment_check import Check, DeploymentCheck
from snapshot_tuner.tuning.inspection import Inspector, LedgerTurns
from snapshot_tuner.tuning.joining import JoinedTuners
from snapshot_tuner.tuning.reconciler import Reconciler
from snapshot_tuner.tuning.tuner import Tuner


class _Container:
    """What one container keeps between invocations; all of it can be rebuilt from the environment."""

    def __init__(self) -> None:
        self._built_from: tuple[object, ...] = ()
        self._built: wiring.Built | None = None
        self._policies: tuple[tuple[object, ...], PolicySource] | None = None
        self._is_in_use = False
        self._secrets = SecretVariables(SystemClock(), on_stale=_warn)

    def settings(self, environ: MutableMapping[str, str]) -> Settings:
        return Settings.from_env(ChainMap(dict(self._secrets.values(environ)), environ))

    def prepare(self, environ: MutableMapping[str, str]) -> None:
        """Without a connection, a secret, a key that has to be fetched, or a look at the clock."""
        self._build(environ, stand_ins(environ), asks_policy=False)

    def built(self, environ: MutableMapping[str, str], *, asks_policy: bool = True) -> wiring.Built:
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

    def _build(
        self, environ: MutableMapping[str, str], secrets: Mapping[str, str], *, asks_policy: bool
    ) -> wiring.Built:
        settings = Settings.from_env(ChainMap(dict(secrets), environ))
        policies = self._policies_of(settings)
        if asks_policy and policies.is_due():  # between two batches, never within one
            refresh(policies, logger(), _metrics(environ))
        built_from = (settings, secrets, policies.order)
        if self._built is None or self._built_from != built_from:
            self._end()
            keys = credentials.provider(environ, secrets, _together.role if _together else None)
            recorder = RefreshOnRefusal(self._secrets, _metrics(environ))
            self._built = wiring.build(settings, policies, keys, logger(), recorder=recorder, environ=environ)
            self._built_from = built_from
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


def _metrics(environ: Mapping[str, str]) -> Recorder | None:
    return outputs.recorder(environ, logger(), as_lines=_together is not None)
