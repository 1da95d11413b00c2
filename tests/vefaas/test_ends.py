"""Instances that end, and what becomes of the messages that they had."""

import http.client
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

import pytest

from devkit.local_runtime.processes import free_ports
from devkit.rtc_standin import StandIn
from devkit.vefaas.gateway import Gateway
from devkit.vefaas.triggers import KafkaMessage, packed, send_batch
from tests.polling import until
from tests.vefaas.conftest import Start
from tests.vefaas.platform import applied, body, environment, status


def test_what_is_in_flight_at_sigterm_is_answered(start: Start, tmp_path: Path) -> None:
    """The platform asks an instance to end while a batch is under way."""
    with StandIn(latency=0.3) as standin:
        batch = packed([KafkaMessage(number, body(number)) for number in range(60)])
        with (
            start("events", environment(standin, tmp_path / "ledger.db")) as instance,
            ThreadPoolExecutor(1) as pool,
        ):
            answer = pool.submit(send_batch, instance.port, batch)
            until(lambda: bool(standin.calls()))
            instance.send_signal(signal.SIGTERM)
            assert answer.result().status == 200
        assert sum(applied(standin).values()) == 60


@pytest.fixture(scope="module")
def settled_by_the_next(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[set[str]]]:
    """What an instance that was killed while it ended left to the next one. It waits for leases, as the test below
    does: both at the same time.
    """
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(kill_in_the_middle_of_ending, start, tmp_path_factory.mktemp("ending") / "ledger.db")


def kill_in_the_middle_of_ending(start: Start, ledger: Path) -> set[str]:
    (port,) = free_ports(1)
    gateway = Gateway(port, lambda _: None)
    batch = [KafkaMessage(number, body(number)) for number in range(20)]
    with StandIn(latency=0.3) as standin, ThreadPoolExecutor(1) as pool:
        settings = environment(standin, ledger)
        with start("events", settings, port=port) as instance:
            settled = pool.submit(gateway.deliver_batch, batch)
            until(lambda: bool(standin.calls()))
            instance.send_signal(signal.SIGTERM)
            instance.send_signal(signal.SIGKILL)
        assert not settled.done()
        with start("events", settings, port=port):
            assert settled.result()
        return set(applied(standin))


@pytest.mark.usefixtures("settled_by_the_next")
def test_killed_instances_lose_nothing_and_hold_up_nobody(start: Start, tmp_path: Path) -> None:
    """Four messages are redelivered into their leases, which last 15 s; forty others are through long before."""
    with StandIn(latency=0.3) as standin:
        settings = environment(standin, tmp_path / "ledger.db")
        with start("events", settings) as instance, ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(status, instance, number) for number in range(4)]
            until(lambda: len(standin.calls()) == len(answers))
            instance.send_signal(signal.SIGKILL)
            wait(answers)
            assert all(isinstance(each.exception(), OSError | http.client.HTTPException) for each in answers)
        with start("events", settings) as instance, ThreadPoolExecutor(50) as pool:
            redelivered = []
            for number in range(4):  # each to a tuner of its own
                redelivered.append(pool.submit(status, instance, number))
                time.sleep(0.05)
            began = time.monotonic()
            assert {*pool.map(partial(status, instance), range(100, 140))} == {200}
            assert time.monotonic() - began < 5
            assert not any(each.done() for each in redelivered)
            assert [each.result() for each in redelivered] == [200] * 4
        assert set(applied(standin)) >= {f"room-{number}" for number in range(4)}


def test_what_is_killed_in_the_middle_of_ending_is_redelivered_and_settled(
    settled_by_the_next: Future[set[str]],
) -> None:
    """The platform waits no longer than it likes for an instance that ends; it sends the batch to the next one."""
    assert settled_by_the_next.result() == {f"room-{number}" for number in range(20)}
