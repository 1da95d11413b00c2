"""The section of one room: its chart, how a room is chosen, and what is told about a step."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.tuner.page import sample_report
from tests.tuner.page.browsing import Open, OpenedPage, ReportJson, texts

REPORT = sample_report.make(rooms=12, hours=4)
FIRST, SECOND = (chart["task"]["RoomId"] for chart in REPORT["charts"][:2])


def fragment(room: str) -> str:
    return f"#app=5f3a1c0e9b7d4e2a8c6f0b13&room={room}&task=task-{room}"


def at(opened: OpenedPage, chart: dict[str, Any], time: float) -> tuple[float, float]:
    """Where the chart of the room shows this time."""
    box = opened.box("#room-plot .u-over")
    share = (time - chart["start"]) / (chart["end"] - chart["start"])
    return box["x"] + box["width"] * share, box["y"] + box["height"] / 2


def caused(chart: dict[str, Any], policy: int = 0) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """An event that changed something, the step before and the step that it caused; with no other event near."""
    times = [event["at"] for event in chart["events"]]
    for before, step in zip(chart["steps"][policy][1:], chart["steps"][policy][2:], strict=False):
        (event,) = [event for event in chart["events"] if event["id"] == step["event"]]
        if sum(abs(event["at"] - time) < 300 for time in times) == 1:
            return event, before, step
    raise AssertionError("the sample has an event that stands alone")


def test_choosing_a_room_with_the_keyboard_changes_everything_about_it(open_report: Open) -> None:
    """Type a part of its name, press Enter: name, chart, facts, table and address are those of the other room."""
    opened = open_report(REPORT)
    before = {part: opened.text(part) for part in ("#room-name", "#room-facts", "#happenings")}
    ink = opened.ink("#room-plot")
    assert FIRST in before["#room-name"]
    search = opened.page.get_by_role("combobox")
    search.click()
    assert len(texts(opened.page.get_by_role("option"))) == len(REPORT["charts"])
    search.fill(SECOND.upper())
    search.press("Enter")
    expect(opened.page.locator("#room-name")).to_contain_text(SECOND)
    assert {part for part, text in before.items() if opened.text(part) == text} == set()
    assert opened.ink("#room-plot") != ink
    assert opened.page.url.endswith(fragment(SECOND))
    assert search.input_value() == SECOND


def test_the_list_of_rooms_is_walked_with_the_arrow_keys(open_report: Open) -> None:
    """Down, down and Enter chooses the third; Escape leaves things as they are; a name nobody has finds nothing."""
    opened = open_report(REPORT)
    search = opened.page.get_by_role("combobox")
    search.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
        search.press(key)
    third = REPORT["charts"][2]["task"]["RoomId"]
    expect(opened.page.locator("#room-name")).to_contain_text(third)
    search.fill("nobody has this")
    assert texts(opened.page.locator("#room-list li")) == ["no such room"]
    search.press("Escape")
    assert search.input_value() == third
    assert opened.page.get_by_role("listbox").count() == 0


def test_a_room_is_chosen_in_the_table_of_rooms(open_report: Open) -> None:
    """A click on its name shows its chart, and marks its row."""
    opened = open_report(REPORT)
    opened.page.locator("#rooms").get_by_role("button", name=SECOND).click()
    expect(opened.page.locator("#room-name")).to_contain_text(SECOND)
    expect(opened.page.locator("#rooms tr.chosen th")).to_contain_text(SECOND)
    expect(opened.page.locator("#room-plot")).to_be_in_viewport()


def test_a_link_leads_to_its_room_and_back_leads_back(open_report: Open) -> None:
    """The address names the room; the browser's own back and forward work."""
    opened = open_report(REPORT, fragment=fragment(SECOND))
    name = opened.page.locator("#room-name")
    expect(name).to_contain_text(SECOND)
    opened.page.get_by_role("button", name="Next room").click()
    expect(name).not_to_contain_text(SECOND)
    opened.page.go_back()
    expect(name).to_contain_text(SECOND)


def test_a_link_to_a_room_that_is_not_there_shows_the_first(open_report: Open) -> None:
    """As after a new backtest, in which other rooms differ most."""
    opened = open_report(REPORT, fragment=fragment("room-nowhere"))
    assert FIRST in opened.text("#room-name")


@pytest.mark.parametrize("policy", [0, 1])
def test_pointing_at_a_step_tells_why(policy: int, open_report: Open) -> None:
    """The event, the rule, the reason, the intervals before and after, and how long it took."""
    chart = REPORT["charts"][0]
    event, before, step = caused(chart, policy)
    opened = open_report(REPORT)
    assert "at the end" in opened.text("#room-readout")
    opened.page.mouse.move(*at(opened, chart, event["at"]))
    expect(opened.page.locator("#room-readout .moment")).to_contain_text(event["id"])
    assert event["type"] in opened.text("#room-readout .moment")
    readout = opened.page.locator("#room-readout dl > div").nth(policy).inner_text()
    assert f"{step['interval']}\u202fs" in readout
    assert f"from {before['interval']} s, in effect " in readout
    assert f"{step['rule']}: {step['reason']}" in readout


def test_pointing_between_events_tells_what_holds(open_report: Open) -> None:
    """The interval, and the step that set it."""
    chart = REPORT["charts"][0]
    _, _, step = caused(chart)
    opened = open_report(REPORT)
    opened.page.mouse.move(*at(opened, chart, step["at"] + 200))
    expect(opened.page.locator("#room-readout .moment")).to_contain_text("UTC")
    readout = opened.page.locator("#room-readout dl > div").first.inner_text()
    assert f"set by {step['rule']} at " in readout
    assert step["event"] in readout
    assert step["reason"] in readout
    assert opened.page.locator("#room-readout .moment code").count() == 0


