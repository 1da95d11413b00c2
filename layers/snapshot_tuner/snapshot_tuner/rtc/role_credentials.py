"""The keys of a veFaaS function's role, which the platform writes into a file and replaces from time to time.

Not tried live; the file's form is that of the vendor's public samples.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROLE_CREDENTIALS_PATH = Path("/var/run/secrets/iam/credential")

_MEMBERS = ("access_key_id", "secret_access_key", "session_token")


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """By the names that the SDK's providers use."""

    ak: str
    sk: str = field(repr=False)
    session_token: str | None = field(repr=False)


def role_file(environ: Mapping[str, str], *, is_looked_for: bool) -> Path | None:
    """None where the function has no role; `is_looked_for` where no variable names the file, on veFaaS."""
    named = environ.get("VEFAAS_IAM_CREDENTIAL_PATH", "").strip()
    if named:
        return Path(named)
    return ROLE_CREDENTIALS_PATH if is_looked_for and ROLE_CREDENTIALS_PATH.is_file() else None


class RoleCredentials:
    """A provider as the SDK has them. It looks at the file for every call, and reads it when it is another one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[tuple[int, int, int], RoleKeys] | None = None

    def get_credentials(self) -> RoleKeys:
        """Raises RuntimeError, without a word of the file's content, where it cannot be read and never could.

        A file that is just being replaced may be missing or half: what is known then stays in use.
        """
        try:
            stat = self._path.stat()
            version = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if self._known is None or self._known[0] != version:
                self._known = (version, _keys(self._path.read_text("utf-8")))
        except (OSError, ValueError):
            if self._known is None:
                raise RuntimeError(f"{self._path} holds no credentials of a role") from None
        return self._known[1]

    def read_again(self) -> None:
        """A key was refused: the file's times may say nothing about its content."""
        if self._known is not None:
            self._known = ((0, 0, 0), self._known[1])


def _keys(text: str) -> RoleKeys:
    members = json.loads(text)
    if not isinstance(members, dict):
        raise ValueError("not an object")  # noqa: TRY004 - as all that is wrong with the file
    ak, sk, token = (members.get(name) or None for name in _MEMBERS)
    if not isinstance(ak, str) or not isinstance(sk, str) or not isinstance(token, str | None):
        raise ValueError("not the keys of a role")  # noqa: TRY004 - likewise
    return RoleKeys(ak, sk, token)
