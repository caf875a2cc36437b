"""The question before an act with consequences, and what is drawn by the browser itself, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.harness.browsers.inspection import brightest_other_than_red, violations_in_themes
from tests.harness.browsers.questions import answer_question
from tests.harness.browsers.site import DESKTOP, Site, in_theme, window
from tests.harness.clients.pages import templates
from tests.harness.project import PROJECT
from tests.harness.stations.command_line import run

FOCUSED = "document.activeElement.closest('dialog')?.id"
NATIVE_FIELD = re.compile(r'<input\b[^>]*\btype="(?:date|time|datetime-local|month|week|color)"')
NATIVE_QUESTION = re.compile(r"(?<![\w.])(?:window\.)?(?:confirm|alert|prompt)\(")


def test_no_page_has_a_question_or_a_calendar_of_the_browser() -> None:
    scripts = {path: path.read_text(encoding="utf-8") for path in (PROJECT / "static" / "js").glob("*.js")}
    assert len(scripts) > 30
    assert [path.name for path, text in scripts.items() if NATIVE_QUESTION.search(text)] == []
    assert [str(path) for path in templates() if NATIVE_FIELD.search(path.read_text(encoding="utf-8"))] == []


def test_every_question_says_a_consequence() -> None:
    asking = re.compile(r"<(?:button|form)\b[^>]*?\b(?:data|hx)-confirm=.*?(?<!%)>(?!\s*\{%)", re.DOTALL)
    found = [(path.name, tag) for path in templates() for tag in asking.findall(path.read_text(encoding="utf-8"))]
    assert len(found) >= 9
    assert [name for name, tag in found if "data-effect=" not in tag] == []


@pytest.fixture
def users(page: Page, site: Site) -> Iterator[Page]:
    """The page Users, with the user ursula."""
    run(site.station.data, "users", "add", "ursula", "--role", "viewer")
    page.goto("/users/")
    yield page
    run(site.station.data, "users", "remove", "ursula")


def test_a_question_names_the_act_and_its_consequence_and_only_the_verb_does_it(users: Page) -> None:
    page = users
    remove = page.get_by_role("button", name="Remove ursula")
    remove.click()
    assert answer_question(page, "Cancel").startswith("Remove ursula? Their tokens are revoked.")
    expect(remove).to_be_focused()
    remove.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    expect(remove).to_be_focused()
    remove.click()
    answer_question(page, "Remove")
    expect(page.get_by_role("button", name="Remove ursula")).to_have_count(0)


def focused_after(page: Page, key: str) -> Any:
    """The id of the dialog that has the focus after the key."""
    page.keyboard.press(key)
    return page.evaluate(FOCUSED)


def test_the_focus_stays_in_the_question(users: Page) -> None:
    users.get_by_role("button", name="Remove ursula").press("Enter")
    expect(users.get_by_role("button", name="Cancel")).to_be_focused()
    keys = ("Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab")
    assert [focused_after(users, key) for key in keys] == ["question"] * 6


def test_a_question_is_accessible_and_shows_only_red_in_the_red_theme(users: Page, site: Site) -> None:
    in_theme(users, site, "red")
    users.reload()
    users.get_by_role("button", name="Remove ursula").click()
    assert brightest_other_than_red(users) == 0
    assert violations_in_themes(users) == {}


def test_a_question_about_what_has_gone_meanwhile_says_so(users: Page) -> None:
    users.get_by_role("button", name="Remove ursula").click()
    users.evaluate("document.querySelectorAll('main form').forEach(form => form.remove())")
    answer_question(users, "Remove")
    expect(users.locator("#refused")).to_contain_text("Remove was not sent: this page has changed meanwhile.")


@pytest.fixture
def german(chromium: Browser, site: Site) -> Iterator[Page]:
    """A browser in German and in another zone than the station's."""
    with window(chromium, site, viewport=DESKTOP, locale="de-DE", timezone_id="Pacific/Auckland") as page:
        yield page


def test_a_date_is_chosen_by_keyboard_within_its_range_in_every_language(german: Page) -> None:
    german.goto("/nights/")
    field = german.get_by_label("Night", exact=True)
    field.fill("2049-11-30")
    german.get_by_role("button", name="Choose from a calendar").press("Enter")
    calendar = german.get_by_role("dialog", name="Choose a date")
    expect(calendar).to_contain_text("November 2049")
    german.keyboard.press("PageDown")
    german.keyboard.press("PageDown")
    expect(calendar).to_contain_text("December 2049")
    expect(calendar.get_by_role("button", name="Next month")).to_be_disabled()
    german.keyboard.press("ArrowLeft")
    german.keyboard.press("Enter")
    expect(calendar).to_have_count(0)
    expect(field).to_have_value("2049-12-30")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("30.11.2026", "Date as 2026-11-21"),
        ("2050-01-01", "Not after 2049-12-31."),
        ("1949-12-31", "Not before 1950-01-01."),
        ("", "Fill this in."),
    ],
)
def test_a_typed_date_that_is_not_accepted_says_why_in_our_words(typed: str, sentence: str, german: Page) -> None:
    german.goto("/nights/")
    german.get_by_label("Night", exact=True).fill(typed)
    german.get_by_role("button", name="Open").click()
    expect(german.locator(".field-error")).to_have_text(sentence)
    expect(german.get_by_label("Night", exact=True)).to_be_focused()
    assert german.url.endswith("/nights/")
    german.keyboard.type("2")
    expect(german.locator(".field-error")).to_have_count(0)


def test_a_typed_date_opens_its_night(german: Page) -> None:
    german.goto("/nights/")
    german.get_by_label("Night", exact=True).fill("2026-3-1")
    german.get_by_role("button", name="Open").click()
    german.wait_for_url("**/nights/2026-03-01/")


def test_a_calendar_and_a_note_show_only_red_in_the_red_theme_and_are_accessible(page: Page, site: Site) -> None:
    in_theme(page, site, "red")
    page.goto("/nights/")
    page.get_by_role("button", name="Choose from a calendar").click()
    assert brightest_other_than_red(page) == 0
    assert violations_in_themes(page) == {}
    page.keyboard.press("Escape")
    page.get_by_label("Night", exact=True).fill("x")
    page.get_by_role("button", name="Open").click()
    expect(page.locator(".field-error")).to_be_visible()
    assert brightest_other_than_red(page) == 0
    assert violations_in_themes(page) == {}
