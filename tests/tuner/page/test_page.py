"""The page as a whole: its figures, its tables, and where it is read: phone, darkness, paper."""

import re
import unicodedata
from io import BytesIO
from typing import Any

import pytest
from playwright.sync_api import Position, expect
from pypdf import PdfReader

from tests.polling import eventually
from tests.tuner.page import sample_report
from tests.tuner.page.browsing import Open, ReportJson, texts

REPORT = sample_report.make(rooms=12, hours=4)
NEW, OLD = REPORT["policies"]
CHARTS = ("#room-plot", "#calls-new", "#calls-old")
PHONE = {"width": 360, "height": 740}


def tiles(found: list[str]) -> dict[str, str]:
    """Lines of text by name."""
    lines = (re.sub(r"\n+", "\n", each.replace("\u202f", " ")) for each in found)
    return {name: rest for name, _, rest in (each.partition("\n") for each in lines)}


def test_the_page_begins_with_what_came_out(open_report: Open) -> None:
    """The difference in pictures in one sentence, both policies with their hashes, and the recording."""
    opened = open_report(REPORT)
    now, before = (each["figures"]["pictures"] for each in (NEW, OLD))
    share = f"{abs(now / before - 1) * 100:.1f}"
    assert opened.text("h1").replace("\u202f", " ") == (
        f"new.yaml takes {round(before) - round(now):,} fewer pictures than policy.yaml (\u2212{share} %)"
    )
    assert NEW["sha256"][:12] in opened.text("#policies")
    assert OLD["sha256"][:12] in opened.text("#policies")
    assert f"{REPORT['recording']['events']:,} events · 12 tasks" in opened.text("#recording")
    assert "2026-03-01 22:00:00 to 2026-03-02 02:00:00 UTC" in opened.text("#recording")
    assert "1 line of the recording could not be read." in opened.text("#warnings")


def test_the_key_figures(open_report: Open) -> None:
    """Each beside the old one, with what changed and what it costs."""
    opened = open_report(REPORT)
    found = tiles(texts(opened.page.locator(".tile")))
    new, old = NEW["figures"], OLD["figures"]
    assert found["Pictures"].startswith(f"{new['pictures']:,.0f}\n")
    assert f"old {old['pictures']:,.0f} · \u2212" in found["Pictures"]
    assert f"{new['cost']:.2f} CNY, old {old['cost']:.2f} CNY" in found["Pictures"]
    assert found["Calls"].startswith(f"{new['calls']}\n")
    assert found["Most calls in any second"].startswith(f"{new['most_calls_in_a_second']} of 150")
    assert found["From event to effect, p50 / p99"].startswith("0.62 s / 1.13 s")
    at_min = f"{new['seconds_at_min_share'] * 100:.1f} %"
    assert found["Time at the bounds, min / max"].startswith(f"{at_min} / 0 %")
    assert found["Rooms that differ"].startswith(f"{REPORT['rooms_different']} of 12")


def test_the_calls_are_shown_against_the_limit(open_report: Open) -> None:
    """A panel for each policy; pointing at a time tells the most calls in a second, of both."""
    report = sample_report.make(rooms=2, hours=1)
    for policy, most in zip(report["policies"], (141, 97), strict=True):
        policy["figures"]["most_calls_in_a_second"] = most
        policy["calls_over_time"].update(
            bucket_seconds=600, most=[3, 0, most, 5, 2, 1], mean=[0.5, 0, 20.25, 0.5, 0, 0]
        )
    opened = open_report(report)
    assert opened.text("#calls-readout") == "Highest number of calls in any second: new 141, old 97."
    assert opened.page.locator("#calls canvas").count() == 2
    peak = Position(x=opened.box("#calls-old .u-over")["width"] * 2.5 / 6, y=20)
    opened.page.locator("#calls-old .u-over").hover(position=peak)
    readout = opened.page.locator("#calls-readout")
    expect(readout).to_contain_text("2026-03-01 22:2")
    expect(readout).to_contain_text("new at most 141 (20.25 on average), old at most 97 (20.25 on average).")


