"""Variables whose values are secrets of Secrets Manager: fetched in the first invocation, and again when they age."""

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from snapshot_tuner.aws.secrets_extension import SecretsExtension
from snapshot_tuner.clock import Clock, Moment, moment, seconds_since
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric, Recorder

ACCESS_KEY, SECRET_KEY, SESSION_TOKEN = "VOLCENGINE_ACCESS_KEY", "VOLCENGINE_SECRET_KEY", "VOLCENGINE_SESSION_TOKEN"

STANDS_FOR: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "LEDGER_URL_SECRET_ARN": ("LEDGER_URL",),
        "CREDENTIALS_SECRET_ARN": (ACCESS_KEY, SECRET_KEY, SESSION_TOKEN),
        "WEBHOOK_SECRETS_ARN": ("WEBHOOK_SECRETS",),
        "WEBHOOK_TOKENS_ARN": ("WEBHOOK_TOKENS",),
        "OPERATOR_TOKENS_ARN": ("OPERATOR_TOKENS",),
        "RTC_CALLBACK_SECRETS_ARN": ("RTC_CALLBACK_SECRETS",),
    }
)
"""By the variable that names a secret: the variables that the secret replaces. The secret's text is what the variable
would hold; that of the credentials is a JSON object with the variables as its members."""

AGE_SECONDS_MOST = 300.0
"""A rotated secret arrives after this at the latest."""

READ_AGAIN_SECONDS = 30.0
"""The shortest time between two readings, however often the secret is refused."""

_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[\x21-\x7e]+")


_STAND_INS: Mapping[str, str] = MappingProxyType(
    {"LEDGER_URL": "rediss://comes-from-its-secret", ACCESS_KEY: "comes-from-its-secret", SECRET_KEY: "likewise"}
)


class SecretVariables:
    """What was read last; one container's, and one thread's at a time.

    `on_stale` is told when a later reading fails; what is known then stays in use.
    """

    def __init__(self, clock: Clock, on_stale: Callable[[SettingsError], None]) -> None:
        self._clock = clock
        self._on_stale = on_stale
        self._arns: Mapping[str, str] = {}
        self._values: Mapping[str, str] = {}
        self._read_at: Moment = (0.0, 0)
        self._in_doubt = False

    def values(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """The variables that secrets replace, with their values; read only when due.

        Raises SettingsError where a secret and its variable are both set, and at the first reading for
        whatever is wrong with a secret.
        """
        arns = _arns(environ)
        is_first = arns != self._arns
        if is_first or (arns and self._is_due()):
            self._read_at = moment(self._clock)
            self._in_doubt = False
            try:
                self._values = _read(arns, environ)
                self._arns = arns
            except SettingsError as error:
                if is_first:
                    raise
                self._on_stale(error)
        return self._values

    def invalidate(self) -> None:
        """Something that was read was refused: read again soon, as it may have been rotated."""
        self._in_doubt = True

    def forget(self) -> None:
        self._arns, self._values = {}, {}

    def _is_due(self) -> bool:
        return seconds_since(self._read_at, self._clock) >= (READ_AGAIN_SECONDS if self._in_doubt else AGE_SECONDS_MOST)


class RefreshOnRefusal:
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


def stand_ins(environ: Mapping[str, str]) -> dict[str, str]:
    """What has the form of the secrets until the first invocation, before which none can be read.

    Raises SettingsError if a secret and its variable are both set.
    """
    awaited = {variable for name in _arns(environ) for variable in STANDS_FOR[name]}
    return {variable: text for variable, text in _STAND_INS.items() if variable in awaited}


def _arns(environ: Mapping[str, str]) -> dict[str, str]:
    arns = {name: arn for name in STANDS_FOR if (arn := environ.get(name, "").strip())}
    for name, arn in arns.items():
        if not _ARN.fullmatch(arn):
            raise SettingsError(name, "must be the ARN of a Secrets Manager secret")
        for variable in STANDS_FOR[name]:
            if environ.get(variable, "").strip():
                raise SettingsError(variable, f"is set together with {name}; set only one of them")
    return arns


def _read(arns: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    if not arns:
        return {}
    extension = SecretsExtension.of(environ)
    values: dict[str, str] = {}
    for name, arn in arns.items():
        text = extension.secret_string(name, arn)
        match STANDS_FOR[name]:
            case (variable,):
                values[variable] = text
            case _:
                values |= _key_pair(name, text)
    return values


def _key_pair(name: str, text: str) -> dict[str, str]:
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise SettingsError(name, "its secret must be a JSON object")
    pair = {member: members[member] for member in STANDS_FOR[name] if members.get(member) not in (None, "")}
    for member in (ACCESS_KEY, SECRET_KEY):
        if member not in pair:
            raise SettingsError(name, f"its secret has no member {member}")
    for member, value in pair.items():
        if not isinstance(value, str):
            raise SettingsError(name, f"the member {member} of its secret must be a string")
    return pair
