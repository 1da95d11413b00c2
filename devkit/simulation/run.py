"""One simulated run: a seed and the faults in, what came of every task out."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from uuid import uuid4

from redis import Redis

from devkit.silent_log import SilentLog
from devkit.simulation.faults import Faults, bursts
from devkit.simulation.faulty_ports import FaultyLedger, SimulatedCalls, SimulatedLedger, SimulatedReads
from devkit.simulation.instance import EPOCH, Instance, InstanceClock, LedgerClock, Timeline
from devkit.simulation.judgement import QUOTA, Losses, RunReport, judge, task_of
from devkit.simulation.ledgers.far import FarSqliteLedger, FarValkeyLedger
from devkit.simulation.ledgers.stores import SqliteStore, Store, ValkeyStore
from devkit.simulation.oracle import OF_ENDS, POLICY, TYPES
from devkit.simulation.people import PersonsLedger, Steps, live, plans
from devkit.simulation.provider import Provider
from devkit.simulation.queue import SimulatedQueue
from snapshot_tuner.clock import Clock
from snapshot_tuner.ledger.timing import SLOT_SHARE
from snapshot_tuner.ledger.types import Limits
from snapshot_tuner.model import Json, Order, Signal, TaskRef
from snapshot_tuner.policy.engine import Policy
from snapshot_tuner.tuning.reconciler import Reconciler
from snapshot_tuner.tuning.tuner import Tuner

TASKS = 24
INSTANCES = 4
MINUTES = 10
BATCH = 10
CLOCK_OFF_MOST_SECONDS = 3600.0
REST_SECONDS = 2400.0
"""Longer than the ledger leaves an event to its source, and what ends by itself lasts: what began by a clock
that was wrong ends as much later."""

LATEST_DUPLICATES_SECONDS = 7200.0
RECONCILERS = 2

LIMITS = Limits(
    order=Order.TIME,
    slots_per_second=QUOTA * SLOT_SHARE,
    idempotency_ttl=86_400,
    task_ttl=1_209_600,
    max_clock_skew=3900,
)


Trace = Callable[[str], None]
LedgerFactory = Callable[[Clock, float], SimulatedLedger]
"""Makes an instance's own client of the one store of a run, on the store's clock, so many seconds away."""


def run(seed: int, faults: Faults, *, valkey_url: str | None = None, trace: Trace | None = None) -> RunReport:
    """A run on a ledger of its own: in the Valkey server at the URL, or in a SQLite file."""
    with tempfile.TemporaryDirectory(prefix="simulation-") as folder, ExitStack() as opened:
        namespace = uuid4().hex
        path = Path(folder) / "db"

        if valkey_url is None:
            store: Store = SqliteStore(path)
        else:
            valkey = store = ValkeyStore(opened.enter_context(Redis.from_url(valkey_url)), namespace)

        def open_ledger(clock: Clock, round_trip: float) -> SimulatedLedger:
            if valkey_url is None:
                ledger: FarSqliteLedger | FarValkeyLedger = FarSqliteLedger(path, namespace, LIMITS, clock, round_trip)
            else:
                log = SilentLog()
                ledger = FarValkeyLedger(
                    valkey_url, namespace, LIMITS, clock, log, round_trip, lambda: valkey.failovers
                )
            opened.callback(ledger.close)
            return ledger

        return _run_on(open_ledger, store, seed, faults, trace)


def _run_on(
    open_ledger: LedgerFactory, store: Store, seed: int, faults: Faults, trace: Trace | None = None
) -> RunReport:
    """A run on the ledger that the factory opens; the store must be empty."""
    random = Random(seed)  # noqa: S311 - a seed has to replay the run
    timeline = Timeline(trace=trace)
    horizon = MINUTES * 60.0
    provider = Provider(timeline, bursts(random, faults.throttling, horizon, longest=5))
    outages = bursts(random, faults.store_outage, horizon, longest=20)
    queue = SimulatedQueue(timeline, random)
    own = Random(f"ends {seed}")  # noqa: S311 - a seed has to replay the run
    signals = _send_events(queue, random, own, faults, horizon)
    for task in sorted({task_of(signal) for signal in signals}, key=lambda each: each.room_id):
        if random.random() < faults.restarted_task:
            provider.restarts_at(random.uniform(0, horizon), task)
    own = Random(f"records {seed}")  # noqa: S311 - a seed has to replay the run
    spoilt = _spoil_records(timeline, store, own, faults.poisoned_record)
    own = Random(f"failovers {seed}")  # noqa: S311 - a seed has to replay the run
    losses = Losses(timeline, store, [start for start, _ in bursts(own, faults.failover, horizon, longest=1)])
    _set_clock(timeline, Random(f"clock {seed}"), faults.store_clock_set)  # noqa: S311 - a seed has to replay the run
    policy = Policy.parse(POLICY, "simulation.yaml")
    own = Random(f"people {seed}")  # noqa: S311 - a seed has to replay the run
    planned = plans([*map(_task, range(TASKS))], own, faults.operator_bounds, horizon)
    off_most = CLOCK_OFF_MOST_SECONDS if faults.store_clock_set else 0.0
    steps = Steps(off_most)

    def work(instance: Instance) -> None:
        calls = SimulatedCalls(instance, provider, faults, random)
        ledger = FaultyLedger(ledgers[instance.name], instance, outages, faults, random)
        tuner = Tuner(policy=policy, ledger=ledger, calls=calls, clock=InstanceClock(instance), log=SilentLog())
        _consume(queue, tuner, instance, faults, random)

    def reconcile(instance: Instance) -> None:
        calls = SimulatedCalls(instance, provider, faults, random)
        reads = SimulatedReads(instance, provider, faults, random)
        ledger = FaultyLedger(ledgers[instance.name], instance, outages, faults, random)
        clock = InstanceClock(instance)
        reconciler = Reconciler(ledger=ledger, calls=calls, reads=reads, clock=clock, log=SilentLog())
        _reconcile(queue, reconciler, instance, REST_SECONDS + off_most)

    def step_in(instance: Instance) -> None:
        calls = SimulatedCalls(instance, provider, faults, random)
        ledger = PersonsLedger(ledgers[instance.name], instance, (outages, faults, random), steps)
        live(instance, planned[instance.name], ledger, calls, policy)

    instances = [Instance(f"instance-{number}", timeline, random, work) for number in range(INSTANCES)]
    instances += [Instance(f"reconciler-{number}", timeline, random, reconcile) for number in range(RECONCILERS)]
    instances += [Instance(name, timeline, random, step_in) for name in planned]
    distances = Random(f"distances {seed}")  # noqa: S311 - of its own, so that a seed's other faults stay what they are
    for instance in instances:
        if distances.random() < faults.far_ledger:
            instance.ledger_round_trip = distances.uniform(0.02, 0.2)
    ledgers = {each.name: open_ledger(LedgerClock(each), each.ledger_round_trip) for each in instances}
    for instance in instances:
        if random.random() < faults.clock_skew:
            instance.wall_skew = random.uniform(-10, 10)
        timeline.at(random.uniform(0, 1), instance.boot)
    timeline.run()
    steps.ended_at = timeline.now
    return judge(signals, queue, provider, ledgers[instances[0].name], spoilt=spoilt, losses=losses, steps=steps)


def _set_clock(timeline: Timeline, random: Random, per_minute: float) -> None:
    for start, end in bursts(random, per_minute, MINUTES * 60.0, longest=60):
        timeline.set_store_clock(start, end, random.choice((-1, 1)) * random.uniform(20, CLOCK_OFF_MOST_SECONDS))


def _spoil_records(timeline: Timeline, store: Store, random: Random, per_minute: float) -> frozenset[TaskRef]:
    """Of chances of its own, so that a seed's other faults stay what they are without it."""
    moments = [moment for moment, _ in bursts(random, per_minute, MINUTES * 60.0, longest=1)]
    spoilt = [_task(random.randrange(TASKS)) for _ in moments]
    for moment, task in zip(moments, spoilt, strict=True):
        timeline.at(moment, partial(store.poison, task, random.randbytes(random.randrange(60))))
    return frozenset(spoilt)