def test_the_histogram_sets_new_beside_old(open_report: Open) -> None:
    """A row for each bucket with both shares; the bars are as long as the shares are large."""
    opened = open_report(REPORT)
    rows = opened.page.locator("#histogram tbody tr")
    assert rows.count() == len(NEW["histogram"])
    shares = []
    for policy in (NEW, OLD):
        total = sum(bucket["task_seconds"] for bucket in policy["histogram"])
        shares.append([bucket["task_seconds"] / total for bucket in policy["histogram"]])
    assert rows.nth(3).inner_text().replace("\u202f", " ").split("\n") == [
        "5\u20139 s",
        f"{shares[0][3] * 100:.1f} %",
        f"{shares[1][3] * 100:.1f} %",
    ]
    widths = [opened.box(f"#histogram tbody tr >> nth=3 >> td.{role} div")["width"] for role in ("new", "old")]
    assert widths[0] / widths[1] == pytest.approx(shares[0][3] / shares[1][3], rel=0.02)


def test_the_tables(open_report: Open) -> None:
    """Rules that one policy does not have, or that nothing matched, say so; outcomes and assumptions stand below."""
    opened = open_report(REPORT)
    rules = {row.split("\t")[0]: row.split("\t")[1:] for row in texts(opened.page.locator("#rules tbody tr"))}
    band = next(rule for rule in NEW["rules"] if rule["rule"] == "dead-band")
    assert rules["dead-band"] == [str(band["events"]), "0", "no such rule", ""]
    assert rules["never"] == ["never", "0", "never", "0"]
    outcomes = texts(opened.page.locator("#outcomes tbody tr"))
    assert outcomes[0] == f"applied\t{NEW['outcomes']['applied']}\t{OLD['outcomes']['applied']}"
    assumed = tiles(texts(opened.page.locator("#assumptions > div")))
    assert assumed["Calls are started at most at"] == "145 a second"
    assert assumed["A call takes"] == "0.1 s"


def test_the_limit_reached_is_a_warning(open_report: Open) -> None:
    """As many calls in a second as there are slots: events waited."""
    report = sample_report.make(rooms=2, hours=1)
    report["policies"][0]["figures"]["most_calls_in_a_second"] = 145
    opened = open_report(report)
    assert "145 calls in a second, all that the limit leaves" in opened.text("#warnings")
    assert "under the new policy." in opened.text("#warnings")
    assert "under the old policy" not in opened.text("#warnings")


def test_what_was_rejected_is_a_warning_with_reasons(open_report: Open) -> None:
    """Said once where it is as many under both policies; the first reasons unfold."""
    report = sample_report.make(rooms=2, hours=1)
    for policy in report["policies"]:
        policy["outcomes"]["rejected"] = 2
        policy["figures"]["dead_letters"] = 2
        policy["rejected"] = [{"id": "evt-7", "reason": "data.load is not a number"}]
    report["policies"][1]["figures"]["dead_letters"] = 5
    opened = open_report(report)
    opened.page.get_by_text("2 events were rejected under both policies.").click()
    assert "evt-7: data.load is not a number" in opened.text("#warnings")
    assert "3 events were tried in vain, and given up as dead letters under the old policy." in opened.text("#warnings")


def bare(report: ReportJson) -> ReportJson:
    """Nothing in it that may be missing."""
    report["price"] = None
    report["recording"].update(unreadable=[], unreadable_count=0)
    for policy in report["policies"]:
        policy["figures"]["cost"] = None
        policy["event_to_effect_seconds"] = None
    return report


