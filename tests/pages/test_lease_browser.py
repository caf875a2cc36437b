"""Control of a camera in a real browser, on a real station."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from skycam_project.cli.identity import system_name
from tests.harness.browsers.clocks import pause_clock
from tests.harness.browsers.inspection import barriers_at
from tests.harness.browsers.questions import answer_question
from tests.harness.browsers.site import Site
from tests.harness.stations.command_line import run

RENEWAL_MS = 21_000
NEXT_UPDATE_MS = 16_000
SETTLED_MS = 100
"""htmx reports an inserted element 20 ms after it has been inserted."""
HIDDEN = "is => Object.defineProperty(document, 'hidden', {value: is, configurable: true})"
COUNT_RENEWALS = """() => {
    window.renewals = 0;
    document.addEventListener("htmx:beforeSend", (event) => {
        if (event.detail.pathInfo.requestPath.endsWith("/hold/")) window.renewals += 1;
    });
}"""
SEEN_AGAIN = f"() => {{ ({HIDDEN})(false); document.dispatchEvent(new Event('visibilitychange')); }}"
ME = system_name(os.getuid())


@pytest.fixture
def taken(page: Page, site: Site) -> Iterator[Page]:
    """The page of the camera after its button has taken control. The browser's clock is fake."""
    page.clock.install()
    page.goto("/cameras/simulated/")
    page.locator("#lease").get_by_role("button", name="Take control Simulated camera", exact=True).click()
    expect(page.locator("#lease")).to_contain_text("You, since")
    yield page
    site.api.ask("POST", "cameras/simulated/release/", {"over": True})


def test_the_page_renews_the_lease_only_while_it_is_visible(taken: Page) -> None:
    taken.evaluate(HIDDEN, True)
    taken.evaluate(COUNT_RENEWALS)
    taken.clock.fast_forward(RENEWAL_MS)
    assert taken.evaluate("window.renewals") == 0
    taken.evaluate(HIDDEN, False)
    with taken.expect_response("**/hold/") as answer:
        taken.clock.fast_forward(RENEWAL_MS)
    assert answer.value.status == 204
    assert taken.evaluate("window.renewals") > 0


def test_the_page_renews_the_lease_when_it_is_visible_again(taken: Page) -> None:
    """Not with its next timed renewal: no timer fires any more."""
    taken.evaluate(HIDDEN, True)
    pause_clock(taken)
    with taken.expect_response("**/hold/") as answer:
        taken.evaluate(SEEN_AGAIN)
    assert answer.value.status == 204


def test_the_previous_holder_sees_who_took_over_and_takes_back_after_confirming(taken: Page, site: Site) -> None:
    lease = taken.locator("#lease")
    expect(taken.locator("#said-simulated")).to_have_text("You hold Simulated camera.")
    run(site.station.data, "take", "simulated", "--over")
    expect(lease).to_contain_text(f"{ME} took it over from you")
    expect(taken.locator("#camera-head")).to_contain_text(f"Held by {ME} since")
    expect(taken.locator("#said-simulated")).to_be_empty()
    expect(taken.locator("#stage").get_by_role("button", name="Capture")).to_be_disabled()
    expect(taken.locator("#settings").get_by_role("button", name="Apply").last).to_be_disabled()
    expect(taken.locator("#settings").get_by_role("button", name="Apply").last).to_have_attribute(
        "title", re.compile(f"Held by {ME} since")
    )
    lease.get_by_role("button", name="Take over").click()
    assert answer_question(taken, "Take over").startswith(f"Take over from {ME}? {ME} has held it since")
    expect(lease).to_contain_text("You, since")
    expect(taken.locator("#stage").get_by_role("button", name="Capture")).to_be_enabled()
    expect(taken.locator("#settings").get_by_role("button", name="Apply").last).to_be_enabled()


def test_the_message_of_a_release_is_shown_until_someone_takes_the_camera(taken: Page, site: Site) -> None:
    message = taken.locator("#said-simulated")
    taken.locator("#lease").get_by_role("button", name="Release").click()
    expect(taken.locator("#lease")).to_contain_text("Not taken.")
    with taken.expect_response("**/now/**"):
        taken.evaluate("htmx.trigger(document.body, 'acted')")
    expect(message).to_have_text("You have released Simulated camera. No one holds it now.")
    run(site.station.data, "take", "simulated")
    expect(message).to_be_empty()


def test_a_message_outlives_the_update_that_was_requested_before_it(taken: Page) -> None:
    updates: list[Route] = []
    # On a busy machine the half minute for which a message is shown would pass.
    with taken.expect_response("**/cameras/simulated/now/**"):
        pause_clock(taken)
    taken.route("**/cameras/simulated/now/**", lambda update: updates.append(update))
    with taken.expect_request("**/cameras/simulated/now/**"):
        taken.clock.fast_forward(NEXT_UPDATE_MS)
    before = taken.request.get("/cameras/simulated/now/").text()
    taken.locator("#lease").get_by_role("button", name="Release").click()
    released = taken.get_by_text("You have released Simulated camera. No one holds it now.")
    expect(released).to_be_visible()
    with taken.expect_request("**/cameras/simulated/now/**"):
        updates[0].fulfill(body=before, content_type="text/html")
    expect(taken.locator("#stage")).to_have_attribute("data-held-by", "admin")
    taken.clock.run_for(SETTLED_MS)
    assert released.is_visible()


@pytest.fixture
def foreign(page: Page, site: Site) -> Iterator[Locator]:
    """The button on the camera's page that stops a session of another user."""
    run(site.station.data, "start", "--camera", "simulated", "-e", "0.001", "--cadence", "1")
    page.goto("/cameras/simulated/")
    yield page.locator("#stage").get_by_role("button", name="Stop session")
    site.api.post("cameras/simulated/take/", {"over": True})
    site.api.post("cameras/simulated/stop/")
    site.api.post("cameras/simulated/release/")


def test_stopping_the_session_of_another_needs_a_confirmation(foreign: Locator, site: Site) -> None:
    page = foreign.page
    foreign.click()
    first = answer_question(page, "Cancel")
    assert site.api.ask("GET", "cameras/simulated/status/")["held_by"] == ME
    foreign.click()
    second = answer_question(page, "Stop session")
    expect(page.locator("#said-simulated")).to_contain_text("Session stopped")
    expect(page.locator("#lease")).to_contain_text("You, since")
    assert [one.startswith(f"Take over from {ME} and stop the session? ") for one in (first, second)] == [True, True]


def test_the_shortcut_asks_for_confirmation_too(foreign: Locator, site: Site) -> None:
    foreign.wait_for()
    foreign.page.keyboard.press("s")
    assert "stop the session?" in answer_question(foreign.page, "Cancel")
    assert site.api.ask("GET", "sessions/?state=running")["results"][0]["desired"] == "running"


def test_the_panel_is_accessible_and_fits(taken: Page) -> None:
    assert barriers_at(taken, 360, 1440) == {}
