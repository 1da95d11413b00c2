"""What was refused may have been replaced: secrets and keys that others renew are read again."""

from snapshot_tuner.aws.secrets import SecretVariables
from snapshot_tuner.rtc.role_credentials import RoleCredentials
from snapshot_tuner.rtc.signing import CredentialProvider
from snapshot_tuner.telemetry.metrics import BatchFigures, Metric, Recorder


class ReadAgainOnRefusal:
    """Takes each batch's figures to the metrics; what was refused may have been rotated, and is read again."""

    def __init__(self, secrets: SecretVariables, provider: CredentialProvider, metrics: Recorder | None) -> None:
        self._secrets = secrets
        self._provider = provider
        self._metrics = metrics

    def record(self, figures: BatchFigures) -> None:
        if self._metrics is not None:
            self._metrics.record(figures)
        # A store that is down looks no different from one with a new password: reading once more costs little.
        if figures.counts.keys() & {Metric.CREDENTIALS_REFUSED, Metric.LEDGER_STEPS_FAILED}:
            self._secrets.invalidate()
            if isinstance(self._provider, RoleCredentials):
                self._provider.read_again()
