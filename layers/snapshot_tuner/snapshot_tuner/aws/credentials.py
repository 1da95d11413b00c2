"""Where the key pair of the Volcengine account comes from."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from snapshot_tuner.aws.secrets import ACCESS_KEY, SECRET_KEY, SESSION_TOKEN
from snapshot_tuner.errors import SettingsError
from snapshot_tuner.rtc.signing import (
    CredentialProvider,
    Credentials,
    EnvironmentVariableCredentialProvider,
    StaticCredentialProvider,
    default_chain,
)

_ROLE_MEMBERS = ("access_key_id", "secret_access_key", "session_token")


def provider(environ: Mapping[str, str], secrets: Mapping[str, str], role: Path | None = None) -> CredentialProvider:
    """What is asked for each call's key pair; `role` is where veFaaS puts the one of a function's role.

    Raises SettingsError for half of one.
    """
    if ACCESS_KEY in secrets:
        static: CredentialProvider = StaticCredentialProvider(
            secrets[ACCESS_KEY], secrets[SECRET_KEY], secrets.get(SESSION_TOKEN)
        )
        return static
    names = (ACCESS_KEY, SECRET_KEY)
    missing = [name for name in names if not environ.get(name)]
    if len(missing) == 1:
        raise SettingsError(missing[0], "is not set, but its other half is")
    if role is not None:
        return RoleCredentials(role, otherwise=partial(provider, environ, secrets))
    if not missing:  # the first of the SDK's chain
        of_environment: CredentialProvider = EnvironmentVariableCredentialProvider()
        return of_environment
    chain: CredentialProvider = default_chain()
    return chain


def check(provider: CredentialProvider) -> None:
    """Raises SettingsError if no provider has a key pair."""
    try:
        provider.get_credentials()
    except RuntimeError:
        # Its text may quote a configuration file, secrets and all.
        raise SettingsError(
            ACCESS_KEY, f"is not set (nor {SECRET_KEY}), and no other provider of the SDK's chain has credentials"
        ) from None


@dataclass(frozen=True, slots=True)
class _RoleKeys:
    """By the names that the SDK's providers use."""

    ak: str
    sk: str = field(repr=False)
    session_token: str | None = field(repr=False)


class RoleCredentials:
    """The key pair in the file that the platform writes for a function's role, and replaces from time to time.

    The file is read for every call, about 20 µs, so nothing has to notice that it was replaced. `otherwise` is made and
    asked if there is no file. The form is that of the vendor's samples; not tried live.
    """

    def __init__(self, file: Path, otherwise: Callable[[], CredentialProvider]) -> None:
        self._file = file
        self._otherwise = otherwise
        self._instead: CredentialProvider | None = None
        self._known: _RoleKeys | None = None

    def get_credentials(self) -> Credentials:
        """Raises RuntimeError if the file has no key pair and never had one.

        While it is being replaced it may be missing or half written; the last pair then stays in use.
        """
        try:
            self._known = _role_keys(self._file.read_text("utf-8"))
        except FileNotFoundError:
            if self._known is None:
                self._instead = self._instead or self._otherwise()
                return self._instead.get_credentials()
        except (OSError, ValueError):
            if self._known is None:
                raise RuntimeError(f"{self._file} has no key pair of a role") from None
        return self._known


def _role_keys(text: str) -> _RoleKeys:
    members = json.loads(text)
    if not isinstance(members, dict):
        raise ValueError("not an object")  # noqa: TRY004 - as all that is wrong with the file
    ak, sk, token = (members.get(name) or None for name in _ROLE_MEMBERS)
    if not isinstance(ak, str) or not isinstance(sk, str) or not isinstance(token, str | None):
        raise ValueError("not the keys of a role")  # noqa: TRY004 - as all that is wrong with the file
    return _RoleKeys(ak, sk, token)
