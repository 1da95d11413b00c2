"""GET /console in a real browser, over the real handler and ledger: what a person sees, what the page may not do."""

import json
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from snapshot_tuner.model import TaskRef
from tests.functions.conftest import Deployment
from tests.functions.http_sender import USER, handle
from tests.real_browser import browser

__all__ = ["browser"]

SITE = "https://endpoint.example"
TOKEN = "console-token-of-24-characters"
EVIL = "<img src=x onerror=alert(1)>"

Open = Callable[..., Page]


@pytest.fixture
def open_console(browser: Browser, deployment: Deployment) -> Iterator[Open]:
    """Open the page; every request of it goes to the handler, and it must have asked nobody else for anything."""
    pages: list[Page] = []
    complaints: list[str] = []

    def open_page(*, path: str = "/console", principal: str | None = USER, **options: Any) -> Page:  # noqa: ANN401 - Playwright's own
        def answer(route: Route) -> None:
            request = route.request
            assert request.url.startswith(SITE)
            asked, _, query = request.url.removeprefix(SITE).partition("?")
            checked = {"authorizer": {"iam": {"userArn": principal}}} if principal else {}
            event = {
                "version": "2.0",
                "rawPath": asked,
                "rawQueryString": query,
                "headers": request.headers,
                "requestContext": {
                    "http": {"method": request.method, "path": asked, "sourceIp": "127.0.0.1"},
                    "stage": "$default",
                    "requestId": "request",
                    "timeEpoch": int(deployment.started.timestamp() * 1000),
                    **checked,
                },
                "body": request.post_data or "",
                "isBase64Encoded": False,
            }
            reply = handle(deployment, event)
            route.fulfill(status=reply.status, headers=dict(reply.headers), body=reply.text)

        page = browser.new_context(**options).new_page()
        page.set_default_timeout(10_000)
        page.route("**/*", answer)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        pages.append(page)
        page.goto(f"{SITE}{path}")
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert complaints == []


def rooms(page: Page) -> list[str]:
    return [row.locator("td[data-name=Room]").inner_text() for row in page.locator("#tasks tr").all()]


def test_the_table_shows_the_tasks_that_the_filters_name(open_console: Open, deployment: Deployment) -> None:
    for number, interval in enumerate((1, 20, 60)):
        task = TaskRef("app", f"room-{number}", "task")
        deployment.bus(deployment.wanted(f"e-{number}", interval, task=task))
    page = open_console()
    expect(page.locator("#count")).to_have_text("3 tasks")
    page.locator("#filters").get_by_label("At most, s").fill("20")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#count")).to_have_text("2 tasks")
    assert sorted(rooms(page)) == ["room-0", "room-1"]


def test_a_tasks_story_names_the_event_and_the_rule_behind_its_interval(
    open_console: Open, deployment: Deployment
) -> None:
    deployment.bus(deployment.event("load-7"))
    page = open_console()
    page.get_by_role("button", name="task").click()
    facts = page.locator("#facts")
    expect(facts).to_contain_text("20 s")
    expect(facts).to_contain_text("room-load-high")
    expect(facts).to_contain_text("event load-7 of /test")


def open_first(page: Page) -> None:
    expect(page.locator("#tasks button")).to_have_count(1)
    page.locator("#tasks button").click()
    expect(page.locator("#facts")).to_contain_text("20 s")


def set_bounds(page: Page, most: int, reason: str) -> None:
    form = page.locator("#bounds")
    form.get_by_label("At most, s").fill(str(most))
    form.get_by_label("Reason").fill(reason)
    form.get_by_role("button", name="Set bounds").click()


def test_bounds_are_set_and_cleared_on_a_tasks_story(open_console: Open, deployment: Deployment) -> None:
    """At once; the story says whose they are, until when and why, and what they replaced."""
    deployment.bus(deployment.event("e-1"))
    page = open_console()
    open_first(page)
    expect(page.get_by_role("button", name="Clear bounds")).to_be_hidden()
    set_bounds(page, 5, EVIL)
    expect(page.locator("#bounds-result")).to_have_text("Set: set to 5 s.")
    facts = page.locator("#facts")
    expect(facts).to_contain_text("up to 5 s until")
    expect(facts).to_contain_text(f"by {USER}: {EVIL}")
    expect(facts).to_contain_text("bounds end until")
    assert page.locator("img").count() == 0
    assert deployment.sent() == [20, 5]
    set_bounds(page, 4, "still too many")
    expect(page.locator("#bounds-result")).to_contain_text("Set: set to 4 s. Replaced: up to 5 s until")
    page.get_by_role("button", name="Clear bounds").click()
    expect(page.locator("#bounds-result")).to_have_text("Cleared: set to 20 s.")
    expect(facts).not_to_contain_text("until")
    assert deployment.sent() == [20, 5, 4, 20]


