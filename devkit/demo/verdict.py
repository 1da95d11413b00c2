"""Whether the provider's side ended as the events ask, one line for each task."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from devkit.demo.oracle import Expectations
from devkit.demo.sample_events import short_id
from snapshot_tuner.model import TaskRef


@dataclass(frozen=True, slots=True)
class Judgement:
    """One thing that was checked."""

    right: bool
    text: str


def on_tasks(expectations: Expectations, intervals: Mapping[TaskRef, int]) -> list[Judgement]:
    """Every task at the interval (seconds) of its newest event, and no other task touched."""
    judgements: list[Judgement] = []
    for task in sorted(expectations.expected.keys() | intervals.keys(), key=lambda each: (each.room_id, each.task_id)):
        newest, interval = expectations.expected.get(task), intervals.get(task)
        found = f"{task.room_id}/{task.task_id}  {'not set' if interval is None else f'{interval:3} s'}  "
        if newest is None:
            judgements.append(Judgement(right=False, text=f"{found}WRONG: no event asked for it"))
        elif interval == newest.interval:
            judgements.append(
                Judgement(right=True, text=f"{found}as its newest event asked ({short_id(newest.event_id)})")
            )
        else:
            asked = f"WRONG: its newest event ({short_id(newest.event_id)}) asked for {newest.interval} s"
            judgements.append(Judgement(right=False, text=found + asked))
    return judgements


def on_calls(expectations: Expectations, carried_out: int) -> Judgement:
    """In this scenario every running task needs one call: whatever else was called, was called for nothing."""
    needed = len(expectations.expected)
    if carried_out == needed:
        return Judgement(right=True, text=f"{needed} calls carried out for {needed} tasks, none of them needless")
    return Judgement(right=False, text=f"WRONG: {carried_out} calls carried out where {needed} were needed")


def on_given_up(expectations: Expectations, given_up: Collection[str]) -> Judgement:
    """What nobody can fulfil was given up, visibly; nothing else was."""
    wrong = sorted(expectations.hopeless ^ set(given_up))
    if not wrong:
        return Judgement(right=True, text=f"{len(given_up)} messages given up, all of them malformed or poison")
    return Judgement(right=False, text=f"WRONG: given up, or not, for no reason: {', '.join(wrong)}")