def _consume(queue: SimulatedQueue, tuner: Tuner, instance: Instance, faults: Faults, random: Random) -> None:
    """Batch after batch, until no message is left."""
    while (visible := queue.next_visible()) is not None:
        batch = queue.receive(BATCH)
        if not batch:
            instance.wait(max(visible, instance.timeline.now + 0.05))
            continue
        seconds = random.uniform(1, 4) if random.random() < faults.short_deadline else 30.0
        answers = tuner.process([message.signal for message in batch], InstanceClock(instance).monotonic() + seconds)
        if random.random() < faults.crash_before_acknowledge:
            instance.die_inside()
        hasty = random.random() < faults.hasty_sender
        for message, outcomes in zip(batch, answers, strict=True):
            for outcome in outcomes:
                instance.trace(f"{outcome.id}: {outcome.kind} ({outcome.reason})")
            if all(outcome.settled for outcome in outcomes):
                queue.delete(message)
            elif hasty:
                queue.give_back(message, random.uniform(1, 10))


def _reconcile(queue: SimulatedQueue, reconciler: Reconciler, instance: Instance, rest: float) -> None:
    """Every minute while events happen; then, to save time, every tenth, until nothing has been to do for `rest`."""
    last_work = instance.timeline.now
    while instance.timeline.now < last_work + rest:
        figures = reconciler.run(InstanceClock(instance).monotonic() + 50)
        if queue.messages or figures.asserted or figures.repaired:
            last_work = instance.timeline.now
        instance.wait(instance.timeline.now + (60 if instance.timeline.now < MINUTES * 60 else 600))