def test_one_policy_alone(open_report: Open) -> None:
    """Without an old one, a price and percentiles: nothing is compared, and nothing is shown of what is not there."""
    report = bare(sample_report.make(rooms=5, hours=2, against=False))
    opened = open_report(report)
    assert opened.text("h1") == f"new.yaml takes {report['policies'][0]['figures']['pictures']:,.0f} pictures"
    text = opened.text("body")
    assert re.findall(r"\bold\b|CNY|undefined|null|NaN|could not be read", text) == []
    assert opened.page.locator("canvas").count() == 2
    found = tiles(texts(opened.page.locator(".tile")))
    assert found["From event to effect, p50 / p99"] == "\u2013"
    assert found["Rooms"] == "5"


def test_a_recording_of_nothing(open_report: Open) -> None:
    """No rooms, no charts, no calls: the page says so, and stands."""
    report = bare(sample_report.make(rooms=1, hours=1))
    report.update(rooms=[], charts=[], rooms_count=0, rooms_different=0)
    report["recording"].update(events=0, first=None, last=None, seconds=0)
    for policy in report["policies"]:
        nothing = dict.fromkeys(policy["figures"], 0)
        policy.update(
            figures=nothing, histogram=[], calls_over_time={"start": 0, "bucket_seconds": 1, "most": [], "mean": []}
        )
    opened = open_report(report)
    assert "There is no room to show" in opened.text("#room")
    expect(opened.page.locator("#room-plot")).to_be_hidden()
    assert "No room had an event" in opened.text("#rooms")
    assert not {word for word in ("undefined", "null", "NaN") if word in opened.text("body")}


def test_a_thousand_rooms(open_report: Open) -> None:
    """The first are listed, more come on request; those without a chart are named, and cannot be chosen."""
    report = sample_report.make(rooms=1000, hours=0.2, charts=3)
    report["rooms_count"] = 24_000
    opened = open_report(report)
    rows = opened.page.locator("#rooms tbody tr")
    assert rows.count() == 12
    assert opened.page.locator("#rooms tbody button").count() == 3
    opened.page.get_by_role("button", name="Show 100 more of 988").click()
    assert rows.count() == 112
    assert "of 24,000 rooms differ" in opened.text("#rooms-note")
    assert "The first 1,000 are listed. 3 have a chart here" in opened.text("#rooms-note")


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def spoiled(value: Any) -> Any:  # noqa: ANN401 - any part of a report
    """Every text that somebody else chooses, made hostile."""
    if isinstance(value, list):
        return [spoiled(each) for each in value]
    if not isinstance(value, dict):
        return value
    chosen = {"reason", "rule", "type", "file", "id", "event", "currency"}
    return {
        key: HOSTILE + each if key in chosen and isinstance(each, str) else spoiled(each) for key, each in value.items()
    }


def test_hostile_names_are_text(open_report: Open) -> None:
    """A room, rule, event, file or reason may be called like markup: it is read as it is written, and does nothing."""
    report: ReportJson = spoiled(sample_report.make(rooms=3, hours=2, name=HOSTILE + "{}"))
    opened = open_report(report)
    assert HOSTILE in opened.text("#room-name")
    opened.page.locator("#room-plot").press("End")
    for part in ("#policies", "#recording", ".tile >> nth=0", "#room-readout", "#happenings", "#rooms", "#rules"):
        assert HOSTILE in opened.page.locator(part).inner_text()
    assert opened.page.locator("img").count() == 0
    assert opened.page.locator("script").count() == 3
    opened.page.get_by_role("combobox").click()
    assert HOSTILE in texts(opened.page.get_by_role("option"))[0]
    opened.page.get_by_role("button", name="Next room").click()
    opened.page.reload()
    assert report["charts"][1]["task"]["RoomId"] in opened.text("#room-name")


