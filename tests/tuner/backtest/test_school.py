"""The school's policy over a day with a night, from noon to noon in Shanghai; what it gives was worked out by hand.

Seconds since noon. An event that comes alone takes effect 1.1 s later (a batch of 1 s, a call of 0.1 s). 22:00 is
36,000 and 06:00 is 64,800: the reconciler runs at both, and its calls take 0.1 s.

    southside's lobby    every 10 minutes from 0 to 86,400: 30 s, 60 s from 36,000.1 to 64,800.1
                         an alert at 43,320: 1 s from 43,321.1 to its end at 43,920 and the reconciler's call
    northside's lobby    every 10 minutes from 300 to 86,100: never above 5 s
    a class of 16        at 10, 39,610 and 72,010: 32 s, and 64 s from 36,000.1 to 64,800.1, for which no event comes
"""

import json
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.__main__ import main
from snapshot_tuner.formats import rfc3339
from tests.tuner.backtest.recorded import write

SCHOOL = Path(__file__).parents[3] / "devkit" / "tuner" / "examples" / "school.yaml"
NOON_US = rfc3339.to_microseconds("2026-03-06T04:00:00Z")


def event(seconds: int, type_: str, **data: object) -> dict[str, Any]:
    time = rfc3339.from_microseconds(NOON_US + seconds * 1_000_000)
    id_ = f"{type_}-{data.get('app')}-{seconds}"
    return {"specversion": "1.0", "id": id_, "source": "/school", "type": type_, "time": time, "data": data}


def load(seconds: int, app: str, room: str, kind: str) -> dict[str, Any]:
    return event(seconds, "room.load", app=app, room=room, kind=kind, participants=16)


DAY: list[dict[str, Any]] = [
    *(load(at, "southside", "lobby", "lobby") for at in range(0, 86_401, 600)),
    *(load(at, "northside", "lobby", "lobby") for at in range(300, 86_101, 600)),
    *(load(at, "southside", "class", "class") for at in (10, 39_610, 72_010)),
    event(43_320, "alert", tenant="southside", where={"room": "lobby"}),
]


def test_the_nights_are_half_as_often_and_the_cap_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each task's time at each interval."""
    day = sorted(DAY, key=lambda each: str(each["time"]))
    events = write(tmp_path, day)
    assert main(["backtest", str(SCHOOL), str(events), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    [policy] = report["policies"]
    at = {bucket["from"]: bucket["task_seconds"] for bucket in policy["histogram"] if bucket["task_seconds"]}
    alert, night = 43_920.1 - 43_321.1, 64_800.1 - 36_000.1
    assert at == pytest.approx(
        {
            1: alert,
            2: 3 * 1.1,  # until the first call
            5: 86_100 - 301.1,
            30: 36_000.1 - 1.1 + 86_400 - 64_800.1 + 36_000.1 - 11.1 + 72_010 - 64_800.1,  # 32 s is in this bucket, too
            60: night - alert + night,
        }
    )
    counts = {kind: count for kind, count in policy["outcomes"].items() if count}
    assert counts == {"applied": 292, "deferred": 1}  # a load that came while the alert was open