def test_the_arrow_keys_go_from_event_to_event(open_report: Open) -> None:
    """Home is the first one, the right arrow leads to the next, the left one back."""
    events = REPORT["charts"][0]["events"]
    opened = open_report(REPORT)
    chart = opened.page.locator("#room-plot")
    moment = opened.page.locator("#room-readout .moment")
    chart.press("Home")
    expect(moment).to_contain_text(events[0]["id"])
    while events[1]["id"] not in moment.inner_text():  # steps are stops too: the effect of the first one comes between
        chart.press("ArrowRight")
    chart.press("End")
    chart.press("Home")
    expect(moment).to_contain_text(events[0]["id"])


def test_looking_closer_and_at_all_again(open_report: Open) -> None:
    """Dragging across the chart shows that part of the time; a button, and Escape, show all of it."""
    opened = open_report(REPORT)
    whole = opened.ink("#room-plot")
    button = opened.page.get_by_role("button", name="See all of the time")
    expect(button).to_be_hidden()
    box = opened.box("#room-plot .u-over")
    opened.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 50)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 50, steps=4)
    opened.page.mouse.up()
    expect(button).to_be_visible()
    assert opened.ink("#room-plot") != whole
    button.click()
    expect(button).to_be_hidden()
    assert opened.ink("#room-plot") == whole
    opened.page.locator("#room-plot").press("+")
    expect(button).to_be_visible()
    opened.page.locator("#room-plot").press("Escape")
    expect(button).to_be_hidden()


def test_the_table_tells_what_happened(open_report: Open) -> None:
    """One row for each event that changed something, and with the box ticked one for every event; more on request."""
    chart = REPORT["charts"][0]
    caused_changes = {step["event"] for steps in chart["steps"] for step in steps[1:]}
    opened = open_report(REPORT)
    rows = opened.page.locator("#happenings tbody tr")
    assert rows.count() == 12
    opened.page.get_by_role("button", name=f"Show the other {len(caused_changes) - 12}").first.click()
    assert set(texts(rows.locator("td:nth-child(2) code"))) == caused_changes
    opened.page.get_by_label("also events that changed nothing").check()
    opened.page.locator("#happenings .more").click()
    assert texts(rows.locator("td:nth-child(2) code")) == [event["id"] for event in chart["events"]]
    event, before, step = caused(chart)
    cell = opened.page.locator("#happenings tr", has_text=event["id"]).locator("td").nth(2).inner_text()
    assert f"new {before['interval']} → {step['interval']}\u202fs {step['rule']}" in cell
    assert step["reason"] in cell


def test_a_row_of_the_table_leads_to_the_chart(open_report: Open) -> None:
    """Its time, pressed, is what the chart then points at."""
    opened = open_report(REPORT)
    row = opened.page.locator("#happenings tbody tr").nth(5)
    event = row.locator("code").first.inner_text()
    row.get_by_role("button").click()
    expect(opened.page.locator("#room-readout .moment")).to_contain_text(event)
    expect(opened.page.locator("#room-plot")).to_be_focused()


def with_an_end_of_its_own() -> ReportJson:
    """A room with one event whose adjustment ends ten minutes later, by no event."""
    report = sample_report.make(rooms=1, hours=1, against=False)
    (chart,) = report["charts"]
    start = chart["start"]
    chart["events"] = [{"at": start + 60, "type": "moderation.alert", "id": "evt-1"}]
    facts = {"event": "evt-1", "type": "moderation.alert", "rule": "moderation-alert"}
    chart["steps"] = [
        [
            {"at": start, "interval": 5, "rule": None, "event": None, "type": None, "reason": "start interval"},
            {"at": start + 61, "interval": 2, **facts, "reason": "fixed 2 s, for 600 s, then previous"},
            {"at": start + 661, "interval": 5, **facts, "reason": "its time was over"},
        ]
    ]
    return report


def test_a_step_that_no_event_caused_has_a_row_of_its_own(open_report: Open) -> None:
    """An adjustment that ended: the event stands in its own row, the end in the next."""
    opened = open_report(with_an_end_of_its_own())
    opened.page.get_by_label("also events that changed nothing").check()
    first, second = texts(opened.page.locator("#happenings tbody tr"))
    assert "5 → 2\u202fs moderation-alert" in first
    assert "(1\u202fs after it arrived)" in first
    assert "2 → 5\u202fs moderation-alert" in second
    assert "its time was over" in second


# The last, as it has a browser of its own. Without windows, Chromium still has a mouse somewhere once the finger has
# left, and tells the page that it is there.
@pytest.mark.parametrize("browser", ["windows"], indirect=True)
def test_a_finger_on_the_chart_tells_why(open_report: Open) -> None:
    """A touch is as good as a pointer, and so is a finger that moves across the chart."""
    chart = REPORT["charts"][0]
    event, _, step = caused(chart)
    opened = open_report(REPORT, has_touch=True, is_mobile=True, viewport={"width": 800, "height": 900})
    opened.page.locator("#room-plot").scroll_into_view_if_needed()
    opened.page.touchscreen.tap(*at(opened, chart, event["at"]))
    readout = opened.page.locator("#room-readout")
    expect(readout.locator(".moment")).to_contain_text(event["id"])
    expect(readout).to_contain_text(step["reason"])
    finger = opened.page.context.new_cdp_session(opened.page)
    for kind, time in (("touchStart", event["at"]), ("touchMove", chart["end"] - 60), ("touchMove", chart["end"])):
        x, y = at(opened, chart, time)
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    expect(readout.locator(".moment")).to_contain_text(chart["events"][-1]["id"])