def test_bounds_that_are_none_are_named_and_change_nothing(open_console: Open, deployment: Deployment) -> None:
    """By the browser where it can, by the endpoint where it cannot."""
    deployment.bus(deployment.event("e-1"))
    page = open_console()
    open_first(page)
    set_bounds(page, 601, "x")
    assert page.evaluate("document.getElementById('bounds').checkValidity()") is False
    set_bounds(page, 5, "")
    page.locator("#bounds").get_by_label("At least, s").fill("9")
    set_bounds(page, 5, "x")
    expect(page.locator("#bounds-problem")).to_contain_text("min: is 9, above max, which is 5")
    page.locator("#bounds").get_by_label("At least, s").fill("")
    page.locator("#bounds").get_by_label("For").fill("25h")
    set_bounds(page, 5, "x")
    expect(page.locator("#bounds-problem")).to_contain_text("for: must be a duration from 1s to 24h")
    assert deployment.sent() == [20]


def test_bounds_of_one_task_are_not_told_of_another(open_console: Open, deployment: Deployment) -> None:
    """Nor set on it: what is open when the button is pressed is what is meant."""
    for number in (1, 2):
        deployment.bus(deployment.event(f"e-{number}", task=TaskRef("app", f"room-{number}", "task")))
    page = open_console()
    page.locator("#tasks tr", has_text="room-2").get_by_role("button").click()
    expect(page.locator("#story-heading")).to_have_text("task in room-2")
    set_bounds(page, 5, "incident")
    expect(page.locator("#bounds-result")).to_have_text("Set: set to 5 s.")
    page.locator("#tasks tr", has_text="room-1").get_by_role("button").click()
    expect(page.locator("#story-heading")).to_have_text("task in room-1")
    expect(page.locator("#facts")).to_contain_text("20 s")
    expect(page.locator("#facts")).not_to_contain_text("up to 5 s")
    expect(page.locator("#bounds-result")).to_have_text("")
    expect(page.get_by_role("button", name="Clear bounds")).to_be_hidden()


def test_the_filter_of_bounds_shows_the_tasks_that_have_some(open_console: Open, deployment: Deployment) -> None:
    for number in (1, 2):
        deployment.bus(deployment.event(f"e-{number}", task=TaskRef("app", f"room-{number}", "task")))
    page = open_console()
    page.locator("#tasks tr", has_text="room-2").get_by_role("button").click()
    set_bounds(page, 5, "incident")
    expect(page.locator("#bounds-result")).to_have_text("Set: set to 5 s.")
    page.get_by_label("with bounds").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#count")).to_have_text("1 task")
    assert rooms(page) == ["room-2"]


