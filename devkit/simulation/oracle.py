"""The policy of a simulated run, and what has to come of it."""

from collections.abc import Sequence
from typing import NamedTuple

from snapshot_tuner.model import Json, Signal

POLICY = """
version: 1
skip_unchanged_within: 20s
limits:
  - {name: break, when: {from: "08:03", to: "08:05", zone: "+00:00"}, bounds: {max: 60}}
  - {name: night, when: {from: "08:08", to: "20:00", zone: "+00:00"}, factor: 2}
  - name: some
    task: {room_id: [{prefix: room-0}]}
    when: {from: "08:06", to: "20:00", zone: "+00:00"}
    bounds: {max: 400}
rules:
  - name: as-asked
    match: {type: [wanted]}
    interval: {of: data.interval, curve: [[1, 1], [600, 600]]}
  - name: calm
    match: {type: [calm]}
    interval: {of: data.interval, curve: [[1, 1], [600, 600]]}
    lengthen_after: 30s
  - name: alert
    match: {type: [alert]}
    interval: {of: data.interval, curve: [[1, 1], [600, 600]]}
    for: 40s
  - name: watch
    match: {type: [watch]}
    interval: {of: data.interval, curve: [[1, 1], [600, 600]]}
    for: 5m
    then: 7
  - {name: siren, match: {type: [siren]}, interval: 5, urgent: true, for: 24h, default: 11}
  - {name: all-clear, match: {type: [all-clear]}, hold: true, ends: [siren, watch]}
  - name: eased
    match: {type: [eased]}
    interval: {of: data.interval, curve: [[1, 1], [600, 600]]}
    ends: [siren]
"""
TYPES = ("wanted", "wanted", "calm", "alert", "watch")
OF_ENDS = ("siren", "siren", "all-clear", "all-clear", "eased", "watch")


class Wanted(NamedTuple):
    """The interval that a task must have when all is over but a siren; None if nothing was ever asked for.

    `by` are the events on which that depends.
    """

    interval: int | None
    by: list[Signal]


def wanted_at_last(signals: Sequence[Signal]) -> Wanted | None:
    """Worked out without the policy's code, from all events of a task, the oldest first.

    None if that decides nothing: for a task that has had only alerts. A run begins at 08:00 and ends before 20:00.
    """
    newest = {signal.type: signal for signal in signals}
    places = {signal.id: place for place, signal in enumerate(signals)}

    def last(*types: str) -> list[Signal]:
        found = [newest[kind] for kind in types if kind in newest]
        return [max(found, key=lambda signal: places[signal.id])] if found else []

    siren, end, base = last("siren"), last("all-clear", "eased"), last("wanted", "calm", "watch", "eased")
    if siren and not (end and places[end[0].id] > places[siren[0].id]):
        return Wanted(5, siren)
    if base:
        longest = 400 if str(_data(base[0])["RoomId"]).startswith("room-0") else 600
        asked = min(2 * int(str(_data(base[0])["interval"])), longest)
        return Wanted(7 if base[0].type == "watch" else asked, [*base, *siren, *end])
    if siren:
        return Wanted(11, [*siren, *end])
    return Wanted(None, []) if set(newest) == {"all-clear"} else None


def _data(signal: Signal) -> dict[str, Json]:
    assert isinstance(signal.data, dict)  # noqa: S101 - made so by the run
    return signal.data
