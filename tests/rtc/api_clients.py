"""Clients of the API, the credentials that they are given, and the connections that they have used."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from volcenginesdkcore.auth.providers.static_provider import StaticCredentialProvider

from devkit.rtc_standin import KeyPair, StandIn
from snapshot_tuner.rtc.client import SnapshotApi
from snapshot_tuner.rtc.signing import Credentials


def make_client(stand_in: StandIn, credentials: KeyPair | None = None, pool_size: int = 4) -> SnapshotApi:
    keys = credentials or stand_in.credentials
    provider = StaticCredentialProvider(keys.access_key, keys.secret_key, keys.session_token)
    return SnapshotApi(
        endpoint=stand_in.endpoint,
        region=stand_in.api.region,
        version=stand_in.api.version,
        credentials=provider,
        pool_size=pool_size,
    )


@dataclass
class BrokenProvider:
    """Gives what it is told to, or raises it."""

    gives: object

    def get_credentials(self) -> Credentials:
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives  # type: ignore[return-value]  # that is what is broken about it


KEYS = StaticCredentialProvider("AKLTstandin", "standin-secret-key")


@contextmanager
def client(endpoint: str, proxy: str | None = None, pool_size: int = 4) -> Iterator[SnapshotApi]:
    api = SnapshotApi(endpoint=endpoint, region="cn-north-1", credentials=KEYS, proxy=proxy, pool_size=pool_size)
    yield api
    api.close()


def connections_used(stand_in: StandIn) -> list[int]:
    return [call.connection for call in stand_in.calls()]
