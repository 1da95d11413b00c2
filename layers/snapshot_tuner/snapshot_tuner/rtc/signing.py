"""What is used of the vendor's SDK: its signer and its credential providers, but not its transport.

Without its `__init__`, which takes another 22 ms of processor time of a cold start without SnapStart, and more where
nothing else has imported urllib3.
"""

from typing import Any, Protocol

from snapshot_tuner.lean_import import without_init

with without_init("volcenginesdkcore", "volcenginesdkcore.auth", "volcenginesdkcore.auth.providers"):
    from volcenginesdkcore.auth.providers.env_provider import EnvironmentVariableCredentialProvider
    from volcenginesdkcore.auth.providers.static_provider import StaticCredentialProvider
    from volcenginesdkcore.signv4 import SignerV4

__all__ = [
    "CredentialProvider",
    "Credentials",
    "EnvironmentVariableCredentialProvider",
    "SignerV4",
    "StaticCredentialProvider",
    "default_chain",
]


class Credentials(Protocol):
    """A key pair as the SDK's providers give it; with a session token it is a temporary one."""

    @property
    def ak(self) -> str: ...
    @property
    def sk(self) -> str: ...
    @property
    def session_token(self) -> str | None: ...


class CredentialProvider(Protocol):
    """Any of volcenginesdkcore's credential providers; asked anew for every call."""

    def get_credentials(self) -> Credentials: ...


def default_chain() -> Any:  # noqa: ANN401 - untyped in the SDK
    """The first that has credentials of environment, OIDC, the CLI's file and metadata. It imports the whole SDK."""
    from volcenginesdkcore.auth.providers.default_provider import DefaultCredentialProvider  # noqa: PLC0415 - see above

    return DefaultCredentialProvider()
