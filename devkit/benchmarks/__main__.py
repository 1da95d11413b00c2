"""`make bench`: measure side by side in one run, and print the table."""

import argparse
import sys
from collections.abc import Callable, Iterator
from itertools import chain

from devkit.benchmarks import batches, calls, cold_start, decisions, first_events, overload, readings, table, vefaas
from devkit.benchmarks.builds import Builds, build
from devkit.benchmarks.table import Row
from devkit.build import BuildFailed, InterpreterMissing, interpreters

_DESCRIPTION = """\
Measures what an event costs, compared with a usual handler (Powertools BatchProcessor and Idempotency over Redis, the
SDK with its defaults, one record after the other) and with the floor (an empty handler; a bare http.client loop).
Everything is real but the RTC API, which is the stand-in. Takes about five minutes; on a busy machine only the ratios
mean anything.
"""

_FIRST_EVENT_RATIO = 1.5
_COLD_START_RATIO = 0.9
_BATCH_RATIO = 25
_PROCESSOR_RATIO = 0.5
_DUPLICATES_PER_SECOND = 30_000
_DECISION_MICROSECONDS = 100
_RATE_SHARE = 0.97
_ALERT_SECONDS = {10: 0.5, 50: 1.0}
"""The targets; docs/performance.md has them as they are printed here."""

_RULES = (50, 100, 200)
_MEMORY_MIB = 128
_RATE_LIMIT = 150


