"""A backtest of a policy in which one event ends what another asked for, worked out by hand.

Seconds since the first event; an event takes effect 1.1 s after it came, as in `test_by_hand`.

    0     load        20 s from 1.1 on
    100   alert       2 s from 101.1 on, for ten minutes or until it is resolved
    200   resolved    20 s again from 201.1 on
    250   alert       of second 150: over when it comes
    300   resolved    once more, later: there is nothing to end
    400   load        20 s, as before
"""

import json
from pathlib import Path

import pytest

from devkit.tuner.__main__ import main
from tests.tuner.backtest.recorded import again, event, write

POLICY = """
version: 1
rules:
  - {name: alert, match: {type: [alert]}, interval: 2, for: 10m, default: 30}
  - {name: resolved, match: {type: [resolved]}, hold: true, ends: [alert]}
  - {name: load, match: {type: [load]}, interval: 20}
"""
EVENTS = [
    event("l1", 0, "r1"),
    event("a1", 100, "r1", "alert"),
    event("r1", 200, "r1", "resolved"),
    again(event("a0", 150, "r1", "alert"), 250),
    event("r2", 300, "r1", "resolved"),
    event("l2", 400, "r1"),
]


def test_a_backtest_ends_what_is_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Calls, pictures, and what came of each event."""
    policy, decisions = tmp_path / "policy.yaml", tmp_path / "decisions.ndjson"
    policy.write_text(POLICY, encoding="utf-8")
    command = ["backtest", str(policy), str(write(tmp_path, EVENTS)), "--json", "--decisions", str(decisions)]
    assert main(command) == 0
    figures = json.loads(capsys.readouterr().out)["policies"][0]["figures"]
    assert (figures["calls"], figures["changes"]) == (4, 3)
    assert figures["pictures"] == pytest.approx(1.1 / 2 + 100 / 20 + 100 / 2 + 198.9 / 20)
    lines = [json.loads(line) for line in decisions.read_text("utf-8").splitlines()]
    assert [(line["id"], line["outcome"], line["interval"]) for line in lines] == [
        ("l1", "applied", 20),
        ("a1", "applied", 2),
        ("r1", "applied", 20),
        ("a0", "superseded", 2),
        ("r2", "held", None),
        ("l2", "applied", 20),
    ]
