"""The policy of a simulated run, and what has to come of it."""

from snapshot_tuner.model import Signal

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
"""
TYPES = ("wanted", "wanted", "calm", "alert", "watch")


def wanted_at_last(newest: Signal) -> int:
    """What a task has to stand at when all has ended, told again without the policy's code.

    `newest` is its newest event that leaves anything behind: an alert does not. A run begins at 08:00 and ends before
    20:00.
    """
    assert isinstance(newest.data, dict)  # noqa: S101 - made so by the run
    longest = 400 if str(newest.data["RoomId"]).startswith("room-0") else 600
    return 7 if newest.type == "watch" else min(2 * int(str(newest.data["interval"])), longest)
