"""Web-hooks in a real browser, on a real station whose jobs part delivers to a receiver on loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.browsers.inspection import barriers_on
from tests.harness.browsers.questions import answer_question
from tests.harness.browsers.site import Site
from tests.harness.far_ends.webhook_receiver import WebhookReceiver, receiving, status
from tests.harness.waiting import eventually


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with receiving(status(200, b"thanks")) as found:
        yield found


@pytest.fixture
def no_webhooks(site: Site) -> Iterator[None]:
    yield
    for webhook in site.api.ask("GET", "webhooks/")["results"]:
        site.api.ask("DELETE", f"webhooks/{webhook['id']}/")


@pytest.fixture
def webhook(site: Site, receiver: WebhookReceiver, no_webhooks: None) -> Any:
    return site.api.ask("POST", "webhooks/", {"name": "Lab", "url": receiver.url, "kinds": ["camera.changed"]})


def record_event(site: Site) -> None:
    """An event of the kind camera.changed."""
    site.api.ask("PATCH", "cameras/spare/", {"name": "Spare 2"})
    site.api.ask("PATCH", "cameras/spare/", {"name": "Spare"})


def row(page: Page, text: str) -> Locator:
    return page.locator("#deliveries tbody tr").filter(has_text=text)


def test_a_web_hook_is_added_tested_and_gets_an_event(
    page: Page, site: Site, receiver: WebhookReceiver, no_webhooks: None
) -> None:
    page.goto("/webhooks/")
    page.get_by_label("Name").fill("Lab")
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_label("camera", exact=True).check()
    page.get_by_role("button", name="Add").click()
    secret = page.locator("#new-secret").inner_text()
    page.get_by_role("link", name="Lab").click()
    page.get_by_role("button", name="Test").click()
    expect(page.locator("#said-webhook")).to_contain_text("The receiver answered 200.")
    expect(row(page, "webhook.test")).to_contain_text("Delivered")
    record_event(site)
    expect(row(page, "camera.changed").first).to_contain_text("Delivered")
    kinds = [got.headers["Skycam-Event"] for got in receiver.received]
    assert (kinds[0], "camera.changed" in kinds) == ("webhook.test", True)
    assert all(got.is_signed_with(secret) for got in receiver.received[1:])


def test_a_failed_delivery_shows_its_attempt_and_is_replayed(
    page: Page, site: Site, receiver: WebhookReceiver, webhook: Any
) -> None:
    receiver.answer = status(500, b"no room")
    record_event(site)
    page.goto(f"/webhooks/{webhook['id']}/")
    expect(row(page, "Next try")).to_have_count(2)
    row(page, "camera.changed").last.get_by_role("link").click()
    expect(page.locator("#attempts")).to_contain_text("no room")
    receiver.answer = status(200, b"thanks")
    page.get_by_role("button", name="Replay").click()
    expect(page.locator("#said-delivery")).to_contain_text("It is sent again.")
    expect(page.locator("#delivery-head")).to_contain_text("Delivered")
    expect(page.locator("#attempts")).to_contain_text("thanks")


def test_a_web_hook_is_rotated_switched_off_and_removed(page: Page, site: Site, webhook: Any) -> None:
    page.goto(f"/webhooks/{webhook['id']}/")
    page.get_by_role("button", name="Rotate the secret").click()
    answer_question(page, "Make a new secret")
    expect(page.locator("#new-secret")).to_have_text(re.compile(r"^[\w-]{43}$"))
    page.get_by_role("button", name="Switch off").click()
    assert answer_question(page, "Switch off") == "Switch Lab off? What waits is cancelled."
    expect(page.locator("#webhook-head")).to_contain_text("Off")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove Lab").click()
    expect(page.locator("main .banner.ok")).to_contain_text("Lab was removed.")
    assert site.api.ask("GET", "webhooks/")["results"] == []


def test_the_pages_are_accessible_in_each_theme_and_fit_a_phone(
    page: Page, site: Site, receiver: WebhookReceiver, webhook: Any
) -> None:
    receiver.answer = status(500, b"x" * 2000)
    record_event(site)
    of_webhook = f"webhooks/{webhook['id']}/"
    eventually(lambda: site.api.ask("GET", of_webhook)["failing_since"])
    delivery = site.api.ask("GET", f"{of_webhook}deliveries/")["results"][-1]["id"]
    assert barriers_on(page, "/webhooks/", f"/{of_webhook}", f"/{of_webhook}deliveries/{delivery}/") == []