@pytest.mark.parametrize(
    "name", ["room-{}", "a-room-whose-name-somebody-made-very-long-without-any-space-in-it-at-all-{}"]
)
def test_a_phone_shows_it_without_sideways_scrolling(name: str, open_report: Open) -> None:
    """At 360 pixels nothing sticks out, with everything unfolded, and the charts are as wide as there is room."""
    opened = open_report(
        sample_report.make(rooms=14, hours=4, name=name), viewport=PHONE, has_touch=True, is_mobile=True
    )
    opened.page.get_by_label("also events that changed nothing").check()
    for more in opened.page.locator("button.more").all():
        if more.is_visible():
            more.click()
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 360
    beyond = "found => found.filter(each => each.getBoundingClientRect().right > 360).map(each => each.outerHTML)"
    assert opened.page.locator("main *").evaluate_all(beyond) == []
    for chart in CHARTS:
        assert 280 < opened.box(f"{chart} canvas")["width"] < 360


def test_the_charts_follow_the_width_of_the_window(open_report: Open) -> None:
    """A window made narrower, a phone that is turned."""
    opened = open_report(REPORT)
    opened.page.set_viewport_size({"width": 700, "height": 900})
    for chart in CHARTS:
        canvas = opened.page.locator(f"{chart} canvas")
        expect(canvas).to_have_js_property("clientWidth", int(opened.box(chart)["width"]))


def test_darkness(open_report: Open) -> None:
    """Where the system is dark the page is, charts too; it follows while it is open."""
    opened = open_report(REPORT, color_scheme="dark")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert opened.page.evaluate(ground) == "rgb(17, 20, 23)"
    dark = {chart: opened.ink(chart) for chart in CHARTS}
    opened.page.emulate_media(color_scheme="light")
    assert opened.page.evaluate(ground) == "rgb(246, 247, 248)"
    # The page hears of it a moment after its style sheet does.
    eventually(lambda: all(opened.ink(chart) != ink for chart, ink in dark.items()))


def test_on_paper_there_is_nothing_to_press_and_nothing_is_cut(open_report: Open) -> None:
    """In print every chart is there, as wide as a page, light even where the screen is dark; the controls are gone."""
    light = open_report(REPORT)
    dark = open_report(REPORT, color_scheme="dark")
    for opened in (light, dark):
        opened.page.emulate_media(media="print")
        expect(opened.page.locator("html")).to_have_attribute("data-paper", "")
        assert opened.page.locator("button:visible:not(.link), input:visible").count() == 0
        for chart in CHARTS:
            assert opened.box(f"{chart} canvas")["width"] == pytest.approx(690, abs=1)
        assert (
            opened.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        )
    assert [chart for chart in CHARTS if light.ink(chart) != dark.ink(chart)] == []
    on_paper = dark.ink("#room-plot")
    dark.page.emulate_media(media="screen", color_scheme="light")
    expect(dark.page.locator("html")).not_to_have_attribute("data-paper", "")
    assert dark.ink("#room-plot") != on_paper


def unspaced(text: str) -> str:
    """Without its spaces, line ends and ligatures: where a line breaks on paper is the browser's own affair."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def test_a_printed_page_holds_every_section(open_report: Open) -> None:
    """The paper has every heading in order, each chart takes its part of it, and the screen is as before."""
    opened = open_report(REPORT, color_scheme="dark")
    before = opened.ink("#room-plot")
    seen = "[...document.querySelectorAll('canvas')].map(each => each.width)"
    opened.page.evaluate(f"addEventListener('beforeprint', () => {{ window.atPrint = {seen}; }})")
    printed = opened.page.pdf(format="A4")
    rest = unspaced("".join(sheet.extract_text() for sheet in PdfReader(BytesIO(printed)).pages))
    for heading in texts(opened.page.locator("h1, h2, h3")):
        _, found, rest = rest.partition(unspaced(heading))
        assert found, heading
    expect(opened.page.locator("html")).not_to_have_attribute("data-paper", "")
    assert opened.ink("#room-plot") == before
    assert opened.page.evaluate("window.atPrint") == [1380, 1380, 1380]  # a page's width, twice as fine
    length = len(printed)
    for chart in CHARTS:
        opened.page.locator(chart).evaluate("place => { place.style.visibility = 'hidden'; }")
        shorter = len(opened.page.pdf(format="A4"))
        assert length - shorter > 1000, chart
        length = shorter
