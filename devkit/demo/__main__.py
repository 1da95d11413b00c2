"""Play the scenario, show it, and judge it: `python -m devkit.demo` exits with 1 if a task ended wrong."""

import os
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from devkit.demo import oracle, sample_events, verdict
from devkit.demo.observer import Observer, Seen
from devkit.demo.oracle import Expectations
from devkit.demo.sample_events import SampleMessage
from devkit.demo.scenario import FILES, SCENARIO
from devkit.demo.sources import ATTEMPTS, SourceAnswer, invoke
from devkit.demo.table import Screen
from devkit.rtc_standin import Fault, FaultKind, ProviderError, StandIn
from snapshot_tuner import bootstrap
from snapshot_tuner.settings import VARIABLES

_ROOT = Path(__file__).parents[2]
_LOG = _ROOT / ".build" / "demo-log.jsonl"
_POLICY = _ROOT / "layers" / "policy" / "policy.yaml"
_LATENCY_SECONDS = 0.03
_FOREIGN_PREFIXES = ("VOLCENGINE_", "POWERTOOLS_", "AWS_LAMBDA_")


def main() -> int:
    """0 if every task is at the interval of its newest event, else 1."""
    started = time.monotonic()
    messages = sample_events.load(FILES, datetime.now(UTC))
    everything = [message for file in FILES for message in messages[file]]
    expectations = oracle.expectations(everything)
    with (
        TemporaryDirectory(prefix="snapshot-tuner-demo-") as folder,
        StandIn(latency=_LATENCY_SECONDS, tasks=expectations.expected) as stand_in,
    ):
        _set_environment(stand_in, Path(folder))
        try:
            log = Path(folder, "log.jsonl")
            with Observer.watching(log, stand_in) as observer, Screen(len(everything)) as screen:
                given_up = _play(messages, stand_in, observer, screen)
        finally:
            bootstrap.close()
        _LOG.parent.mkdir(exist_ok=True)
        shutil.copyfile(log, _LOG)
    right = _judge(expectations, stand_in, given_up, screen)
    seconds = time.monotonic() - started
    screen.line(f"{seconds:.1f} s. The functions' own log lines: {_LOG.relative_to(_ROOT)}", "dim")
    return 0 if right else 1


def _set_environment(stand_in: StandIn, folder: Path) -> None:
    """Just what the demo needs: what is set outside must change neither its outcome nor its log."""
    for name in tuple(os.environ):
        if name in VARIABLES or name.startswith(_FOREIGN_PREFIXES):
            del os.environ[name]
    os.environ.update(stand_in.environment())
    os.environ["LEDGER_URL"] = f"sqlite://{folder}/ledger.db"
    os.environ["POLICY_PATH"] = str(_POLICY)


def _play(messages: dict[str, list[SampleMessage]], stand_in: StandIn, observer: Observer, screen: Screen) -> set[str]:
    """The names of the messages that their source gave up on."""
    given_up: set[str] = set()
    for stage in SCENARIO:
        screen.stage(stage.title)
        if stage.throttled:
            stand_in.add_fault(Fault(kind=FaultKind.ERROR, error=ProviderError.FLOW_LIMIT_EXCEEDED))
        for file in stage.files:
            given_up.update(_deliver(messages[file], observer, screen))
            screen.advance(len(messages[file]))
    return given_up


def _deliver(messages: list[SampleMessage], observer: Observer, screen: Screen) -> list[str]:
    """Deliver until all are settled, or their attempts are used up; the rest is given up."""
    source = messages[0].source
    before: dict[str, list[str]] = {}
    for attempt in range(1, ATTEMPTS[source] + 1):
        answers = invoke(messages)
        last = attempt == ATTEMPTS[source]
        for message, answer, seen in zip(messages, answers, _group_by_message(messages, observer.news()), strict=True):
            outcomes = [each.outcome for each in seen]
            # An attempt that ends like the one before is not worth a row of its own, except for the last one.
            if last or before.get(message.name) != outcomes:
                for each in seen:
                    screen.row(source, each, _consequence(answer, attempt, last=last), explained=attempt == 1)
            before[message.name] = outcomes
        messages = [message for message, answer in zip(messages, answers, strict=True) if not answer.settled]
        if not messages:
            break
    return [message.name for message in messages]


def _group_by_message(messages: Sequence[SampleMessage], news: list[Seen]) -> list[list[Seen]]:
    """A lone message owns all lines, one per task; in a batch of the scenario every event is about one task."""
    if len(messages) == 1:
        return [news]
    return [[each] for _, each in zip(messages, news, strict=True)]


def _consequence(answer: SourceAnswer, attempt: int, *, last: bool) -> str:
    """What the source does now; over HTTP that is the sender's business, who sees the status."""
    if answer.status is not None:
        return str(answer.status)
    if answer.settled:
        return "done"
    return f"DLQ, try {attempt}" if last else "comes back"


def _judge(expectations: Expectations, stand_in: StandIn, given_up: set[str], screen: Screen) -> bool:
    carried_out = sum(1 for call in stand_in.calls() if call.applied is not None)
    judgements = [
        *verdict.on_tasks(expectations, stand_in.intervals()),
        verdict.on_calls(expectations, carried_out),
        verdict.on_given_up(expectations, given_up),
    ]
    screen.line("\nThe provider's tasks, compared with what the events ask for (worked out without the functions):\n")
    for judgement in judgements:
        screen.line(judgement.text, "green" if judgement.right else "bold red")
    right = all(judgement.right for judgement in judgements)
    screen.line()
    if right:
        screen.line(
            f"RIGHT: all {len(expectations.expected)} tasks are at the interval of their newest event.", "bold green"
        )
    else:
        screen.line("WRONG: see above.", "bold red")
    return right


if __name__ == "__main__":
    sys.exit(main())
