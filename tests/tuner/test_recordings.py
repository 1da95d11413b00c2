"""A file of recorded events, line by line: exact, streamed, and a bad line harms no other."""

import gzip
import json
from pathlib import Path

import pytest

from devkit.tuner.recordings import MAX_LINE_BYTES, Arrival, Unreadable, read
from snapshot_tuner.events import signals
from snapshot_tuner.formats import rfc3339
from tests.one_signal import one

ROOT = Path(__file__).parents[2]
TIME = "2026-03-01T09:00:00.123456Z"
BARE = f'{{"specversion":"1.0","id":"e1","source":"/s","type":"rtc.room.load","time":"{TIME}","data":{{"load":0.90}}}}'


def lines(tmp_path: Path, *texts: str) -> list[Arrival | Unreadable]:
    path = tmp_path / "events.ndjson"
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return list(read(path))


def test_a_bare_envelope_arrives_at_its_own_time(tmp_path: Path) -> None:
    """And its numbers are as written: 0.90 stays 0.90."""
    [arrival] = lines(tmp_path, BARE)
    assert isinstance(arrival, Arrival)
    assert (arrival.line, arrival.received_us) == (1, rfc3339.to_microseconds(TIME))
    assert arrival.signal == one(signals.from_body(BARE, sent_us=None))
    assert repr(arrival.signal.data) == "{'load': Decimal('0.90')}"


def test_a_wrapper_says_when_the_event_arrived(tmp_path: Path) -> None:
    """The event's own time stays what it is."""
    [arrival] = lines(tmp_path, f'{{"received":"2026-03-01T09:00:05Z","event":{BARE}}}')
    assert isinstance(arrival, Arrival)
    assert arrival.received_us - arrival.signal.time_us == 4_876_544
    assert arrival.signal.time_is_own


def test_the_sent_time_stands_in_for_the_time_of_an_event_without_one(tmp_path: Path) -> None:
    event = BARE.replace(f'"time":"{TIME}",', "")
    wrapper = f'{{"received":"2026-03-01T09:00:05Z","sent":"2026-03-01T09:00:04Z","event":{event}}}'
    arrival, without = lines(tmp_path, wrapper, event)
    assert isinstance(arrival, Arrival)
    assert (arrival.received_us - arrival.signal.time_us, arrival.signal.time_is_own) == (1_000_000, False)
    assert without == Unreadable(2, "time: is missing, and nothing around the event says when it was sent")


@pytest.mark.parametrize("path", sorted((ROOT / "events" / "sqs").glob("cloudevent*.json")), ids=lambda path: path.stem)
def test_an_event_of_a_queue_is_read_as_the_function_reads_it(tmp_path: Path, path: Path) -> None:
    """Around it the record of the queue, which says when it was sent."""
    [record] = json.loads(path.read_text(encoding="utf-8"))["Records"]
    [arrival] = lines(tmp_path, json.dumps(record))
    assert isinstance(arrival, Arrival)
    assert arrival.signal == one(signals.from_sqs_record(record))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "line: is not JSON: Expecting value at line 1, column 1"),
        ("[]", "body: must be a JSON object, the envelope of an event, not a list"),
        ("{}", "body: is no known envelope: neither a CloudEvent"),
        (f'{{"event":{BARE}}}', "received: is missing"),
        (f'{{"received":5,"event":{BARE}}}', "received: must be an RFC 3339 string, not a number"),
        (f'{{"received":"soon","event":{BARE}}}', "received: must be an RFC 3339 time with a zone"),
        (f'{{"received":"{TIME}"}}', "body: must be a JSON object, the envelope of an event, not null"),
        (f'{{"received":"{TIME}","event":{{"specversion":"1.0","source":"/s","type":"t"}}}}', "id: is missing"),
        (BARE.replace("0.90", '0.90,"load":1'), "line.data.load: is a duplicate key"),
        (" " * MAX_LINE_BYTES + BARE, "line: is longer than 4,194,304 bytes"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_event_says_why_and_harms_no_other(tmp_path: Path, text: str, reason: str) -> None:
    first, second = lines(tmp_path, text, BARE)
    assert isinstance(first, Unreadable)
    assert (first.line, first.reason[: len(reason)]) == (1, reason)
    assert isinstance(second, Arrival)
    assert second.line == 2


def test_blank_lines_count_and_mean_nothing(tmp_path: Path) -> None:
    assert [each.line for each in lines(tmp_path, "", BARE, "  ", BARE)] == [2, 4]


def test_a_compressed_file_is_the_same_file(tmp_path: Path) -> None:
    """By its name; and how far it was read is told in bytes of the file, not of the text."""
    path, progress = tmp_path / "events.ndjson.gz", list[int]()
    path.write_bytes(gzip.compress(f"{BARE}\n".encode() * 2500))
    arrivals = list(read(path, progress.append))
    assert arrivals == lines(tmp_path, *[BARE] * 2500)
    assert len(progress) == 2
    assert max(progress) <= path.stat().st_size
