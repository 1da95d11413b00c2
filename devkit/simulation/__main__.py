"""`make simulate SEEDS=n`: many runs, a table; `--seed` replays one of them with a trace."""

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

from rich.console import Console
from rich.progress import track

from devkit.simulation.faults import ALL, NAMES, Faults
from devkit.simulation.judgement import RunReport
from devkit.simulation.run import run
from devkit.valkey import valkey_server

NONE, EVERYTHING = "none", "everything"
FAILOVER = "failover"
"""Of a server: a SQLite file has no replica."""

SQLITE, VALKEY = "sqlite", "valkey"
CHOICES = (NONE, *NAMES, EVERYTHING)
HEADINGS = ("fault", "task runs", "events", "calls", "dead letters", "tasks wrong", "left in doubt", "seeds broken")


def main() -> int:
    """Exit code 1 where a promise was broken."""
    arguments = _arguments()
    with ExitStack() as stack:
        return _simulate(arguments, stack.enter_context(valkey_server()).connection_url)


def _simulate(arguments: argparse.Namespace, valkey_url: str) -> int:
    def store_for(name: str) -> str | None:
        return valkey_url if arguments.store == VALKEY or name == FAILOVER else None

    if arguments.seed is not None:
        url = store_for(arguments.fault)
        report = run(arguments.seed, faults_named(arguments.fault), valkey_url=url, trace=print)
        print(report)
        return _complain([(arguments.fault, arguments.seed, report)], arguments.store)
    rows = [(name, max(1, arguments.seeds // 20)) for name in CHOICES[:-1]]
    rows.append((EVERYTHING, arguments.seeds))
    jobs = [(name, arguments.first_seed + number, store_for(name)) for name, seeds in rows for number in range(seeds)]
    reports = list(_run_all(jobs))
    print(table([(name, [report for at, _, report in reports if at == name]) for name, _ in rows]))
    return _complain(reports, arguments.store)


def faults_named(name: str) -> Faults:
    """One of CHOICES: no fault, a single one, or everything at once."""
    match name:
        case "none":
            return Faults()
        case "everything":
            return ALL
        case _:
            return ALL.only(name)


def table(rows: list[tuple[str, list[RunReport]]]) -> str:
    """Markdown: one line per fault."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---" + "|--:" * (len(HEADINGS) - 1) + "|"]
    for name, reports in rows:
        tasks = sum(report.tasks for report in reports)
        in_doubt = sum(len(report.in_doubt) for report in reports)
        cells = [
            name.replace("_", " "),
            f"{tasks:,}",
            f"{sum(report.events for report in reports):,}",
            f"{sum(report.calls for report in reports):,}",
            f"{sum(report.dead_letters for report in reports):,}",
            f"{sum(len(report.wrong) for report in reports):,}",
            f"{in_doubt:,} ({in_doubt / tasks:.2%})",
            f"{sum(bool(report.broken) for report in reports):,}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _run_all(jobs: list[tuple[str, int, str | None]]) -> Iterator[tuple[str, int, RunReport]]:
    console = Console(stderr=True)
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        done = processes.map(_run_one, jobs, chunksize=4)
        yield from track(done, "simulating", total=len(jobs), console=console, disable=not console.is_terminal)


def _run_one(job: tuple[str, int, str | None]) -> tuple[str, int, RunReport]:
    name, seed, valkey_url = job
    return name, seed, run(seed, faults_named(name), valkey_url=valkey_url)


def _complain(reports: list[tuple[str, int, RunReport]], store: str) -> int:
    broken = [(name, seed, report) for name, seed, report in reports if report.broken]
    for name, seed, report in broken[:10]:
        print(f"\nseed {seed} with {name} breaks a promise:", *report.broken, sep="\n  ", file=sys.stderr)
        print(f"replay it with: make simulate STORE={store} SEED={seed} FAULT={name}", file=sys.stderr)
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devkit.simulation", description=__doc__)
    parser.add_argument("--seeds", type=_count, default=100, help="runs with all faults; each alone gets a 20th")
    parser.add_argument("--first-seed", type=int, default=0, metavar="SEED")
    parser.add_argument("--seed", type=int, help="replay this one run and print its trace")
    parser.add_argument("--fault", choices=CHOICES, default=EVERYTHING, help="the faults to replay with")
    parser.add_argument("--store", choices=(SQLITE, VALKEY), default=SQLITE, help="the ledger to test")
    return parser.parse_args()


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
