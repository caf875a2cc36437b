"""What the station reports over `ws/status/` appears on open pages at once: in a real browser, on a real station."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.harness.browsers.inspection import brightest_other_than_red, overflowing, violations_in_themes
from tests.harness.browsers.site import DESKTOP, Site, in_theme, manager_window
from tests.harness.stations.http_client import PASSWORD
from tests.harness.waiting import eventually

AT_ONCE_MS = 10_000
"""Sooner than a page polls whose socket is open. A busy machine may need most of it."""
SOON_MS = 40_000
RAISE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
import django
django.setup()
from cameras.models import Camera
from monitoring.services import raise_alert, resolve_alert
camera = Camera.objects.filter(slug=sys.argv[4]).first()
resolve_alert(sys.argv[1])
raise_alert(sys.argv[1], sys.argv[2], severity=sys.argv[3], camera=camera)
"""
RESOLVE = RAISE.rpartition("raise_alert(")[0]
VIEWER = "nina"
ADD_VIEWER = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
import django
django.setup()
from skycam_project.access.models import User
User.objects.create_user(username=sys.argv[1], password=sys.argv[2], role="viewer")
"""
NO_SOCKET = """() => {
    window.OpenSocket = window.WebSocket;
    window.WebSocket = class extends EventTarget { close() {} };
}"""
"""From now on, sockets never open."""
NOTIFICATIONS = """
window.shown = [];
class Notification extends EventTarget {
    static permission = "default";
    static async requestPermission() { return Notification.permission = "granted"; }
    constructor(title, options) { super(); window.shown.push([title, options.body]); }
}
window.Notification = Notification;
Document.prototype.hasFocus = () => false;
"""
"""A browser's notifications: the headless one has none. The page has no focus, as behind another window."""


def raise_alert(
    site: Site, message: str, severity: str = "error", camera: str = "", key: str = "health.disk:x"
) -> None:
    """Raise an alert in a process of its own, which ends when it is committed. The keys of `health.` are those of other
    hosts: the station resolves its own ones, as nothing is wrong."""
    site.station.run("-c", RAISE, key, message, severity, camera)


@pytest.fixture
def shown(page: Page) -> Page:
    """An open dashboard whose socket has sent a status."""
    with page.expect_websocket(lambda socket: socket.url.endswith("/ws/status/")) as opened:
        page.goto("/")
    opened.value.wait_for_event("framereceived", timeout=SOON_MS)
    return page


def toast(page: Page, text: str | re.Pattern[str]) -> Any:
    return page.locator("#toasts .toast").filter(has_text=text)


@pytest.fixture
def roof(site: Site) -> Iterator[str]:
    """The key of an alert that is over after the test."""
    yield "test.roof"
    site.station.run("-c", RESOLVE, "test.roof", "", "", "")


def test_an_alert_appears_in_the_open_list_of_alerts_with_its_filter(page: Page, site: Site, roof: str) -> None:
    page.goto("/alerts/?key=test.")
    alerts = page.get_by_role("main").locator("table")
    raise_alert(site, "The <b>roof</b> is open.", key=roof)
    expect(alerts).to_contain_text("The <b>roof</b> is open.", timeout=SOON_MS)
    assert page.url.endswith("?key=test.")


def test_an_alert_of_another_process_appears_at_once_without_a_reload(shown: Page, site: Site) -> None:
    shown.evaluate("window.same = true")
    raise_alert(site, "The disk <b>photos</b> is nearly full.")
    expect(toast(shown, "The disk <b>photos</b> is nearly full.")).to_be_visible(timeout=AT_ONCE_MS)
    expect(shown.locator("#banners")).to_contain_text("nearly full", timeout=AT_ONCE_MS)
    assert shown.evaluate("window.same")
    expect(shown.locator("#toasts [role=alert] .toast")).to_have_count(1)


@pytest.mark.parametrize("path", ["/status/", "/gallery/"])
def test_the_number_of_alerts_follows_without_a_reload(page: Page, site: Site, roof: str, path: str) -> None:
    page.goto(path)
    expect(page.locator("#link")).to_have_text("Connected")
    number = int(page.locator("#side-alerts").evaluate("count => count.firstChild.data"))
    raise_alert(site, "The roof is open.", key=roof)
    expect(page.locator("#side-alerts")).to_contain_text(f"{number + 1} alert", timeout=SOON_MS)
    expect(page.locator("#bell")).to_contain_text(f"{number + 1}")
    site.station.run("-c", RESOLVE, roof, "", "", "")
    expect(page.locator("#side-alerts")).to_contain_text(f"{number} alert", timeout=SOON_MS)


