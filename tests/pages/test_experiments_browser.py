"""Experiments in a real browser, on a real station: from the form to the end, and the question before a stop."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.inspection import brightest_other_than_red, overflowing, violations_in_themes
from tests.harness.browsers.site import Site, in_theme

NAMES = ["Start", "Complete", "Edit", "Abort"]


@pytest.fixture(autouse=True)
def no_experiment(site: Site) -> Iterator[None]:
    """Nothing runs and nothing is recorded after a test."""
    yield
    abort_all(site)
    site.api.ask("POST", "cameras/simulated/stop-recording/", {"experiments": "suspend"})


def abort_all(site: Site) -> None:
    for state in ("running", "planned"):
        for found in site.api.ask("GET", f"experiments/?state={state}")["results"]:
            site.api.ask("POST", f"experiments/{found['id']}/abort/", {})


@pytest.fixture
def run(page: Page, site: Site) -> Page:
    """The page of a running experiment whose camera records."""
    made = site.api.ask("POST", "experiments/", {"name": "Dew", "cameras": ["simulated"], "pre_roll_s": 0})
    site.api.ask("POST", f"experiments/{made['id']}/start/", {})
    page.goto(f"/experiments/{made['id']}/")
    expect(page.locator("#cam-simulated header .st")).to_have_text("Recording")
    return page


def buttons(page: Page) -> list[str]:
    return [name for name in NAMES if page.locator("#experiment-actions").get_by_text(name, exact=True).count()]


def test_an_experiment_is_created_started_noted_and_completed(page: Page) -> None:
    page.goto("/experiments/")
    page.get_by_role("link", name="New experiment").first.click()
    page.get_by_label("Name", exact=True).fill("Growth")
    page.get_by_label("Pre-roll").fill("0 s")
    page.get_by_role("button", name="Create and start").click()
    expect(page.locator("#experiment-head .st")).to_have_text("Running")
    expect(page.locator("#cam-simulated header .st")).to_have_text("Recording")
    page.get_by_label("Note", exact=True).fill("First drops.")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#experiment-notes")).to_contain_text("First drops.")
    expect(page.get_by_label("Note", exact=True)).to_have_value("")
    page.get_by_role("button", name="Complete").click()
    # The station archives it by itself, sooner or later.
    expect(page.locator("#experiment-head .st")).to_have_text(re.compile("Completed|Archived"))
    expect(page.locator("#experiment-clips tbody tr").first).to_be_visible()
    assert {*buttons(page)} <= {"Edit"}


def test_an_update_keeps_what_is_being_typed(run: Page) -> None:
    run.get_by_label("Note", exact=True).fill("A long sentence")
    run.get_by_text("Add a reference").click()
    run.get_by_label("Label").fill("Protocol")
    with run.expect_response(lambda answer: answer.url.endswith("/now/")):
        pass
    with run.expect_response(lambda answer: answer.url.endswith("/now/")):
        pass
    expect(run.get_by_label("Note", exact=True)).to_have_value("A long sentence")
    expect(run.get_by_label("Label")).to_have_value("Protocol")
    expect(run.get_by_label("Label")).to_be_focused()


def test_an_error_of_a_note_is_shown_in_place(run: Page) -> None:
    run.get_by_label("Note", exact=True).fill("Drops.")
    run.get_by_label("Time that it is about").fill("soon")
    run.get_by_role("button", name="Add note").click()
    expect(run.locator("#note-form .hint.bad")).to_contain_text("is not a date and time")
    expect(run.get_by_label("Note", exact=True)).to_have_value("Drops.")


def test_a_planned_experiment_that_begins_shows_its_cameras(page: Page, site: Site) -> None:
    made = site.api.ask("POST", "experiments/", {"name": "Dew", "cameras": ["simulated"]})
    page.goto(f"/experiments/{made['id']}/")
    assert buttons(page) == ["Start", "Edit", "Abort"]
    site.api.ask("POST", f"experiments/{made['id']}/start/", {})
    expect(page.locator("#experiment-actions")).to_contain_text("Complete")
    expect(page.locator("#cam-simulated .live")).to_have_attribute("data-state", "live")


def test_an_abort_asks_for_a_reason(run: Page) -> None:
    run.get_by_role("link", name="Abort").click()
    run.get_by_label("Reason").fill("The lamp failed.")
    run.locator("#dialog").get_by_role("button", name="Abort").click()
    expect(run.locator("#experiment-head .st")).to_have_text("Aborted")
    expect(run.locator("#experiment-trouble")).to_contain_text("The lamp failed.")
    expect(run.locator("#dialog")).to_be_hidden()


def test_a_stop_is_a_question_that_names_the_experiment(run: Page) -> None:
    run.locator("#cam-simulated").get_by_role("button", name="Stop recording").click()
    question = run.locator("#dialog")
    expect(question).to_contain_text("Dew")
    expect(question.get_by_role("button", name="End only the recording by people")).to_have_count(0)
    question.get_by_role("button", name="Stop for the experiment").click()
    expect(run.locator("#said-simulated")).to_contain_text("Recording stopped.")
    expect(question).to_be_hidden()
    expect(run.locator("#experiment-trouble")).to_contain_text("admin stopped the recording.")


def test_the_question_is_cancelled_with_the_keyboard(run: Page, site: Site) -> None:
    run.goto("/cameras/simulated/")
    expect(run.locator("#recording")).to_contain_text("Who wants it recorded")
    run.locator("#recording").get_by_role("button", name="Stop recording").focus()
    run.keyboard.press("Enter")
    expect(run.locator("#dialog")).to_be_visible()
    run.keyboard.press("Escape")
    expect(run.locator("#dialog")).to_be_hidden()
    assert site.api.ask("GET", "cameras/simulated/recording/")["claims"][0]["suspended"] is False


def test_without_scripts_the_question_is_a_page(plain_page: Page, run: Page, site: Site) -> None:
    site.api.ask("POST", "cameras/simulated/record/", {})
    plain_page.goto("/cameras/simulated/")
    plain_page.locator("#recording").get_by_role("button", name="Stop recording").click()
    plain_page.get_by_role("button", name="End only the recording by people").click()
    expect(plain_page.locator("main .banner.ok")).to_contain_text("is recorded on for its experiments")
    assert plain_page.url.endswith("/cameras/simulated/")
    claims = site.api.ask("GET", "cameras/simulated/recording/")["claims"]
    assert [claim["kind"] for claim in claims] == ["experiment"]


def test_without_scripts_an_experiment_runs_and_ends(plain_page: Page) -> None:
    plain_page.goto("/experiments/add/")
    plain_page.get_by_label("Name", exact=True).fill("Plain")
    plain_page.get_by_role("button", name="Create", exact=True).click()
    plain_page.get_by_role("button", name="Start").click()
    plain_page.get_by_label("Note", exact=True).fill("Drops.")
    plain_page.get_by_role("button", name="Add note").click()
    expect(plain_page.locator("#experiment-notes")).to_contain_text("Drops.")
    plain_page.get_by_role("link", name="Abort").click()
    plain_page.get_by_label("Reason").fill("Enough.")
    plain_page.get_by_role("button", name="Abort").click()
    expect(plain_page.locator("#experiment-head .st")).to_have_text("Aborted")
    expect(plain_page.locator("#experiment-trouble")).to_contain_text("Enough.")


def test_shortcuts_lead_to_the_list(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("x")
    page.wait_for_url("**/experiments/")


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_is_accessible_in_each_theme_and_fits(width: int, run: Page) -> None:
    run.set_viewport_size({"width": width, "height": 900})
    run.get_by_text("As a table").click()
    assert violations_in_themes(run) == {}
    assert overflowing(run, width) == []


def test_the_red_theme_shows_only_red(run: Page, site: Site) -> None:
    in_theme(run, site, "red")
    run.reload()
    expect(run.locator("#cam-simulated .live")).to_have_attribute("data-state", "live")
    assert brightest_other_than_red(run, full_page=True) == 0


@pytest.mark.parametrize("width", [390, 1440])
def test_the_form_with_errors_is_accessible_and_fits(width: int, page: Page) -> None:
    page.goto("/experiments/add/")
    page.set_viewport_size({"width": width, "height": 900})
    page.get_by_label("Planned end").fill("soon")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".hint.bad")).to_have_count(2)
    assert violations_in_themes(page) == {}
    assert overflowing(page, width) == []


def test_a_name_of_300_characters_fits(page: Page, site: Site) -> None:
    name = "\N{MICROSCOPE}<b>" + "W" * 280
    made = site.api.ask("POST", "experiments/", {"name": name, "cameras": ["simulated"], "tags": ["T" * 60]})
    too_wide = {}
    for part in ("", "edit/", "abort/", "clips/", "../"):
        page.goto(f"/experiments/{made['id']}/{part}")
        too_wide[part] = overflowing(page, 390, 1440)
    assert {part: widths for part, widths in too_wide.items() if widths} == {}
