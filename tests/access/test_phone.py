"""The pages Users and Account in a real browser with the width of a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from skycam_project.access.models import ApiToken, User
from tests.harness.browsers.inspection import WIDTHS
from tests.harness.browsers.questions import answer_question
from tests.harness.stations.web_server import Web

RIGHT_EDGES = """[...document.querySelectorAll('main button, main select, main input')]
    .map((element) => element.getBoundingClientRect().right)"""
PHONE, WIDE = 390, 1440
NAMES = ["anna", "bartholomew.van.der.meer@observatory.example.org", "robot"]


@pytest.fixture
def web(module_web: Web, beside_a_browser: None, transactional_db: None) -> Web:
    return module_web


@pytest.fixture
def phone(web: Web, chromium: Browser) -> Iterator[Page]:
    """A phone where a manager is signed in; there are other users and tokens."""
    boss = User.objects.create_user("boss", role="manager")
    people = [User.objects.create_user(name, role="viewer") for name in NAMES]
    [ApiToken.issue(user, name="backup script of the second dome") for user in (boss, *people)]
    client = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    client.force_login(boss)
    url = f"http://127.0.0.1:{web.port}"
    context = chromium.new_context(viewport={"width": PHONE, "height": 844}, base_url=url)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", ["/users/", "/accounts/", "/accounts/tokens/", "/accounts/password/"])
def test_nothing_is_wider_than_the_phone(path: str, phone: Page) -> None:
    phone.goto(path)
    assert len(set(phone.evaluate(WIDTHS))) == 1
    assert max(phone.evaluate(RIGHT_EDGES)) <= PHONE


def test_a_role_can_be_read_and_a_user_removed(phone: Page) -> None:
    phone.goto("/users/")
    role = phone.get_by_label(f"Role of {NAMES[1]}")
    box = role.bounding_box()
    assert box is not None
    assert box["width"] > 140
    phone.get_by_role("button", name=f"Remove {NAMES[1]}").click()
    answer_question(phone, "Remove")
    expect(phone.get_by_text("3 in total")).to_be_visible()


def test_a_manager_must_confirm_a_new_password_that_revokes_tokens(phone: Page) -> None:
    phone.goto("/users/")
    phone.get_by_role("button", name="New password for anna").click()
    assert "their tokens (1) are revoked" in answer_question(phone, "Set a new password")
    expect(phone.locator("#new-password")).to_be_visible()


def test_signing_out_works_on_a_phone(phone: Page) -> None:
    phone.goto("/accounts/")
    phone.get_by_role("button", name="Sign out", exact=True).click()
    expect(phone.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_clock_can_be_chosen_on_a_phone(phone: Page) -> None:
    phone.goto("/accounts/")
    phone.get_by_role("button", name="UTC").click()
    expect(phone.get_by_role("button", name="UTC")).to_have_attribute("aria-pressed", "true")


def test_a_named_token_can_be_created_on_a_phone(phone: Page) -> None:
    phone.goto("/accounts/")
    expect(phone.get_by_label("Valid for")).to_have_value("365")
    phone.get_by_role("button", name="Create token").click()
    assert phone.locator("#token-name:invalid").count() == 1
    phone.get_by_label("Name").fill("weather station")
    phone.get_by_role("button", name="Create token").click()
    expect(phone.locator("#new-token")).to_contain_text("skycam_")


@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_every_field_has_a_unique_name(width: int, phone: Page) -> None:
    phone.set_viewport_size({"width": width, "height": 900})
    phone.goto("/accounts/")
    labels = phone.locator("main label").all_inner_texts()
    assert len(labels) == len(set(labels))
