"""What a benchmarked build talks to: a Valkey of its own and the RTC stand-in, each in a process of its own."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from devkit.build.step import ROOT
from devkit.rtc_standin import KeyPair
from devkit.valkey import valkey_server

LIFTED_QPS = 1_000_000
"""A rate limit that no machine reaches."""


@dataclass(frozen=True, slots=True)
class Environment:
    """`variables` are what a build finds in its process environment."""

    endpoint: str
    ledger_url: str
    variables: Mapping[str, str] = field(repr=False)

    def calls(self) -> list[dict[str, Any]]:
        """Every call that the stand-in has seen, in the order of arrival."""
        calls: list[dict[str, Any]] = self._get("calls")["calls"]
        return calls

    def most_calls_in_a_second(self) -> int:
        most: int = self._get("state")["peaks"]["per_second"]
        return most

    def _get(self, route: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.endpoint}/_standin/{route}", timeout=60) as answer:  # noqa: S310 - our own address
            state: dict[str, Any] = json.load(answer)
        return state


@contextmanager
def environment(*, latency_ms: float = 0.0, max_qps: int = LIFTED_QPS) -> Iterator[Environment]:
    """A fresh one, until the end of the block."""
    known = KeyPair()
    with valkey_server() as valkey, _stand_in(latency_ms) as endpoint:
        ledger_url = f"redis://127.0.0.1:{valkey.port}/0"
        yield Environment(
            endpoint,
            ledger_url,
            {
                "RTC_ENDPOINT": endpoint,
                "RTC_REGION": "cn-north-1",
                "RTC_MAX_QPS": str(max_qps),
                "VOLCENGINE_ACCESS_KEY": known.access_key,
                "VOLCENGINE_SECRET_KEY": known.secret_key,
                "VOLCENGINE_ECS_METADATA_DISABLED": "true",
                "LEDGER_URL": ledger_url,
                "POLICY_PATH": str(ROOT / "layers" / "policy" / "policy.yaml"),
                "POWERTOOLS_LOG_LEVEL": "INFO",
            },
        )


@contextmanager
def _stand_in(latency_ms: float) -> Iterator[str]:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "devkit.rtc_standin", "--latency-ms", str(latency_ms)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, (ROOT, _SHARED)))},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 - asked for above
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


_SHARED = ROOT / "layers" / "snapshot_tuner"