def test_a_senders_token_looks_and_an_operators_sets(
    open_console: Open, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page asks for a token again, and stays where it is."""
    monkeypatch.setenv("HTTP_AUTH", "signature")
    monkeypatch.setenv("WEBHOOK_TOKENS", f"people:{TOKEN}")
    monkeypatch.setenv("OPERATOR_TOKENS", f"alice:{TOKEN}-of-an-operator")
    deployment.bus(deployment.event("e-1"))
    page = open_console(principal=None)
    page.get_by_label("Bearer token").fill(TOKEN)
    page.get_by_role("button", name="Enter").click()
    open_first(page)
    set_bounds(page, 5, "incident")
    expect(page.locator("#bounds-problem")).to_contain_text("only a bearer token of OPERATOR_TOKENS may do this")
    assert deployment.sent() == [20]
    page.get_by_label("Bearer token").fill(f"{TOKEN}-of-an-operator")
    page.get_by_role("button", name="Enter").click()
    expect(page.locator("#entry")).to_be_hidden()
    page.get_by_role("button", name="Set bounds").click()
    expect(page.locator("#facts")).to_contain_text("by alice: incident")
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


def hold(page: Page, url: str) -> list[Route]:
    """The requests for the URL from now on, which nobody answers yet: `fallback` sends one on to the handler."""
    held: list[Route] = []
    page.route(url, lambda route: held.append(route))  # noqa: PLW0108 - Playwright asks a function how many it takes
    return held


def until_held(page: Page, held: list[Route], count: int) -> None:
    deadline = monotonic() + 10
    while len(held) < count:
        assert monotonic() < deadline
        page.wait_for_timeout(10)


def test_the_table_is_that_of_the_filters_as_they_are(open_console: Open, deployment: Deployment) -> None:
    """Of a slow endpoint the answer to an earlier question, or its failure, comes last, and is not shown."""
    for number, interval in enumerate((20, 60)):
        deployment.bus(deployment.wanted(f"e-{number}", interval, task=TaskRef("app", f"room-{number}", "task")))
    page = open_console()
    expect(page.locator("#count")).to_have_text("2 tasks")
    held = hold(page, "**/tasks?*")
    show = page.get_by_role("button", name="Show")
    show.click()
    show.click()
    page.locator("#filters").get_by_label("At most, s").fill("20")
    show.click()
    until_held(page, held, 3)
    held[2].fallback()
    expect(page.locator("#count")).to_have_text("1 task")
    with page.expect_response("**/tasks?*"):
        held[0].fallback()
    with page.expect_response("**/tasks?*"):
        held[1].fulfill(status=502, body="{}")
    page.wait_for_timeout(50)
    assert rooms(page) == ["room-0"]
    expect(page.locator("#list-problem")).to_be_hidden()


def test_pressing_more_twice_lists_no_task_twice(open_console: Open, deployment: Deployment) -> None:
    for number in range(51):
        task = TaskRef("app", f"room-{number}", "task")
        deployment.bus(deployment.wanted(f"e-{number}", 20, task=task))
    page = open_console()
    expect(page.locator("#count")).to_have_text("50 tasks so far")
    held = hold(page, "**/tasks?*")
    page.get_by_role("button", name="More").dblclick()
    until_held(page, held, 2)
    for each in held:
        with page.expect_response("**/tasks?*"):
            each.fallback()
    page.wait_for_timeout(50)
    expect(page.locator("#count")).to_have_text("51 tasks")


def test_a_story_from_before_a_change_is_not_told_after_it(open_console: Open, deployment: Deployment) -> None:
    """Somebody who has just set bounds must not see a task without any."""
    deployment.bus(deployment.event("e-1"))
    page = open_console()
    open_first(page)
    before = json.dumps(page.evaluate("fetch('/tasks/app/room-1/task').then((answer) => answer.json())"))
    held = hold(page, "**/tasks/app/room-1/task")
    page.get_by_role("button", name="Look again").click()
    until_held(page, held, 1)
    set_bounds(page, 5, "incident")
    expect(page.locator("#facts")).to_contain_text("up to 5 s")
    with page.expect_response("**/tasks/app/room-1/task"):
        held[0].fulfill(status=200, body=before)
    page.wait_for_timeout(50)
    expect(page.locator("#facts")).to_contain_text("up to 5 s")


def test_bounds_that_failed_are_told_of_their_own_task(open_console: Open, deployment: Deployment) -> None:
    """Also after another one was opened; what was said before of another is gone."""
    for number in (1, 2):
        deployment.bus(deployment.event(f"e-{number}", task=TaskRef("app", f"room-{number}", "task")))
    page = open_console()
    first, second = (page.locator("#tasks tr", has_text=f"room-{number}").get_by_role("button") for number in (1, 2))
    first.click()
    held = hold(page, "**/bounds")
    set_bounds(page, 5, "incident")
    until_held(page, held, 1)
    second.click()
    expect(page.locator("#story-heading")).to_have_text("task in room-2")
    held[0].fulfill(status=502, body="{}")
    expect(page.locator("#bounds-problem")).to_have_text("task in room-1: The endpoint answered 502")
    first.click()
    expect(page.locator("#story-heading")).to_have_text("task in room-1")
    expect(page.locator("#bounds-problem")).to_be_hidden()


def test_names_are_shown_as_text(open_console: Open, deployment: Deployment) -> None:
    """An event's id may be anything; the page makes no element of it."""
    deployment.bus(deployment.event(EVIL))
    page = open_console()
    page.get_by_role("button", name="task").click()
    expect(page.locator("#facts")).to_contain_text(EVIL)
    assert page.locator("img").count() == 0


def test_an_event_is_explained_and_nothing_is_called(open_console: Open, deployment: Deployment) -> None:
    page = open_console()
    page.get_by_label("Event, as JSON").fill(json.dumps(deployment.event("e-1")))
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#explained")).to_contain_text("load 0.84 -> curve 20 s")
    assert deployment.sent() == []
    page.get_by_label("Event, as JSON").fill("{")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#explain-problem")).to_contain_text("is not JSON")


@pytest.fixture
def locked_page(open_console: Open, deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Page:
    """The console of a deployment with one task, which asks for a token."""
    monkeypatch.setenv("HTTP_AUTH", "signature")
    monkeypatch.setenv("WEBHOOK_TOKENS", f"people:{TOKEN}")
    deployment.bus(deployment.event("e-1"))
    return open_console(principal=None)


def test_without_a_callers_proof_it_asks_for_a_token_and_keeps_it_in_memory_only(locked_page: Page) -> None:
    locked_page.get_by_label("Bearer token").fill("not a token of this deployment")
    locked_page.get_by_role("button", name="Enter").click()
    expect(locked_page.locator("#list-problem")).to_contain_text("bearer token")
    locked_page.get_by_label("Bearer token").fill(TOKEN)
    locked_page.get_by_role("button", name="Enter").click()
    expect(locked_page.locator("#count")).to_have_text("1 task")
    assert locked_page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    locked_page.reload()
    expect(locked_page.get_by_label("Bearer token")).to_be_visible()


def test_a_token_that_no_header_can_hold_is_asked_for_again(locked_page: Page) -> None:
    """Copied with a space of no width, as out of a chat: it is the token that is wrong, and not the endpoint."""
    locked_page.get_by_label("Bearer token").fill(f"{TOKEN}\u200b")
    locked_page.get_by_role("button", name="Enter").click()
    assert locked_page.evaluate("document.getElementById('token').checkValidity()") is False
    expect(locked_page.get_by_label("Bearer token")).to_be_visible()
    locked_page.get_by_label("Bearer token").fill(f" {TOKEN} ")
    locked_page.get_by_role("button", name="Enter").click()
    expect(locked_page.locator("#count")).to_have_text("1 task")


@pytest.mark.parametrize("path", ["//console", "/console//"])
def test_a_slash_too_many_in_its_address_makes_no_difference(
    open_console: Open, deployment: Deployment, path: str
) -> None:
    """The URL that a deploy prints ends in one; where the page asks //tasks, it asks a host of that name."""
    deployment.bus(deployment.event("e-1"))
    page = open_console(path=path)
    open_first(page)
    expect(page.locator("#count")).to_have_text("1 task")


def test_on_a_phone_nothing_is_wider_than_the_screen(open_console: Open, deployment: Deployment) -> None:
    deployment.bus(deployment.event("e-1", task=TaskRef("a" * 128, "r" * 128, "t" * 128)))
    page = open_console(viewport={"width": 360, "height": 740}, color_scheme="dark")
    expect(page.locator("#count")).to_have_text("1 task")
    open_first(page)
    set_bounds(page, 5, "r" * 200)
    expect(page.locator("#facts")).to_contain_text("r" * 200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_task_is_opened_and_bounded_with_the_keyboard(open_console: Open, deployment: Deployment) -> None:
    deployment.bus(deployment.event("e-1"))
    page = open_console()
    expect(page.locator("#count")).to_have_text("1 task")
    page.get_by_role("button", name="Show").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#story-heading")).to_have_text("task in room-1")
    expect(page.locator("#facts")).to_contain_text("20 s")
    for keys in ("", "", "5", "", "incident"):  # Look again, at least, at most, for, reason
        page.keyboard.press("Tab")
        page.keyboard.type(keys)
    page.keyboard.press("Enter")
    expect(page.locator("#bounds-result")).to_have_text("Set: set to 5 s.")


def test_the_page_may_run_its_own_script_alone(open_console: Open) -> None:
    """What somebody smuggles into it is not carried out, and asks nobody for anything."""
    page = open_console()
    page.evaluate(
        "() => { const made = document.createElement('script'); made.textContent = 'window.smuggled = 1';"
        " document.body.append(made); }"
    )
    assert page.evaluate("window.smuggled") is None
