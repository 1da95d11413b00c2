"""`tuner record` of what was refused, bodies that nothing knew; and of inputs larger than the memory should be."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devkit.tuner import recordings
from devkit.tuner.recordings import Arrival
from tests.events.readings.reading_policies import readings_of
from tests.logged_lines import log_text
from tests.tuner.record.test_command import EVENT, losses, message, record, signal

ONE_LINE_MIB = 64
MEMORY_MIB = 88
BODY = {"room": "r-1", "load": "0.93"}


def test_a_body_that_no_envelope_is_around_is_recorded_for_a_reading(tmp_path: Path) -> None:
    """What teams sent before there was a reading is in the dead-letter queue: their object, or their list."""
    dump = {"Messages": [message(1, BODY, "1772355600001"), message(2, [BODY], "1772355600002")]}
    code, lines, summary = record(tmp_path, json.dumps(dump), json.dumps(message(3, "no JSON", "1772355600003")))
    assert code == 0
    assert [json.loads(line["event"]["body"]) for line in lines] == [BODY, [BODY]]
    assert losses(summary)["unreadable"] == (
        1,
        ["input-1:1: body: is not JSON: Expecting value at line 1, column 1"],
    )
    own = readings_of('- {name: own, match: {}, type: load, data: {load: "{body.load}"}}')
    (arrival,) = recordings.arrivals(1, json.dumps(lines[0]), [own])
    assert isinstance(arrival, Arrival)
    assert (arrival.signal.id, arrival.signal.data) == ("m-1", {"load": "0.93"})


def test_an_incomplete_envelope_is_told_and_not_recorded(tmp_path: Path) -> None:
    """It is meant for one: a reading is no remedy for a CloudEvent without its id."""
    text = json.dumps(message(1, {"specversion": "1.0", "type": "load"}, "1772355600001"))
    _, _, summary = record(tmp_path, text)
    assert losses(summary) == {"unreadable": (1, ["input-0:1: id: is missing"])}


@pytest.mark.parametrize("body", [EVENT, BODY])
def test_a_notification_that_lambda_gave_up_is_recorded(tmp_path: Path, body: object) -> None:
    """The payload is then a list of one notification of SNS."""
    notification = {"Type": "Notification", "MessageId": "n-1", "TopicArn": "arn", "Message": json.dumps(body)}
    stamped = {**notification, "Timestamp": "2026-03-01T09:00:00.500Z"}
    payload = {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": stamped}]}
    given_up = {"timestamp": "2026-03-01T09:03:00Z", "requestContext": {}, "requestPayload": payload}
    _, lines, _ = record(tmp_path, json.dumps(given_up))
    assert lines == [{"received": "2026-03-01T09:00:00.500000Z", "event": stamped}]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells how much memory a program has used")
@pytest.mark.parametrize("form", ["documents side by side", "one document"])
def test_one_long_line_takes_no_more_memory_than_a_document(tmp_path: Path, form: str) -> None:
    """Firehose writes no line breaks, and a small .gz holds much."""
    other = json.dumps({"messageType": "DATA_MESSAGE", "logEvents": [{"message": "START " + "x" * 100_000}]})
    many = ONE_LINE_MIB * 2**20 // len(other)
    begin, end = ("", "") if form == "documents side by side" else ('{"logEvents": [', "0]}\n")
    path = tmp_path / "firehose.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write(begin)
        for _ in range(many):
            file.write(other + ("," if begin else ""))
        file.write(end + log_text(signal(1)))
    # The high-water mark of the program itself: that of getrusage begins with what its parent held.
    program = (
        "import pathlib, re, sys; from devkit.tuner.__main__ import main\n"
        f"code = main(['record', {str(path)!r}, '-o', {str(tmp_path / 'events.ndjson')!r}])\n"
        r"print(re.search(r'VmHWM:\s+(\d+)', pathlib.Path('/proc/self/status').read_text())[1]); sys.exit(code)"
    )
    path_of_ours = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", program], env=path_of_ours, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert run.returncode == 0, run.stderr
    assert "1 event recorded" in run.stderr
    assert int(run.stdout) < MEMORY_MIB * 1024
    assert ("more than 33,554,432 characters" in run.stderr) == (form == "one document")
