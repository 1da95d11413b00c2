"""`tuner backtest` as it is called: what it prints, what it writes, and how it ends."""

import json
from pathlib import Path

import pytest

from devkit.tuner.__main__ import main
from devkit.tuner.backtest import command
from devkit.tuner.exits import Exit
from tests.tuner.backtest.recorded import event, write

SHIPPED = str(Path(__file__).parents[3] / "layers" / "policy" / "policy.yaml")
OTHER = """
version: 1
rules:
  - {name: load, match: {type: [rtc.room.load]}, interval: 10}
"""


@pytest.fixture
def events(tmp_path: Path) -> str:
    loads = [event(f"e{number}", number * 10, f"room-{number % 3}", "rtc.room.load", load=0.5) for number in range(12)]
    return str(write(tmp_path, [*loads, event("bad", 130, "room 0", "rtc.room.load"), "no event"]))


@pytest.fixture
def other(tmp_path: Path) -> str:
    path = tmp_path / "other.yaml"
    path.write_text(OTHER, encoding="utf-8")
    return str(path)


def test_it_prints_new_and_old_side_by_side_with_the_difference(
    events: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures, rules, the rooms that differ, and the limit; nothing on standard error where that is no terminal."""
    assert main(["backtest", other, events, "--against", SHIPPED, "--price", "3", "--currency", "EUR"]) == Exit.FINE
    printed = capsys.readouterr()
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in map(_cells, printed.out.splitlines())}
    new, old, difference = rows["pictures"]
    assert int(new) < int(old)
    assert difference.startswith(f"{int(new) - int(old)} (-")
    assert rows["calls"] == ["12", "12", "+0 (+0.0%)"]
    assert rows["cost, EUR"][0] == f"{3 * int(new) / 1000:.2f}"
    assert rows["outcomes: rejected"] == ["1", "1", "+0 (+0.0%)"]
    assert "warning: new: 1 events rejected" in printed.out  # with two policies each is named
    assert "3 of 3 tasks differ" in printed.out
    assert "most calls in any second: 1 of 150 (145 slots per second are handed out)" in printed.out
    assert printed.err == ""


def _cells(line: str) -> list[str]:
    return line.replace("┃", "│").split("│") if "│" in line else ["", "", ""]


def test_it_warns_of_what_is_odd(events: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines that are no events, events that are rejected, calls that had to wait: with the first reasons."""
    assert main(["backtest", SHIPPED, events, "--max-qps", "1"]) == Exit.FINE
    printed = capsys.readouterr().out
    assert (
        "warning: 1 lines could not be read; the first, line 14: body: must be a JSON object, the envelope of an event"
        in printed
    )
    assert "warning: 1 events rejected, such as bad: data.RoomId: ' ' is not allowed" in printed
    assert "warning: the limit was reached; events waited for their calls" in printed


def test_an_event_that_is_years_away_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip in its year: to let that time pass minute by minute would take hours."""
    moments = (0, 100 * 365 * 86_400)
    lines = [event(f"e{at}", at, "room-0", "rtc.room.load", load=0.5) for at in moments]
    events = write(tmp_path, lines)
    assert main(["backtest", SHIPPED, str(events), "--json"]) == Exit.FINE
    recording = json.loads(capsys.readouterr().out)["recording"]
    assert (recording["events"], recording["unreadable_count"]) == (1, 1)
    assert recording["unreadable"] == [{"line": 2, "reason": "time: is more than 366 days after the first event"}]


def test_json_has_no_more_charts_than_asked_for_and_those_named(
    events: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--room` names one, whatever it does."""
    assert main(["backtest", SHIPPED, events, "--json", "--rooms", "1", "--room", "room-2"]) == Exit.FINE
    report = json.loads(capsys.readouterr().out)
    assert [chart["task"]["RoomId"] for chart in report["charts"]] == ["room-2", "room-0"]
    assert (report["recording"]["events"], report["recording"]["unreadable_count"]) == (13, 1)
    assert report["assumptions"]["limit_per_second"] == 150
    assert report["price"] is None
    assert [len(report["rooms"]), report["rooms_count"], report["rooms_different"]] == [3, 3, None]


def test_the_page_gets_the_report(
    events: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that `--json` prints."""
    written: list[tuple[dict[str, object], Path]] = []

    class Page:
        @staticmethod
        def write(report: dict[str, object], path: Path) -> None:
            written.append((report, path))

    monkeypatch.setattr(command, "import_module", lambda _: Page)
    page = tmp_path / "page.html"
    assert main(["backtest", SHIPPED, events, "--json", "--html", str(page)]) == Exit.FINE
    [(report, path)] = written
    assert path == page
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(report))


def test_decisions_are_written_for_the_new_policy_only(events: str, other: str, tmp_path: Path) -> None:
    """One line for each outcome."""
    found = tmp_path / "decisions.ndjson"
    main(["backtest", other, events, "--against", SHIPPED, "--decisions", str(found)])
    lines = [json.loads(line) for line in found.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 13
    assert {line["rule"] for line in lines} == {"load"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.ndjson"], "missing.ndjson: No such file or directory"),
        (["EMPTY"], ": no event in it; line 1: body: must be a JSON object"),
        (["EVENTS", "--room", "room-9"], "--room room-9: no event in "),
        (["EVENTS", "--against", "missing.yaml"], "missing.yaml: No such file or directory"),
        (["CUT"], "Compressed file ended before the end-of-stream marker was reached"),
        (["BROKEN"], "broken.ndjson.gz: Error -3 while decompressing data"),
        (["EVENTS", "--decisions", "/dev/full"], "No space left on device"),
    ],
)
def test_what_cannot_be_done_says_why(
    events: str, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and one line on standard error."""
    (tmp_path / "empty").mkdir()
    cut = tmp_path / "cut.ndjson.gz"
    cut.write_bytes(bytes.fromhex("1f8b0800000000000003ab"))
    broken = tmp_path / "broken.ndjson.gz"
    broken.write_bytes(bytes.fromhex("1f8b0800000000000003ffff") + bytes(20))
    files = {"EVENTS": events, "EMPTY": str(write(tmp_path / "empty", [5])), "CUT": str(cut), "BROKEN": str(broken)}
    assert main(["backtest", SHIPPED, *(files.get(word, word) for word in arguments)]) == Exit.USAGE
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--batch-size", "0", "'0' is not a whole number from 1 to 10,000"),
        ("--start-interval", "601", "'601' is not a whole number from 1 to 600"),
        ("--price", "much", "'much' is not a number from 0 to 1,000,000"),
        ("--price", "nan", "'nan' is not a number from 0 to 1,000,000"),
        ("--call-seconds", "-1", "'-1' is not a number from 0 to 6"),
    ],
)
def test_a_wrong_option_says_what_it_takes(
    option: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["backtest", SHIPPED, "events.ndjson", f"{option}={value}"])
    assert ended.value.code == Exit.USAGE
    assert message in capsys.readouterr().err


def test_events_out_of_order_are_put_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A merged file, as far as one looks ahead."""
    lines = [event(f"e{number}", 100 - number, "r", "rtc.room.load", load=0.5) for number in range(50)]
    assert main(["backtest", SHIPPED, str(write(tmp_path, lines)), "--json"]) == Exit.FINE
    report = json.loads(capsys.readouterr().out)
    assert report["recording"]["late"] == 0
    assert report["recording"]["seconds"] == 49
    assert report["policies"][0]["outcomes"]["applied"] == 49 + 1


@pytest.mark.parametrize("json_too", [False, True])
def test_a_backtest_in_which_nothing_matches_says_so(
    events: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, json_too: bool
) -> None:
    """With a warning, and an exit code that a script sees: such a replay says nothing about the policy."""
    idle = tmp_path / "idle.yaml"
    idle.write_text(OTHER.replace("rtc.room.load", "rtc.room.laod"), encoding="utf-8")
    assert main(["backtest", str(idle), events, *(["--json"] if json_too else [])]) == Exit.SUSPICIOUS
    if not json_too:
        assert f"warning: no event matches any rule of {idle}" in capsys.readouterr().out
