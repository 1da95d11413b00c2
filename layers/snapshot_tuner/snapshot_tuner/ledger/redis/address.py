"""LEDGER_URL of a Redis or Valkey server, checked; its password stays out of every message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from snapshot_tuner.errors import SettingsError
from snapshot_tuner.ledger.redis.redis_py import parse_url

_CACHE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_TLS_OPTIONS = frozenset({"ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"})
"""What the URL may say besides. Not ssl_cert_reqs and ssl_check_hostname: rediss:// always verifies."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where the store is and who we are there; `tls` are files for the `ssl` module.

    With `cache`, the name of an ElastiCache cache, the password is an IAM token, made anew for each connection.
    """

    host: str
    port: int
    db: int
    username: str | None
    password: str | None = field(repr=False)
    tls: dict[str, str] | None
    cache: str | None = None

    @classmethod
    def parse(cls, url: str) -> "RedisAddress":
        """Raises SettingsError for anything but redis[s]://[[user]:password@]host[:port][/db]."""
        try:
            given = parse_url(url)  # type: ignore[no-untyped-call] # untyped in redis-py
            path = urlsplit(url).path.removeprefix("/")
        except ValueError:
            given, path = {}, ""
        if not given.get("host") or (path and not (path.isascii() and path.isdigit())):
            raise SettingsError("LEDGER_URL", "must be redis[s]://[[user]:password@]host[:port][/db]")
        tls = {name: given[name] for name in sorted(_TLS_OPTIONS & given.keys())}
        known = {"host", "port", "db", "username", "password", "connection_class", "auth", "cache", *tls}
        is_tls = "connection_class" in given
        if given.keys() - known:
            options = ", ".join([*sorted(_TLS_OPTIONS), "auth", "cache"])
            # Not its name: it may be the end of a password that was not encoded.
            raise SettingsError("LEDGER_URL", f"has an unknown option; known are {options}")
        if tls and not is_tls:
            raise SettingsError("LEDGER_URL", f"{next(iter(tls))} needs rediss://")
        _check_iam(given, is_tls=is_tls)
        return cls(
            host=given["host"],
            port=given.get("port", 6379),
            db=given.get("db", 0),
            username=given.get("username"),
            password=given.get("password"),
            tls=tls if is_tls else None,
            cache=given.get("cache"),
        )


def _check_iam(given: Mapping[str, Any], *, is_tls: bool) -> None:
    """Raises SettingsError for half of what an IAM token takes."""
    if given.get("auth", "iam") != "iam" or ("auth" in given) != ("cache" in given):
        raise SettingsError("LEDGER_URL", "auth=iam and cache=NAME go together, and there is no other auth")
    if "auth" not in given:
        return
    if not is_tls or not given.get("username") or given.get("password"):
        raise SettingsError("LEDGER_URL", "auth=iam needs rediss://USER@HOST, without a password")
    if not _CACHE.fullmatch(given["cache"]):
        raise SettingsError(
            "LEDGER_URL", "cache must be a cache's name: a letter, then at most 39 letters, digits and hyphens"
        )
