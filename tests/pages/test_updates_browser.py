"""What the station reports over `ws/status/` appears on open pages: in a real browser, on a real station."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from tests.harness.browsers.clocks import let_events_through, pause_clock
from tests.harness.browsers.inspection import brightest_other_than_red, overflowing, violations_in_themes
from tests.harness.browsers.site import DESKTOP, Site, in_theme, manager_window, window
from tests.harness.project import PROJECT
from tests.harness.stations.http_client import PASSWORD
from tests.harness.waiting import eventually

OTHER_PROCESS = """
import json, os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
import django
django.setup()
from cameras.models import Camera
from core.text.sentences import sentence
from core.events.service import raise_alert, resolve_alert
for line in sys.stdin:
    key, message, severity, slug = json.loads(line)
    resolve_alert(key)
    camera = Camera.objects.filter(slug=slug).first()
    if message:
        raise_alert(key, sentence(message, camera=camera), severity=severity, camera=camera)
    print("done", flush=True)
"""
ADD_VIEWER = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
import django
django.setup()
from skycam_project.access.models import User
User.objects.create_user(username=sys.argv[1], password=sys.argv[2], role="viewer")
"""
STEP_MS = 2000
"""How often a page without a socket requests an update."""
COUNTS = """
window.heard = window.polls = 0;
window.WebSocket = class extends WebSocket {
    constructor(...given) {
        super(...given);
        this.addEventListener("message", ({ data }) => { window.heard += JSON.parse(data).type === "status"; });
    }
};
document.addEventListener("htmx:beforeSend", ({ detail }) => {
    if (detail.elt.id === "now" && !detail.requestConfig.triggeringEvent) window.polls += 1;
});
"""
"""The messages of the socket, and the requests that a timer made."""
NO_SOCKET = """() => {
    window.OpenSocket = window.WebSocket;
    window.WebSocket = class extends EventTarget {
        constructor() {
            super();
            window.tried = true;
        }
        close() {}
    };
}"""
"""From now on, sockets never open."""
OPEN_SOCKET = """() => {
    window.heard = 0;
    window.WebSocket = class extends window.OpenSocket {
        constructor(...given) {
            super(...given);
            this.addEventListener("message", ({ data }) => { window.heard += JSON.parse(data).type === "status"; });
        }
    };
}"""
"""They open again."""
NO_TIMEOUT = "AbortSignal.timeout = () => new AbortController().signal;"
"""Requests of the page wait for their answer as long as it takes."""
AN_HOUR_LATER = "() => { const now = Date.now; Date.now = () => now() + 3600 * 1000; }"
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