def _send_events(queue: SimulatedQueue, random: Random, own: Random, faults: Faults, horizon: float) -> list[Signal]:
    """`own` are chances of what ends something, so that a seed's other events stay what they are without it."""
    signals = []
    for task in range(TASKS):
        intervals = random.sample(range(1, 601), k=random.randint(1, 10))
        # In bursts: events of one task that come close together are what makes trouble.
        around = random.uniform(0, horizon - 20)
        cut = random.random() < faults.whole_seconds
        for number, interval in enumerate(intervals):
            happened = random.uniform(around, around + 20) if random.random() < 0.7 else random.uniform(0, horizon)  # noqa: PLR2004 - most
            data: dict[str, Json] = {
                "AppId": "app",
                "RoomId": f"room-{task:02}",
                "TaskId": "task",
                "interval": interval,
            }
            time_us = round((EPOCH + (int(happened) if cut else happened)) * 1e6)
            sent_us = int((EPOCH + happened) * 1000) * 1000  # as SentTimestamp: the queue takes events in their order
            kind = random.choice(TYPES)
            if own.random() < 0.4:  # noqa: PLR2004 - some
                kind = own.choice(OF_ENDS)
            signal = Signal(f"event-{task:02}-{number}", "simulation", kind, time_us, data, sent_us=sent_us)
            signals.append(signal)
            delay = random.uniform(0, 0.5)
            if random.random() < faults.reordered:
                delay += random.uniform(0, 30)
            if random.random() < faults.late:
                delay += random.uniform(60, 600)
            queue.send(signal, happened + delay)
            if random.random() < faults.duplicate:
                queue.send(signal, happened + delay + random.uniform(0, 10))
            if random.random() < faults.late_duplicate:
                again = happened + delay + LATEST_DUPLICATES_SECONDS
                queue.send(replace(signal, sent_us=int((EPOCH + again) * 1000) * 1000), again)
    return signals


def _task(number: int) -> TaskRef:
    return TaskRef("app", f"room-{number:02}", "task")
