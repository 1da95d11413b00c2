"""`tuner record`, the command: what goes where, what is told of what is missing, and how it ends."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devkit.tuner.__main__ import main
from devkit.tuner.record import documents, sorting
from devkit.tuner.record.reading import Reason
from snapshot_tuner.errors import EventRejected
from snapshot_tuner.events import signals
from snapshot_tuner.formats.exact_json import encode
from snapshot_tuner.formats.strict_json import decode
from snapshot_tuner.model import Json, Signal
from tests.logged_lines import RECEIVED, log_lines, log_text

EVENT = {"specversion": "1.0", "id": "e-1", "source": "/test", "type": "load", "time": "2026-03-01T09:00:00Z"}
TASKS: dict[str, Json] = {"AppId": "app", "RoomId": "room", "TaskId": ["a", "b"]}

STREAM_FAILURE = json.dumps(
    {
        "requestContext": {"requestId": "r", "condition": "RetriesExhausted"},
        "KafkaBatchInfo": {"topic": "t", "partition": 0, "startOffset": 1, "endOffset": 2},
        "timestamp": "2026-03-01T09:03:00Z",
    }
)


def signal(number: int, data: Json = None, type_: str = "other", **more: Any) -> Signal:  # noqa: ANN401 - of a Signal
    return Signal(f"e-{number}", "/test", type_, 1_772_355_600_000_000 + number, data, **more)


def message(number: int, body: object, sent: str | None = None) -> dict[str, Any]:
    attributes = {} if sent is None else {"Attributes": {"SentTimestamp": sent}}
    return {"MessageId": f"m-{number}", "Body": body if isinstance(body, str) else json.dumps(body), **attributes}


def record(tmp_path: Path, *texts: str) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
    """The exit code, the recorded lines, and the summary of a run over these texts as files."""
    names = []
    for number, text in enumerate(texts):
        file = tmp_path / f"input-{number}"
        file.write_text(text, encoding="utf-8")
        names.append(str(file))
    output, said = tmp_path / "recorded.ndjson", tmp_path / "said.json"
    with said.open("w") as out, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        code = main(["record", "--json", "-o", str(output), *names])
    lines: list[Any] = [decode(line) for line in output.read_text().splitlines()] if output.exists() else []
    return code, lines, json.loads(said.read_text())


def losses(summary: dict[str, Any]) -> dict[str, tuple[int, list[str]]]:
    """By reason, how many and where, without the folder."""
    return {
        loss["reason"]: (loss["count"], [place.rpartition("/")[2] for place in loss["first"]])
        for loss in summary["not_recorded"]
    }


def test_a_message_is_recorded_as_a_record_of_its_queue(tmp_path: Path) -> None:
    """Its body to the letter; it arrived when it was sent, which also stands in for a time of its own."""
    body = '{"specversion": "1.0", "id": "e", "source": "s", "type": "t",  "data": {"load": 0.900}}'
    code, lines, summary = record(tmp_path, json.dumps(message(1, body, "1772355600123")))
    assert code == 0
    assert lines == [
        {
            "received": "2026-03-01T09:00:00.123000Z",
            "event": {
                "eventSource": "aws:sqs",
                "body": body,
                "messageId": "m-1",
                "attributes": {"SentTimestamp": "1772355600123"},
            },
        }
    ]
    assert signals.from_document(lines[0]["event"], sent_us=None) == signals.from_sqs_record(lines[0]["event"])
    assert summary == {
        "file": str(tmp_path / "recorded.ndjson"),
        "events": 1,
        "first": "2026-03-01T09:00:00.123000Z",
        "last": "2026-03-01T09:00:00.123000Z",
        "not_recorded": [],
        "passed_over": {},
    }


def test_without_a_sent_time_a_message_arrived_at_its_events_own(tmp_path: Path) -> None:
    """A dump without attributes; an event without a time cannot be placed then, and is told."""
    timeless = {name: value for name, value in EVENT.items() if name != "time"}
    code, lines, summary = record(tmp_path, json.dumps({"Messages": [message(1, EVENT), message(2, timeless)]}))
    assert (code, [line["received"] for line in lines]) == (0, ["2026-03-01T09:00:00.000000Z"])
    assert losses(summary) == {
        "unreadable": (
            1,
            ["input-0:1, item 2: time: is missing, and nothing around the event says when it was sent"],
        )
    }


def test_a_message_that_was_received_twice_is_recorded_once(tmp_path: Path) -> None:
    """A dump of a queue takes several requests, and what is not deleted comes again; ids tell."""
    one, two = message(1, EVENT, "1772355600001"), message(2, EVENT, "1772355600000")
    _, lines, summary = record(tmp_path, json.dumps({"Messages": [one, two]}), json.dumps({"Messages": [one]}))
    assert [line["event"]["messageId"] for line in lines] == ["m-2", "m-1"]
    assert summary["passed_over"] == {"messages that were read before": 1}


def test_an_id_that_is_no_text_identifies_no_message(tmp_path: Path) -> None:
    """Whatever wrote such a dump: its events are recorded, each as often as it is there."""
    odd = message(1, EVENT, "1772355600000") | {"MessageId": {"a": []}}
    _, lines, summary = record(tmp_path, json.dumps([odd, odd]))
    assert ["messageId" in line["event"] for line in lines] == [False, False]
    assert (summary["not_recorded"], summary["passed_over"]) == ([], {})


@pytest.mark.parametrize(
    ("payload", "received"),
    [
        ({"id": "e", "source": "s", "detail-type": "t", "time": "2026-03-01T09:00:00Z", "detail": {}}, "09:00:00"),
        ({"id": "e", "source": "s", "detail-type": "t", "detail": EVENT}, "09:03:00"),
    ],
)
def test_what_lambda_gave_up_arrived_when_the_bus_took_it(tmp_path: Path, payload: object, received: str) -> None:
    """Not minutes later, when its last retry had failed; unless nothing says when the bus took it."""
    given_up = {"timestamp": "2026-03-01T09:03:00Z", "requestContext": {}, "requestPayload": payload}
    _, lines, _ = record(tmp_path, json.dumps(given_up))
    assert lines == [{"received": f"2026-03-01T{received}.000000Z", "event": payload}]


def test_lines_are_in_the_order_of_arrival(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all inputs, also where more than the memory should hold; of the same moment, as they came."""
    monkeypatch.setattr(sorting, "_CHARACTERS_AT_ONCE", 1_000)
    dump = "\n".join(
        json.dumps(message(n, {**EVENT, "id": f"e-{n}"}, str(1772355600000 + n * 7 % 50 // 2))) for n in range(100)
    )
    _, lines, summary = record(tmp_path, dump)
    sent = [int(line["event"]["attributes"]["SentTimestamp"]) for line in lines]
    assert sent == sorted(sent)
    assert len(lines) == summary["events"] == 100
    same = [int(line["event"]["messageId"][2:]) for line, time in zip(lines, sent, strict=True) if time == sent[0]]
    assert same == sorted(same)
    assert len(same) == 4


def test_everything_that_is_not_recorded_is_told_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of each, beside one that is recorded: counted by reason, each with its place."""
    monkeypatch.setattr(documents, "DOCUMENT_CHARACTERS", 100_000)
    long: dict[str, Json] = {"text": "x" * 16_384}
    first, second = log_text(signal(4, TASKS, "load")).splitlines()
    log = [
        *log_text(signal(0)).splitlines(),
        *log_text(EventRejected("body", "is empty")).splitlines(),
        *log_text(signal(1), log_event_data=False).splitlines(),
        *log_text(signal(2, long), signal(3, attributes=long)).splitlines(),
        second,
        first[:-1],
        json.dumps({**log_lines(signal(5))[0], "data": "{"}),
        json.dumps({**log_lines(signal(6))[0], "data": 7}),
        *log_text(Signal("e-7", "/test", "other", 253_402_300_800_000_000, None)).splitlines(),
        "REPORT RequestId: r",
        json.dumps({"events": [{"message": "x" * 100_000}]}),
        STREAM_FAILURE,
    ]
    code, lines, summary = record(tmp_path, "\n".join(log))
    assert (code, [line["event"]["id"] for line in lines]) == (0, ["e-0"])
    assert losses(summary) == {
        "malformed": (1, ["input-0:2: body: is empty"]),
        "without-data": (1, ["input-0:3"]),
        "too-long": (
            2,
            [
                "input-0:4: data_omitted_characters 16395",
                "input-0:5: attributes_omitted_characters 16395",
            ],
        ),
        "broken": (1, ["input-0:7"]),
        "document-too-long": (1, ["input-0:12"]),
        "in-its-stream": (1, ["input-0:13"]),
        "unreadable": (
            3,
            [
                "input-0:8: data: is not JSON: Expecting property name enclosed in double quotes at line 1, column 2",
                "input-0:9: data: must be a string",
                "input-0:10: event_sent: must be a string",
            ],
        ),
        "first-line-missing": (1, []),
    }
    assert summary["passed_over"] == {"lines about further tasks of an event": 1, "lines that are not outcomes": 1}
    assert {loss["meaning"] for loss in summary["not_recorded"]} == {reason.value for reason in Reason}


def test_an_event_of_several_tasks_is_recorded_once_in_whatever_order_its_lines_come(tmp_path: Path) -> None:
    """Logs Insights gives the newest first; both deliveries of one batch are there, nothing is missing."""
    log = log_text(signal(1, TASKS, "load"), signal(1, TASKS, "load")).splitlines()
    _, lines, summary = record(tmp_path, "\n".join(reversed(log)))
    assert [line["event"]["data"] for line in lines] == [TASKS, TASKS]
    assert summary["not_recorded"] == []


def test_an_attribute_that_no_envelope_can_hold_is_told(tmp_path: Path) -> None:
    """Nothing is recorded that would be read back as another event."""
    line = {**log_lines(signal(1))[0], "attributes": encode({"account": None, "detail": 1})}
    code, _, summary = record(tmp_path, json.dumps(line))
    assert code == 2
    assert losses(summary) == {
        "unreadable": (1, ["input-0:1: attributes: are none that an envelope can hold beside the event's own"])
    }


@pytest.mark.parametrize("text", ["", "REPORT RequestId: r\n", '{"Messages": []}', '{"Messages": [{"Body": "no"}]}'])
def test_where_there_is_nothing_to_record_it_ends_with_2(tmp_path: Path, text: str) -> None:
    """And leaves no empty file for a backtest to wonder at."""
    code, lines, summary = record(tmp_path, text)
    assert (code, lines, summary["events"]) == (2, [], 0)
    assert summary["error"].startswith("nothing recorded")
    assert not (tmp_path / "recorded.ndjson").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--json", "input"], "give -o FILE"),
        (["missing"], "missing: No such file or directory"),
        (["cut.gz"], "cut.gz: Compressed file ended before the end-of-stream marker was reached"),
        (["input", "-o", "no/such/folder"], "no/such/folder: No such file or directory"),
    ],
)
def test_what_cannot_be_read_or_written_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """One sentence that names the file."""
    monkeypatch.chdir(tmp_path)
    Path("input").write_text(log_text(signal(1)), encoding="utf-8")
    Path("cut.gz").write_bytes(gzip.compress(log_text(signal(1)).encode())[:-9])
    assert main(["record", *arguments]) == 2
    said = capsys.readouterr()
    assert says in said.out + said.err


def test_it_is_a_filter_that_tells_on_standard_error() -> None:
    """Standard input to standard output, compressed or not; the summary for people goes elsewhere, in full."""
    log = log_text(signal(1), *[EventRejected("body", f"fault {number}") for number in range(7)], signal(2))
    runs = []
    for given in (log.encode(), gzip.compress(log.encode())):
        done = subprocess.run(
            [sys.executable, "-m", "devkit.tuner", "record", "-"],
            input=given,
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=60,
            check=True,
        )
        runs.append((done.stdout.decode(), done.stderr.decode().splitlines()))
    assert runs[0] == runs[1]
    out, printed = runs[0]
    assert [json.loads(line)["event"]["id"] for line in out.splitlines()] == ["e-1", "e-2"]
    assert printed == [
        f"2 events recorded, from {RECEIVED} to {RECEIVED}",
        f"not recorded: 7 {Reason.MALFORMED.value}",
        *[f"  standard input:{number + 2}: body: fault {number}" for number in range(5)],
        "  and 2 more",
    ]


def test_a_compressed_recording_is_the_same_file_each_time(tmp_path: Path) -> None:
    """`.gz` says it; neither a name nor a time is in it."""
    log = tmp_path / "log"
    log.write_text(log_text(signal(1)), encoding="utf-8")
    for name in ("a.ndjson.gz", "b.ndjson.gz", "c.ndjson"):
        assert main(["record", str(log), "-o", str(tmp_path / name)]) == 0
    first, second, plain = ((tmp_path / name).read_bytes() for name in ("a.ndjson.gz", "b.ndjson.gz", "c.ndjson"))
    assert first == second
    assert first[3:8] == bytes(5)  # no name, and no time
    assert gzip.decompress(first) == plain


def test_from_decides_what_is_taken(tmp_path: Path) -> None:
    """A log and a dump in one file: each is passed over where the other is asked for."""
    both = tmp_path / "both"
    both.write_text(log_text(signal(1)) + json.dumps(message(2, EVENT, "1772355600000")), encoding="utf-8")
    ids = {}
    for form in ("logs", "queue"):
        assert main(["record", "--from", form, str(both), "-o", str(tmp_path / form)]) == 0
        ids[form] = [next(iter(json.loads(line)["event"])) for line in (tmp_path / form).read_text().splitlines()]
    assert ids == {"logs": ["id"], "queue": ["eventSource"]}