def main() -> None:
    """Measure one figure after the other, and print each when it is ready."""
    arguments = _arguments()
    try:
        interpreter = interpreters.find(arguments.python) if arguments.python else interpreters.own()
        builds = build(interpreter)
    except (BuildFailed, InterpreterMissing) as failure:
        sys.exit(str(failure))
    if arguments.imports:
        _print_imports(builds)
        return
    rows: list[Row] = []
    before = table.machine(interpreter.version)
    for name, measure in _figures(builds, arguments).items():
        if arguments.only and name not in arguments.only:
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += measure()
    print("\n".join([*table.lines(rows), "", f"before: {before}", f"after:  {table.machine(interpreter.version)}"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devkit.benchmarks",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--python", metavar="VERSION", help="the Python that stands for Lambda's (default: this one)")
    parser.add_argument("--runs", type=int, default=20, help="cold starts of each function (default: %(default)s)")
    parser.add_argument("--overload-tasks", type=int, default=20_000, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--overload-workers", type=int, nargs="+", default=[*_ALERT_SECONDS], metavar="N", help="default: %(default)s"
    )
    parser.add_argument("--only", action="append", choices=_NAMES, help="only this figure; may be repeated")
    parser.add_argument("--imports", action="store_true", help="only what queue_worker's cold start imports, by time")
    return parser.parse_args()


_READING_RATIOS = {
    "a CloudEvent, with `events`": 1.25,
    "a bare object, by a reading": 2.0,
    "each further element of a list": 1.5,
}

_NAMES = (
    "first-event",
    "cold-start",
    "batch",
    "events",
    "processor",
    "duplicates",
    "policy",
    "readings",
    "memory",
    "overload",
    "vefaas",
)


def _figures(builds: Builds, arguments: argparse.Namespace) -> dict[str, Callable[[], Iterator[Row]]]:
    runs, tasks, workers = arguments.runs, arguments.overload_tasks, arguments.overload_workers
    measures = (
        lambda: _first_event(builds, runs),
        lambda: _cold_start(builds, runs),
        lambda: _batch(builds),
        lambda: _events(builds),
        lambda: _processor(builds),
        _duplicates,
        _policy,
        _readings,
        lambda: _memory(builds),
        lambda: chain.from_iterable(_overload(builds, tasks, each) for each in workers),
        lambda: _vefaas(runs),
    )
    return dict(zip(_NAMES, measures, strict=True))


def _first_event(builds: Builds, runs: int) -> Iterator[Row]:
    firsts = first_events.measure(builds, runs)
    usual = firsts.pop(builds.usual.name)
    for name, first in firsts.items():
        ratio = first.processor_seconds / usual.processor_seconds
        yield Row(
            f"first event of {name} after INIT, processor time",
            f"{first.processor_seconds * 1000:.1f} ms",
            f"{usual.processor_seconds * 1000:.1f} ms",
            f"{ratio:.2f}",
            target=f"{_FIRST_EVENT_RATIO}",
            met=ratio <= _FIRST_EVENT_RATIO,
        )
    imported = {name for first in firsts.values() for name in first.imported}
    yield Row(
        "modules imported by the first event of any function after INIT",
        str(len(imported)),
        str(len(usual.imported)),
        target="0",
        met=not imported,
    )


def _cold_start(builds: Builds, runs: int) -> Iterator[Row]:
    starts = cold_start.measure(builds, runs)
    for name, ours in starts.ours.items():
        for kind, part in (("processor", "processor_seconds"), ("wall", "seconds")):
            here, usual, floor = (getattr(each, part) for each in (ours, starts.usual, starts.floor))
            yield Row(
                f"process start of {name} to its first answer, {kind} time",
                _ms(here),
                _ms(usual),
                f"{here / usual:.2f}",
                _ms(floor),
                f"{_COLD_START_RATIO}",
                here / usual <= _COLD_START_RATIO,
            )


def _batch(builds: Builds) -> Iterator[Row]:
    compared = batches.seconds_of_a_batch(builds, runs=5)
    ratio = compared.usual / compared.ours
    yield Row(
        "batch of 100 tasks, API latency 30 ms, wall time",
        _ms(compared.ours),
        _ms(compared.usual),
        f"1/{ratio:.0f}",
        target=f"1/{_BATCH_RATIO}",
        met=ratio >= _BATCH_RATIO,
    )


def _events(builds: Builds) -> Iterator[Row]:
    many = batches.many_events_for_few_tasks(builds.queue_worker)
    yield Row(
        "10,000 events for 200 tasks, batches of 1,000: calls",
        f"{many.calls:,}",
        target="1 per task and batch",
        met=many.most_per_task_and_batch <= 1,
    )
    yield Row(
        "10,000 events for 200 tasks, batches of 1,000: wall time",
        f"{many.seconds:.1f} s",
        floor=f"{many.least_seconds:.1f} s",
        target="bounded by the rate (floor)",
        met=many.seconds <= 1.25 * many.least_seconds,
    )


def _processor(builds: Builds) -> Iterator[Row]:
    compared = batches.processor_seconds_per_event(builds, runs=3)
    ratio = compared.ours / compared.usual
    floor = calls.processor_seconds_per_call()
    yield Row(
        "processor time per event, one task each",
        _us(compared.ours),
        _us(compared.usual),
        f"{ratio:.2f}",
        f"{_us(floor)} (the call alone)",
        f"{_PROCESSOR_RATIO}",
        ratio <= _PROCESSOR_RATIO,
    )


def _duplicates() -> Iterator[Row]:
    rate = decisions.duplicates_per_second()
    yield Row(
        "duplicates through admit, batches of 1,000",
        f"{rate:,.0f}/s",
        target=f"{_DUPLICATES_PER_SECOND:,}/s",
        met=rate >= _DUPLICATES_PER_SECOND,
    )


def _policy() -> Iterator[Row]:
    for rules, microseconds in zip(_RULES, decisions.microseconds_per_decision(_RULES), strict=True):
        asked = rules == _RULES[-1]
        yield Row(
            f"a decision, {rules} rules of one type, the last one matches",
            f"{microseconds:.0f} µs",
            target=f"{_DECISION_MICROSECONDS} µs" if asked else "",
            met=microseconds < _DECISION_MICROSECONDS if asked else None,
        )


def _readings() -> Iterator[Row]:
    for name, ratio in readings.ratios().items():
        if name in _READING_RATIOS:
            most = _READING_RATIOS[name]
            yield Row(
                f"reading {name}, of a CloudEvent without `events`",
                f"{ratio:.2f}",
                ratio=f"{ratio:.2f}",
                target=f"{most}",
                met=ratio <= most,
            )


def _memory(builds: Builds) -> Iterator[Row]:
    peak = batches.peak_mib_above_empty(builds)
    yield Row(
        "most memory of a batch of 10,000, above the empty handler",
        f"{peak:.0f} MiB",
        target=f"{_MEMORY_MIB} MiB",
        met=peak < _MEMORY_MIB,
    )


def _overload(builds: Builds, tasks: int, workers: int) -> Iterator[Row]:
    overloaded = overload.measure(builds, tasks=tasks, workers=workers)
    about = f"{tasks:,} tasks at once, {workers} workers"
    yield Row(
        f"{about}: share of the rate (145/s) used",
        f"{overloaded.share:.1%}",
        target=f"{_RATE_SHARE:.0%}",
        met=overloaded.share >= _RATE_SHARE,
    )
    yield Row(
        f"{about}: most calls in any second",
        str(overloaded.most_calls_in_a_second),
        target=str(_RATE_LIMIT),
        met=overloaded.most_calls_in_a_second <= _RATE_LIMIT,
    )
    most = _ALERT_SECONDS[min(_ALERT_SECONDS, key=lambda named: abs(named - workers))]
    for way, delay in (("the bus", overloaded.from_bus), ("the urgent queue", overloaded.from_urgent_queue)):
        name = f"{about}: alert from {way} to applied, median and 99th percentile"
        row = f"{delay.median:.2f} s, {delay.high:.2f} s"
        yield Row(name, row, target=f"{most} s", met=delay.high <= most)
    yield Row(
        f"{about}: the rest to applied, median and 99th percentile",
        f"{overloaded.rest.median:.1f} s, {overloaded.rest.high:.1f} s",
        floor=f"{0.5 * tasks / _RATE_LIMIT:.1f} s, {0.99 * tasks / _RATE_LIMIT:.1f} s",
    )


def _vefaas(runs: int) -> Iterator[Row]:
    try:
        starts, batch = vefaas.starts(runs), vefaas.seconds_of_a_batch(runs=5)
    except InterpreterMissing as missing:
        print(missing, file=sys.stderr)
        return
    for kind, part in (("processor", "processor_seconds"), ("wall", "seconds")):
        here, beside = (getattr(each, part) for each in (starts.vefaas, starts.queue_worker))
        name = f"process start on veFaaS to its first answer, {kind} time"
        yield Row(name, _ms(here), floor=f"{_ms(beside)} (queue_worker)")
    name = "batch of 100 tasks on veFaaS, API latency 30 ms, wall time"
    yield Row(name, _ms(batch.vefaas), floor=f"{_ms(batch.queue_worker)} (queue_worker)")


def _print_imports(builds: Builds) -> None:
    rows = cold_start.imports(builds.queue_worker)
    print(f"{sum(own for _, own in rows):7.1f} ms  {len(rows)} modules, the handler and its first event")
    for name, own in rows[:60]:
        print(f"{own:7.1f} ms  {name}")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"


if __name__ == "__main__":
    main()
