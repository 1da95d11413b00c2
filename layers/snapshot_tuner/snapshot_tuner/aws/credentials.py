"""Where the key pair of the Volcengine account comes from."""

from collections.abc import Mapping
from pathlib import Path

from snapshot_tuner.aws.secrets import ACCESS_KEY, SECRET_KEY, SESSION_TOKEN
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.rtc.role_credentials import RoleCredentials
from snapshot_tuner.rtc.signing import (
    CredentialProvider,
    EnvironmentVariableCredentialProvider,
    StaticCredentialProvider,
    default_chain,
)


def provider(environ: Mapping[str, str], secrets: Mapping[str, str], role: Path | None = None) -> CredentialProvider:
    """What is asked for each call's key pair; `role` is the file of a veFaaS function's role.

    Raises SettingsError for a half of one.
    """
    if ACCESS_KEY in secrets:
        static: CredentialProvider = StaticCredentialProvider(
            secrets[ACCESS_KEY], secrets[SECRET_KEY], secrets.get(SESSION_TOKEN)
        )
        return static
    if role is not None:
        return RoleCredentials(role)
    names = (ACCESS_KEY, SECRET_KEY)
    missing = [name for name in names if not environ.get(name)]
    if len(missing) == 1:
        raise SettingsError(missing[0], "is not set, but its other half is")
    if not missing:  # the first of the SDK's chain
        of_environment: CredentialProvider = EnvironmentVariableCredentialProvider()
        return of_environment
    chain: CredentialProvider = default_chain()
    return chain


def check(provider: CredentialProvider) -> None:
    """Raises SettingsError where nobody has a key pair."""
    try:
        provider.get_credentials()
    except RuntimeError:
        # Its text may quote a configuration file, secrets and all.
        raise SettingsError(
            ACCESS_KEY, f"is not set (nor {SECRET_KEY}), and no other provider of the SDK's chain has credentials"
        ) from None
