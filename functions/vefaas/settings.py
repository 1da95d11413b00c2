"""What the platform says about the function, and what its deployer does."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path
from typing import Final, Self

from snapshot_tuner.errors import SettingsError

TIMEOUT_SECONDS_LEAST: Final = 20
"""A lease lasts 15 s, so a redelivery into a killed instance's lease needs more than that."""

ROLE_PATH: Final = "/var/run/secrets/iam/credential"

_PORTS: Final = ("_FAAS_RUNTIME_PORT", "_BYTEFAAS_RUNTIME_PORT")
_PORT_MOST: Final = 65_535
_TIMEOUT: Final = "_FAAS_FUNC_TIMEOUT"


class Takes(StrEnum):
    """A function takes one or the other: a public request with an event's header would get in without a proof."""

    HTTP = auto()
    EVENTS = auto()


@dataclass(frozen=True, slots=True)
class VefaasSettings:
    """`timeout_seconds` is the platform's for one request; `role` is its file with the key pair of the role."""

    takes: Takes
    port: int
    timeout_seconds: int
    role: Path

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingsError."""
        takes = environ.get("VEFAAS_TAKES", "").strip()
        if takes not in [*Takes]:
            raise SettingsError("VEFAAS_TAKES", "must be http or events: one function never takes both")
        http_auth = environ.get("HTTP_AUTH", "").strip()
        if takes == Takes.HTTP and http_auth != "signature":
            raise SettingsError("HTTP_AUTH", "must be signature: there is no IAM here to check callers")
        timeout = _number(environ, _TIMEOUT, "60", TIMEOUT_SECONDS_LEAST, 86_400)
        name = next((each for each in _PORTS if environ.get(each, "").strip()), _PORTS[0])
        role = Path(environ.get("VEFAAS_IAM_CREDENTIAL_PATH", "").strip() or ROLE_PATH)
        return cls(Takes(takes), _number(environ, name, "8000", 1, _PORT_MOST), timeout, role)


def _number(environ: Mapping[str, str], name: str, default: str, least: int, most: int) -> int:
    text = environ.get(name, "").strip() or default
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise SettingsError(name, f"must be a whole number from {least:,} to {most:,}")
    return int(text)
