"""The policy as an SSM parameter, of 4 KB at most, or 8 KB as an advanced one: its text, or that compressed."""

import zlib
from base64 import b64decode
from collections.abc import Mapping

from snapshot_tuner.aws.secrets_extension import SecretsExtension
from snapshot_tuner.errors import SettingsError

VARIABLE = "POLICY_PARAMETER"
COMPRESSED_PREFIX = "gzip:"
"""Stands before the base64 of the gzipped text."""

READ_SECONDS = 0.5
"""How long an event waits for a policy that may be newer."""

_TEXT_BYTES_MOST = 1_048_576
_WITH_GZIP_HEADER = 31


def read(name: str, environ: Mapping[str, str]) -> str:
    """The text of the policy. Raises SettingsError if there is none."""
    return opened(SecretsExtension.of(environ).parameter(VARIABLE, name, seconds=READ_SECONDS))


def opened(value: str) -> str:
    """The text of the policy, from what the parameter holds. Raises SettingsError."""
    if not value.startswith(COMPRESSED_PREFIX):
        return value
    text = value.removeprefix(COMPRESSED_PREFIX)
    opener = zlib.decompressobj(_WITH_GZIP_HEADER)
    try:
        policy = opener.decompress(b64decode("".join(text.split()), validate=True), _TEXT_BYTES_MOST).decode()
    except (ValueError, zlib.error):  # of base64, and of UTF-8, are ValueErrors
        raise SettingsError(VARIABLE, f"after {COMPRESSED_PREFIX} must come base64 of gzipped UTF-8") from None
    if not opener.eof:
        reason = f"is cut off, or its text has more than {_TEXT_BYTES_MOST:,} bytes"
        raise SettingsError(VARIABLE, reason)
    return policy
