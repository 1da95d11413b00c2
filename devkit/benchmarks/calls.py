"""Peer (b), the floor of a call: a prepared, signed request over one kept connection of `http.client`."""

import http.client
import time
from urllib.parse import urlsplit

from volcenginesdkcore.signv4 import SignerV4

from devkit.benchmarks.environment import Environment, environment
from devkit.rtc_standin import KeyPair

_BODY = '{"AppId":"app-1","RoomId":"room-1","TaskId":"task-1","ImageConfig":{"Interval":5}}'
_QUERY = {"Action": "UpdateSnapshot", "Version": "2023-11-01"}


def processor_seconds_per_call(*, calls: int = 1000) -> float:
    """User and system time of this process for one call; everything but sending and receiving is prepared."""
    with environment() as env:
        headers = _signed_headers(env)
        connection = http.client.HTTPConnection(urlsplit(env.endpoint).netloc)
        start = time.process_time()
        for _ in range(calls):
            connection.request("POST", "/?Action=UpdateSnapshot&Version=2023-11-01", _BODY, headers)
            connection.getresponse().read()
        seconds = time.process_time() - start
        connection.close()
        if {call["outcome"] for call in env.calls()} != {"ok"}:
            raise RuntimeError("the stand-in refused a call")
    return seconds / calls


def _signed_headers(env: Environment) -> dict[str, str]:
    known = KeyPair()
    headers = {"Host": urlsplit(env.endpoint).netloc, "Content-Type": "application/json"}
    SignerV4.sign(
        "/", "POST", headers, _BODY, None, _QUERY, known.access_key, known.secret_key, "cn-north-1", "rtc", None
    )
    return headers
