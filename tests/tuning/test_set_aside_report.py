"""A record that was set aside is named in the log and counted, whoever came upon it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aws_lambda_powertools import Logger

from snapshot_tuner import bootstrap
from snapshot_tuner.model import TaskRef
from snapshot_tuner.telemetry.metrics import Metric
from tests.logged_lines import captured

POLICY = "version: 1\nrules: [{name: all, match: {type: [t]}, interval: 5}]\n"


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "policy.yaml").write_text(POLICY, "utf-8")
    for name, value in {
        "VOLCENGINE_ACCESS_KEY": "AK",
        "VOLCENGINE_SECRET_KEY": "SK",
        "LEDGER_URL": f"sqlite://{tmp_path}/ledger.db",
        "POLICY_PATH": str(tmp_path / "policy.yaml"),
        "AWS_LAMBDA_FUNCTION_NAME": "f",
    }.items():
        monkeypatch.setenv(name, value)
    yield tmp_path / "ledger.db"
    bootstrap.close()


def test_a_record_that_was_set_aside_is_named_and_counted(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By a question over HTTP here: no batch, and no run of the reconciler, comes upon it first."""
    task = TaskRef("app", "room", "task")
    inspector = bootstrap.inspector()
    assert inspector.task(task) is None
    with closing(sqlite3.connect(path)) as database:
        row = ("default", *task, b"garbage", None, None, 0, 2**60)
        database.execute("INSERT INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        database.commit()
    logger = bootstrap.logger()
    assert isinstance(logger, Logger)
    with captured(logger) as log:
        assert inspector.task(task) is None
    lines = log.getvalue() + capsys.readouterr().out
    written = [json.loads(line) for line in lines.splitlines() if line]
    [line] = [line for line in written if line.get("message") == "record_set_aside"]
    assert (line["record"], line["why"]) == ("task app:room:task", "a time is out of range")
    assert [line[Metric.RECORDS_SET_ASIDE] for line in written if Metric.RECORDS_SET_ASIDE in line] == [[1.0]]
    assert inspector.ledger.set_aside(10) == (1, ("task app:room:task",))