def test_an_alert_is_closed_by_the_keyboard(shown: Page, site: Site) -> None:
    raise_alert(site, "The disk is nearly full.")
    expect(toast(shown, "nearly full")).to_be_visible(timeout=AT_ONCE_MS)
    toast(shown, "nearly full").get_by_role("button", name="Close").press("Enter")
    expect(toast(shown, "nearly full")).to_have_count(0)
    raise_alert(site, "The disk is full.")
    expect(toast(shown, "is full")).to_be_visible(timeout=AT_ONCE_MS)
    shown.keyboard.press("Escape")
    expect(toast(shown, "is full")).to_have_count(0)


def test_a_warning_closes_by_itself_and_an_error_stays(page: Page, site: Site) -> None:
    page.clock.install()
    page.goto("/")
    expect(page.locator("#link")).to_have_text("Connected")
    raise_alert(site, "The disk is nearly full.", "warning", key="health.disk:y")
    raise_alert(site, "The broker does not answer.", key="health.broker:x")
    expect(toast(page, "nearly full")).to_be_visible(timeout=SOON_MS)
    expect(toast(page, "The broker does not answer.")).to_be_visible(timeout=SOON_MS)
    page.clock.fast_forward(16_000)
    expect(toast(page, "nearly full")).to_have_count(0)
    expect(toast(page, "The broker does not answer.")).to_be_visible()


def test_a_toast_names_the_camera(shown: Page, site: Site) -> None:
    raise_alert(site, "simulated is quarantined.", "critical", "simulated", "camera.quarantined:simulated")
    expect(toast(shown, "critical: Simulated camera is quarantined.")).to_be_visible(timeout=AT_ONCE_MS)
    site.station.run("-c", RESOLVE, "camera.quarantined:simulated", "", "", "")
    expect(shown.locator("#banners")).not_to_contain_text("quarantined", timeout=AT_ONCE_MS)


def test_a_storm_of_alerts_leaves_four_and_a_link(shown: Page, site: Site) -> None:
    [raise_alert(site, f"Disk {number} is full.", key=f"health.disk:{number}") for number in range(6)]
    expect(shown.get_by_role("link", name="2 more in Events")).to_be_visible(timeout=SOON_MS)
    expect(shown.locator("#toasts .toast")).to_have_count(4)


def test_a_finished_session_is_told_once_and_leads_to_its_page(shown: Page, site: Site) -> None:
    started = site.api.ask("POST", "cameras/simulated/start/", {"exposure_us": 1000, "delay_s": 0.1, "count": 2})
    expect(toast(shown, "Simulated camera")).to_be_visible(timeout=SOON_MS)
    expect(shown.locator("#toasts .toast")).to_have_count(1)
    expect(shown.locator("#toasts [role=status] .toast")).to_have_count(1)
    toast(shown, "Simulated camera").get_by_role("link", name="Show").click()
    expect(shown).to_have_url(re.compile(f"/sessions/{started['id']}/$"))


def test_an_open_socket_replaces_the_polling(shown: Page) -> None:
    requests: list[str] = []
    shown.on("request", lambda request: requests.append(urlsplit(request.url).path))
    shown.wait_for_timeout(9000)
    assert len([path for path in requests if path == "/dashboard/now/"]) <= 3, requests


def test_a_page_that_the_socket_does_not_report_is_still_polled(page: Page) -> None:
    page.goto("/jobs/")
    expect(page.locator("#link")).to_have_text("Connected")
    with page.expect_request(re.compile("/jobs/now/"), timeout=AT_ONCE_MS):
        pass
    with page.expect_request(re.compile("/jobs/now/"), timeout=AT_ONCE_MS):
        pass


def test_a_refused_socket_leaves_the_polling(page: Page, site: Site) -> None:
    page.route_web_socket(re.compile("/ws/status/"), lambda socket: socket.close(code=4403))
    page.goto("/")
    raise_alert(site, "The disk of the roof is full.", key="health.disk:roof")
    expect(page.locator("#banners")).to_contain_text("disk", timeout=AT_ONCE_MS)
    expect(page.locator("#link")).to_have_text("Connected")
    expect(page.locator("#toasts .toast")).to_have_count(0)


def test_a_cut_socket_is_opened_again(page: Page, site: Site) -> None:
    opened: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        opened.append(socket)
        socket.connect_to_server()

    page.route_web_socket(re.compile("/ws/status/"), pass_on)
    page.goto("/")
    eventually(lambda: page.wait_for_timeout(50) or opened)
    opened[0].close()
    eventually(lambda: page.wait_for_timeout(50) or len(opened) > 1)
    raise_alert(site, "The disk of the dome is full.", key="health.disk:dome")
    expect(toast(page, "The disk of the dome is full.")).to_be_visible(timeout=SOON_MS)


@pytest.fixture
def cuts(page: Page) -> list[WebSocketRoute]:
    """The sockets of the dashboard, to cut them."""
    opened: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        opened.append(socket)
        socket.connect_to_server()

    page.route_web_socket(re.compile("/ws/status/"), pass_on)
    page.goto("/")
    eventually(lambda: page.wait_for_timeout(50) or opened)
    expect(page.locator("#link")).to_have_text("Connected")
    return opened