class AlertProcess:
    """A process beside the station that raises alerts. The keys of `health.` are those of other hosts: the station
    resolves its own ones, as nothing is wrong."""

    def __init__(self, site: Site) -> None:
        station = site.station
        self.keys: set[str] = set()
        self.process = subprocess.Popen(
            [station.python, "-c", OTHER_PROCESS], env=station.environment, cwd=PROJECT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def raise_alert(self, message: str, severity: str = "error", camera: str = "", key: str = "health.disk:x") -> None:
        """Until it is committed. The message may have a place for the `{camera}`."""
        assert self.process.stdin
        assert self.process.stdout
        self.keys.add(key)
        print(json.dumps([key, message, severity, camera]), file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "done\n"

    def resolve(self, key: str) -> None:
        self.raise_alert("", key=key)

    def resolve_all(self) -> None:
        for key in list(self.keys):
            self.resolve(key)
        self.keys.clear()


@pytest.fixture(scope="module")
def alert_process(site: Site) -> Iterator[AlertProcess]:
    found = AlertProcess(site)
    with found.process:
        yield found
        found.process.kill()


@pytest.fixture
def alerts(alert_process: AlertProcess) -> Iterator[AlertProcess]:
    """Its alerts are over after the test."""
    yield alert_process
    alert_process.resolve_all()


@pytest.fixture
def shown(page: Page, alerts: AlertProcess) -> Page:
    """An open dashboard that the station's notices reach."""
    page.goto("/")
    wait_for_notices(page, alerts)
    return page


def wait_for_notices(page: Page, alerts: AlertProcess) -> None:
    """The station subscribes to its notices a moment after the socket of a page is open."""

    def reach() -> int:
        alerts.raise_alert("It is subscribed.", key="test.subscribed")
        return toast(page, "It is subscribed.").count()

    eventually(reach, "the notices of the station reach the page")
    alerts.resolve("test.subscribed")
    expect(toast(page, "It is subscribed.")).to_have_count(0)


def toast(page: Page, text: str | re.Pattern[str]) -> Any:
    return page.locator("#toasts .toast").filter(has_text=text)


ROOF = "test.roof"


def test_an_alert_appears_in_the_open_list_of_alerts_with_its_filter(page: Page, alerts: AlertProcess) -> None:
    page.goto("/alerts/?key=test.")
    table = page.get_by_role("main").locator("table")
    alerts.raise_alert("The <b>roof</b> is open.", key=ROOF)
    expect(table).to_contain_text("The <b>roof</b> is open.")
    assert page.url.endswith("?key=test.")


def test_an_alert_of_another_process_appears_without_a_reload(shown: Page, alerts: AlertProcess) -> None:
    shown.evaluate("window.same = true")
    alerts.raise_alert("The disk <b>photos</b> is nearly full.")
    expect(toast(shown, "The disk <b>photos</b> is nearly full.")).to_be_visible()
    expect(shown.locator("#banners")).to_contain_text("nearly full")
    assert shown.evaluate("window.same")
    expect(shown.locator("#toasts [role=alert] .toast")).to_have_count(1)


@pytest.mark.parametrize("path", ["/status/", "/gallery/"])
def test_the_number_of_alerts_follows_without_a_reload(page: Page, site: Site, alerts: AlertProcess, path: str) -> None:
    page.goto(path)
    page.evaluate("window.same = true")
    eventually(lambda: shows_number_of(page, open_alerts(site)), "the number is shown")
    alerts.raise_alert("The roof is open.", key=ROOF)
    eventually(lambda: ROOF in (found := open_alerts(site)) and shows_number_of(page, found), "the alert is counted")
    alerts.resolve(ROOF)
    eventually(
        lambda: ROOF not in (found := open_alerts(site)) and shows_number_of(page, found), "it is not counted any more"
    )
    assert page.evaluate("window.same")


def open_alerts(site: Site) -> list[str]:
    """The keys. The station may have alerts of its own."""
    return [alert["key"] for alert in site.api.ask("GET", "alerts/?state=open&limit=200")["results"]]


def shows_number_of(page: Page, alerts: list[str]) -> bool:
    """Whether side bar and bell both show how many they are."""
    shown = [
        page.locator(place).evaluate("count => parseInt(count.textContent)") for place in ("#side-alerts", "#bell")
    ]
    return shown == [len(alerts)] * 2


def test_an_alert_is_closed_by_the_keyboard(shown: Page, alerts: AlertProcess) -> None:
    alerts.raise_alert("The disk is nearly full.")
    expect(toast(shown, "nearly full")).to_be_visible()
    toast(shown, "nearly full").get_by_role("button", name="Close").press("Enter")
    expect(toast(shown, "nearly full")).to_have_count(0)
    alerts.raise_alert("The disk is full.")
    expect(toast(shown, "is full")).to_be_visible()
    shown.keyboard.press("Escape")
    expect(toast(shown, "is full")).to_have_count(0)


def test_a_warning_closes_by_itself_and_an_error_stays(page: Page, alerts: AlertProcess) -> None:
    page.clock.install()
    page.goto("/")
    wait_for_notices(page, alerts)
    alerts.raise_alert("The broker does not answer.", key="health.broker:x")
    expect(toast(page, "The broker does not answer.")).to_be_visible()
    alerts.raise_alert("The disk is nearly full.", "warning", key="health.disk:y")
    expect(toast(page, "nearly full")).to_be_visible()
    page.clock.fast_forward(16_000)
    expect(toast(page, "nearly full")).to_have_count(0)
    expect(toast(page, "The broker does not answer.")).to_be_visible()


def test_a_toast_names_the_camera(shown: Page, alerts: AlertProcess) -> None:
    message = "The simulated light of {camera} is broken: {camera} is quarantined."
    alerts.raise_alert(message, "critical", "simulated", "camera.quarantined:simulated")
    named = "The simulated light of Simulated camera is broken: Simulated camera is quarantined."
    expect(toast(shown, f"critical: {named}")).to_be_visible()
    alerts.resolve("camera.quarantined:simulated")
    expect(shown.locator("#banners")).not_to_contain_text("quarantined")


def test_a_storm_of_alerts_leaves_four_and_a_link(shown: Page, alerts: AlertProcess) -> None:
    [alerts.raise_alert(f"Disk {number} is full.", key=f"health.disk:{number}") for number in range(6)]
    expect(shown.get_by_role("link", name="2 more in Events")).to_be_visible()
    expect(shown.locator("#toasts .toast")).to_have_count(4)


def test_alerts_that_arrive_twice_are_told_once(page: Page, alerts: AlertProcess) -> None:
    """A page that has read what it missed gets the notices of it a moment later."""
    told: list[Callable[[], None]] = []

    def pass_on(socket: WebSocketRoute) -> None:
        def tell(message: str | bytes) -> None:
            socket.send(message)
            told.append(lambda: socket.send(message))

        socket.connect_to_server().on_message(tell)

    page.route_web_socket(re.compile("/ws/status/"), pass_on)
    page.goto("/")
    wait_for_notices(page, alerts)
    told.clear()
    [alerts.raise_alert(f"Disk {number} is full.", key=f"health.disk:{number}") for number in range(6)]
    expect(page.get_by_role("link", name="2 more in Events")).to_be_visible()
    [tell_again() for tell_again in told.copy()]
    alerts.raise_alert("Disk 6 is full.", key="health.disk:6")
    expect(page.get_by_role("link", name="3 more in Events")).to_be_visible()


def test_the_link_counts_no_alert_that_is_over(shown: Page, alerts: AlertProcess) -> None:
    [alerts.raise_alert(f"Disk {number} is full.", key=f"health.disk:{number}") for number in range(6)]
    expect(shown.get_by_role("link", name="2 more in Events")).to_be_visible()
    alerts.resolve("health.disk:0")
    expect(shown.get_by_role("link", name="1 more in Events")).to_be_visible()


def test_a_finished_session_is_told_once_and_leads_to_its_page(shown: Page, site: Site, alerts: AlertProcess) -> None:
    started = site.api.ask("POST", "cameras/simulated/start/", {"exposure_us": 1000, "delay_s": 0.1, "count": 2})
    expect(toast(shown, "Simulated camera")).to_be_visible()
    alerts.raise_alert("The disk is full.")
    expect(toast(shown, "The disk is full.")).to_be_visible()
    expect(toast(shown, "Simulated camera")).to_have_count(1)
    expect(shown.locator("#toasts [role=status] .toast")).to_have_count(1)
    toast(shown, "Simulated camera").get_by_role("link", name="Show").click()
    expect(shown).to_have_url(re.compile(f"/sessions/{started['id']}/$"))


def test_an_open_socket_replaces_the_polling(page: Page) -> None:
    """By the clock of the page, which goes on with each message of the socket. It counts 3 s without one as silence."""
    page.add_init_script(COUNTS)
    page.clock.install()
    pause_clock(page)
    page.goto("/")

    def polls_after_a_message() -> int:
        heard = page.evaluate("window.heard")
        eventually(lambda: page.evaluate("window.heard") > heard, "a message of the socket")
        page.clock.run_for(STEP_MS)
        return int(page.evaluate("window.polls"))

    assert [polls_after_a_message() for _ in range(7)] == [0] * 7
    eventually(lambda: page.clock.run_for(4 * STEP_MS) or page.evaluate("window.polls"), "an update is requested")


def test_a_page_that_the_socket_does_not_report_is_still_polled(page: Page) -> None:
    page.clock.install()
    page.goto("/jobs/")
    expect(page.locator("#link")).to_have_text("Connected")
    for _ in range(2):
        with page.expect_request(re.compile("/jobs/now/")):
            page.clock.fast_forward(STEP_MS)


def test_a_refused_socket_leaves_the_polling(page: Page, alerts: AlertProcess) -> None:
    page.route_web_socket(re.compile("/ws/status/"), lambda socket: socket.close(code=4403))
    page.goto("/")
    alerts.raise_alert("The disk of the roof is full.", key="health.disk:roof")
    expect(page.locator("#banners")).to_contain_text("The disk of the roof is full.")
    expect(page.locator("#link")).to_have_text("Connected")
    expect(page.locator("#toasts .toast")).to_have_count(0)


def test_an_alert_that_was_raised_before_the_socket_of_the_page_was_open_is_told(
    page: Page, alerts: AlertProcess
) -> None:
    held: list[WebSocketRoute] = []
    page.route_web_socket(re.compile("/ws/status/"), lambda socket: held.append(socket))
    page.goto("/")
    eventually(lambda: let_events_through(page) and held, "the page opens a socket")
    alerts.raise_alert("The disk of the hall is full.", key="health.disk:hall")
    held[-1].connect_to_server()
    expect(toast(page, "The disk of the hall is full.")).to_be_visible()


def test_the_code_in_a_toast_is_code(shown: Page, alerts: AlertProcess) -> None:
    alerts.raise_alert("The broker does not answer. Start `skycam up <here>` there.", key=ROOF)
    expect(toast(shown, "Start skycam up <here> there.").locator("code")).to_have_text("skycam up <here>")


@pytest.fixture
def cuts(page: Page, alerts: AlertProcess) -> list[WebSocketRoute]:
    """The sockets of the dashboard, to cut the last one: on a busy machine it may have opened another one already."""
    opened: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        opened.append(socket)
        socket.connect_to_server()

    page.route_web_socket(re.compile("/ws/status/"), pass_on)
    page.goto("/")
    wait_for_notices(page, alerts)
    return opened


def test_a_cut_socket_is_opened_again(page: Page, cuts: list[WebSocketRoute], alerts: AlertProcess) -> None:
    opened = len(cuts)
    cuts[-1].close()
    eventually(lambda: let_events_through(page) and len(cuts) > opened, "the socket is open again")
    alerts.raise_alert("The disk of the dome is full.", key="health.disk:dome")
    expect(toast(page, "The disk of the dome is full.")).to_be_visible()


def test_an_alert_and_the_end_of_a_session_that_no_socket_reported_are_told_once(
    page: Page, site: Site, cuts: list[WebSocketRoute], alerts: AlertProcess
) -> None:
    alerts.raise_alert("The disk of the cellar is full.", key=ROOF)
    expect(toast(page, "cellar")).to_be_visible()
    toast(page, "cellar").get_by_role("button", name="Close").click()
    page.evaluate(NO_SOCKET)
    cuts[-1].close()
    alerts.raise_alert("The disk of the attic is full.", key="health.disk:attic")
    started = site.api.ask("POST", "cameras/simulated/start/", {"exposure_us": 1000, "delay_s": 0.1, "count": 1})
    eventually(lambda: site.api.get(f"sessions/{started['id']}/")["state"] == "finished")
    page.evaluate(OPEN_SOCKET)
    expect(toast(page, "attic")).to_be_visible()
    expect(toast(page, "Simulated camera")).to_have_count(1)
    expect(toast(page, "cellar")).to_have_count(0)


def test_an_alert_of_a_long_outage_is_told_although_the_first_request_after_it_fails(
    page: Page, cuts: list[WebSocketRoute], alerts: AlertProcess
) -> None:
    requests: list[Route] = []
    page.evaluate(NO_SOCKET)
    cuts[-1].close()
    eventually(lambda: page.evaluate("window.tried"), "the page opens another socket")
    alerts.raise_alert("The disk of the shed is full.", key="health.disk:shed")
    page.route("**/now/", lambda route: route.abort())  # its answer would set the page's clock right
    page.route("**/api/v1/events/?**", lambda route: requests.append(route))
    page.evaluate(AN_HOUR_LATER)
    page.evaluate(OPEN_SOCKET)
    eventually(lambda: let_events_through(page) and requests, "the page asks for what it has missed")
    heard = page.evaluate("window.heard")
    eventually(lambda: page.evaluate("window.heard") > heard, "a status before the answer")
    page.unroute("**/api/v1/events/?**")
    requests[0].abort()
    expect(toast(page, "shed")).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")


def test_an_alert_is_told_although_the_socket_was_cut_before_the_page_had_read_what_it_missed(
    page: Page, alerts: AlertProcess
) -> None:
    """The page reads it a second after the first status, by its clock. Until the alert, the station has none."""
    opened: list[WebSocketRoute] = []
    page.route("**/api/v1/alerts/?**", lambda route: route.fulfill(json={"results": []}))
    page.route_web_socket(re.compile("/ws/status/"), lambda socket: opened.append(socket))
    page.add_init_script(COUNTS)
    page.clock.install()
    pause_clock(page)
    page.goto("/")
    eventually(lambda: let_events_through(page) and opened, "the page opens a socket")
    opened[-1].connect_to_server()
    eventually(lambda: page.evaluate("window.heard"), "the first status")
    opened[-1].close()
    eventually(lambda: page.clock.run_for(50) or len(opened) > 1, "the page opens another socket")
    page.clock.run_for(STEP_MS)
    alerts.raise_alert("The disk of the loft is full.", key="health.disk:loft")
    page.unroute("**/api/v1/alerts/?**")
    heard = page.evaluate("window.heard")
    opened[-1].connect_to_server()
    eventually(lambda: page.evaluate("window.heard") > heard, "a status of the other socket")
    page.clock.run_for(STEP_MS)
    expect(toast(page, "loft")).to_be_visible()


def test_an_answer_that_is_older_than_a_notice_changes_nothing_of_its_alert(
    page: Page, site: Site, alerts: AlertProcess
) -> None:
    requests: list[Route] = []
    page.add_init_script(NO_TIMEOUT)
    page.route("**/api/v1/alerts/?**", lambda route: requests.append(route))
    page.goto("/")
    eventually(lambda: let_events_through(page) and requests, "the page asks for what it has missed")
    wait_for_notices(page, alerts)
    alerts.raise_alert("The roof is open.", key=ROOF)
    expect(toast(page, "The roof is open.")).to_be_visible()
    [roof] = [alert for alert in site.api.get("alerts/?state=open")["results"] if alert["key"] == ROOF]
    alerts.resolve(ROOF)
    expect(toast(page, "The roof is open.")).to_have_count(0)
    alerts.raise_alert("The door is open.", key="test.door")
    expect(toast(page, "The door is open.")).to_be_visible()
    requests[0].fulfill(json={"results": [roof | {"id": "missed", "message": "The window is open."}, roof]})
    expect(toast(page, "The window is open.")).to_be_visible()
    expect(toast(page, "The roof is open.")).to_have_count(0)
    expect(toast(page, "The door is open.")).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")


def test_a_toast_closes_when_its_alert_is_over(shown: Page, alerts: AlertProcess) -> None:
    alerts.raise_alert("The roof is open.", key=ROOF)
    expect(toast(shown, "The roof is open.")).to_be_visible()
    alerts.resolve(ROOF)
    expect(toast(shown, "The roof is open.")).to_have_count(0)


@pytest.fixture
def viewer_page(chromium: Browser, site: Site, alerts: AlertProcess) -> Iterator[Page]:
    """The dashboard of a viewer who may not see the camera `spare`."""
    name = f"nina-{secrets.token_hex(4)}"
    site.station.run("-c", ADD_VIEWER, name, PASSWORD)
    site.api.ask("PATCH", "cameras/spare/", {"restricted": True, "audience": []})
    with window(chromium, site, signed_in=False, viewport=DESKTOP) as page:
        page.goto("/accounts/login/")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        wait_for_notices(page, alerts)
        yield page
    site.api.ask("PATCH", "cameras/spare/", {"restricted": False})


def test_a_viewer_gets_nothing_of_a_camera_that_they_may_not_see(viewer_page: Page, alerts: AlertProcess) -> None:
    alerts.raise_alert("{camera} is quarantined.", "error", "spare", "camera.quarantined:spare")
    alerts.raise_alert("The disk of the barn is full.", key="health.disk:barn")
    expect(toast(viewer_page, "The disk of the barn is full.")).to_be_visible()
    expect(viewer_page.locator("#toasts")).not_to_contain_text("quarantined")
    expect(viewer_page.locator("#banners")).not_to_contain_text("quarantined")


def test_a_user_allows_notifications_and_gets_one_of_an_alert(
    chromium: Browser, site: Site, alerts: AlertProcess
) -> None:
    with manager_window(chromium, site) as page:
        page.add_init_script(NOTIFICATIONS)
        page.goto("/accounts/")
        state = page.locator("[data-notifications-state]")
        expect(state).to_contain_text("Off.")
        page.get_by_role("button", name="Allow notifications").click()
        expect(state).to_contain_text("On:")
        wait_for_notices(page, alerts)
        alerts.raise_alert("The disk of the lab is full.", key="health.disk:lab")
        wanted = ["Skycam: error", "The disk of the lab is full."]
        eventually(lambda: page.evaluate("window.shown").count(wanted) == 1, "the notification")
        page.get_by_role("button", name="Switch off").click()
        expect(state).to_contain_text("Off.")


def test_a_page_over_plain_http_says_why_there_are_no_notifications(page: Page) -> None:
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', {value: false})")
    page.goto("/accounts/")
    expect(page.locator("[data-notifications-state]")).to_contain_text("plain HTTP")
    expect(page.get_by_role("button", name="Allow notifications")).to_be_hidden()


def test_toasts_have_no_barriers_and_fit_a_phone(shown: Page, alerts: AlertProcess) -> None:
    alerts.raise_alert("The disk is nearly full.", "warning", key="health.disk:z")
    alerts.raise_alert("The disk is full.", key="health.disk:w")
    expect(toast(shown, "The disk is full.")).to_be_visible()
    assert violations_in_themes(shown) == {}
    assert overflowing(shown, 1440, 390, 320) == []


def test_the_number_of_many_alerts_fits_a_narrow_phone(shown: Page, alerts: AlertProcess) -> None:
    [alerts.raise_alert(f"Disk {number} is full.", key=f"health.disk:{number}") for number in range(12)]
    expect(shown.locator("#bell b")).to_have_text(re.compile(r"^\d\d$"))
    assert overflowing(shown, 320) == []


def test_a_toast_is_red_in_the_red_theme(page: Page, site: Site, alerts: AlertProcess) -> None:
    in_theme(page, site, "red")
    page.goto("/sessions/")
    wait_for_notices(page, alerts)
    alerts.raise_alert("The disk is full.", key="health.disk:v")
    expect(toast(page, "The disk is full.")).to_be_visible()
    assert brightest_other_than_red(page) == 0