def test_an_alert_and_the_end_of_a_session_that_no_socket_reported_are_told_once(
    page: Page, site: Site, cuts: list[WebSocketRoute], roof: str
) -> None:
    raise_alert(site, "The disk of the cellar is full.", key=roof)
    expect(toast(page, "cellar")).to_be_visible(timeout=AT_ONCE_MS)
    toast(page, "cellar").get_by_role("button", name="Close").click()
    page.evaluate(NO_SOCKET)
    cuts[0].close()
    raise_alert(site, "The disk of the attic is full.", key="health.disk:attic")
    started = site.api.ask("POST", "cameras/simulated/start/", {"exposure_us": 1000, "delay_s": 0.1, "count": 1})
    eventually(lambda: site.api.get(f"sessions/{started['id']}/")["state"] == "finished")
    page.evaluate("() => { window.WebSocket = window.OpenSocket }")
    expect(toast(page, "attic")).to_be_visible(timeout=SOON_MS)
    expect(toast(page, "Simulated camera")).to_have_count(1, timeout=SOON_MS)
    expect(toast(page, "cellar")).to_have_count(0)


def test_a_toast_closes_when_its_alert_is_over(shown: Page, site: Site, roof: str) -> None:
    raise_alert(site, "The roof is open.", key=roof)
    expect(toast(shown, "The roof is open.")).to_be_visible(timeout=AT_ONCE_MS)
    site.station.run("-c", RESOLVE, roof, "", "", "")
    expect(toast(shown, "The roof is open.")).to_have_count(0, timeout=AT_ONCE_MS)


@pytest.fixture
def viewer_page(chromium: Browser, site: Site) -> Iterator[Page]:
    """The dashboard of a viewer who may not see the camera `spare`."""
    site.station.run("-c", ADD_VIEWER, VIEWER, PASSWORD)
    site.api.ask("PATCH", "cameras/spare/", {"restricted": True, "audience": []})
    context = chromium.new_context(viewport=DESKTOP, base_url=site.url)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.get_by_label("Name").fill(VIEWER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#link")).to_have_text("Connected")
    yield page
    context.close()
    site.api.ask("PATCH", "cameras/spare/", {"restricted": False})


def test_a_viewer_gets_nothing_of_a_camera_that_they_may_not_see(viewer_page: Page, site: Site) -> None:
    raise_alert(site, "spare is quarantined.", "error", "spare", "camera.quarantined:spare")
    raise_alert(site, "The disk of the barn is full.", key="health.disk:barn")
    expect(toast(viewer_page, "The disk of the barn is full.")).to_be_visible(timeout=AT_ONCE_MS)
    expect(viewer_page.locator("#toasts")).not_to_contain_text("quarantined")
    expect(viewer_page.locator("#banners")).not_to_contain_text("quarantined")
    site.station.run("-c", RESOLVE, "camera.quarantined:spare", "", "", "")


def test_a_user_allows_notifications_and_gets_one_of_an_alert(chromium: Browser, site: Site) -> None:
    with manager_window(chromium, site) as page:
        page.add_init_script(NOTIFICATIONS)
        page.goto("/accounts/")
        state = page.locator("[data-notifications-state]")
        expect(state).to_contain_text("Off.")
        page.get_by_role("button", name="Allow notifications").click()
        expect(state).to_contain_text("On:")
        raise_alert(site, "The disk of the lab is full.", key="health.disk:lab")
        eventually(lambda: page.evaluate("window.shown"))
        assert page.evaluate("window.shown") == [["Skycam: error", "The disk of the lab is full."]]
        page.get_by_role("button", name="Switch off").click()
        expect(state).to_contain_text("Off.")


def test_a_page_over_plain_http_says_why_there_are_no_notifications(page: Page) -> None:
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', {value: false})")
    page.goto("/accounts/")
    expect(page.locator("[data-notifications-state]")).to_contain_text("plain HTTP")
    expect(page.get_by_role("button", name="Allow notifications")).to_be_hidden()


def test_toasts_have_no_barriers_and_fit_a_phone(shown: Page, site: Site) -> None:
    raise_alert(site, "The disk is nearly full.", "warning", key="health.disk:z")
    raise_alert(site, "The disk is full.", key="health.disk:w")
    expect(toast(shown, "The disk is full.")).to_be_visible(timeout=SOON_MS)
    assert violations_in_themes(shown) == {}
    assert overflowing(shown, 1440, 390) == []


def test_a_toast_is_red_in_the_red_theme(page: Page, site: Site) -> None:
    in_theme(page, site, "red")
    page.goto("/sessions/")
    expect(page.locator("#link")).to_have_text("Connected")
    raise_alert(site, "The disk is full.", key="health.disk:v")
    expect(toast(page, "The disk is full.")).to_be_visible(timeout=SOON_MS)
    assert brightest_other_than_red(page) == 0
