"""A real station, and signing in to it."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, ViewportSize

from tests.harness.browsers.chromium import PATIENCE_MS
from tests.harness.stations.http_client import PASSWORD
from tests.harness.stations.station import Station

DESKTOP: ViewportSize = {"width": 1440, "height": 900}
SETTINGS = {"fps": 5}
"""Of the camera `simulated`. A third of the default: the browser draws each picture with the processor."""
PAGES = (
    "/",
    "/cameras/simulated/",
    "/cameras/",
    "/cameras/simulated/faults/",
    "/cameras/simulated/audience/",
    "/gallery/",
    "/clips/",
    "/sessions/",
    "/experiments/",
    "/experiments/add/",
    "/archives/",
    "/tonight/",
    "/nights/",
    "/nights/2026-11-22/",
    "/schedules/",
    "/schedules/add/",
    "/telescope/",
    "/telescope/add/",
    "/storage/",
    "/storage/trash/",
    "/storage/integrity/",
    "/status/",
    "/live/viewers/",
    "/readings/",
    "/events/",
    "/alerts/",
    "/alerts/rules/",
    "/alerts/rules/add/",
    "/alerts/rules/no-frame/",
    "/alerts/rules/defaults/",
    "/alerts/maintenance/",
    "/jobs/",
    "/sensors/",
    "/sensors/add/",
    "/sensors/add/?kind=simulated",
    "/notifications/",
    "/notifications/channels/add/mail/",
    "/notifications/routes/add/",
    "/webhooks/",
    "/admin/",
    "/admin/cleanup/",
    "/admin/captures/clip/",
    "/admin/captures/capture/",
    "/admin/cameras/camera/",
    "/users/",
    "/settings/",
    "/accounts/",
    "/accounts/tokens/",
    "/cameras/simulated/start/",
    "/cameras/simulated/edit/",
    "/cameras/simulated/remove/",
    "/nowhere/",
)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Site:
    """A running station, as a browser sees it."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.station = Station(folder / "data", **variables)
        self.api = self.station.api
        self.url = f"http://127.0.0.1:{self.station.port}"
        self._cookies: list[Any] = []

    def up(self) -> Site:
        """With the cameras `simulated`, which has a capture, and `spare`, which is disabled."""
        self.station.up()
        self.api.ask("POST", "cameras/", {"slug": "spare", "kind": "simulated", "name": "Spare"})
        self.api.ask("PATCH", "cameras/spare/", {"enabled": False})
        self.station.cameras.eventually_ready()
        self.api.ask("PATCH", "cameras/simulated/settings/", SETTINGS)
        self.station.cameras.saved_capture()
        return self

    def cookies(self) -> list[Any]:
        """The cookies of one sign-in, shared by all windows: checking a password is slow, and attempts are counted."""
        if not self._cookies:
            self._cookies = [
                {"name": name, "value": morsel.value, "url": self.url} for name, morsel in signed_in(self.url).items()
            ]
        return self._cookies

    @staticmethod
    def unexpected(text: str) -> bool:
        """Whether a console message is an error of the page. Requests that a test aborts or makes fail are none;
        a violation of the content security policy is one, and so is an update whose place the page does not have."""
        if text.startswith("htmx:oobErrorNoTarget"):
            return True
        return not text.startswith(("Failed to load resource", "htmx:", "Response Status Error Code"))


def signed_in(url: str) -> SimpleCookie:
    """The cookies of `admin` after signing in with the form."""
    opener = urllib.request.build_opener(NoRedirect)
    first = opener.open(f"{url}/accounts/login/")
    found = SimpleCookie("; ".join(first.headers.get_all("Set-Cookie")))
    csrf = next(morsel.value for name, morsel in found.items() if "csrf" in name)
    form = urlencode({"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": csrf}).encode()
    headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in found.items())}
    try:
        opener.open(urllib.request.Request(f"{url}/accounts/login/", form, headers))
    except urllib.error.HTTPError as answer:
        found.load("; ".join(answer.headers.get_all("Set-Cookie")))
    return found


def in_theme(page: Page, site: Site, theme: str) -> None:
    page.context.add_cookies([{"name": "theme", "value": theme, "url": site.url}])


@contextmanager
def window(browser: Browser, site: Site, *, signed_in: bool = True, **options: Any) -> Iterator[Page]:
    """A window of a manager, or of a user who is not signed in."""
    context = browser.new_context(base_url=site.url, **options)
    context.set_default_timeout(PATIENCE_MS)
    if signed_in:
        context.add_cookies(site.cookies())
    try:
        yield context.new_page()
    finally:
        context.close()


@contextmanager
def manager_window(browser: Browser, site: Site) -> Iterator[Page]:
    """A window of a signed-in manager. Raises AssertionError at its end for errors on its console."""
    errors: list[str] = []
    with window(browser, site, viewport=DESKTOP) as page:
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    found = [text for text in errors if site.unexpected(text)]
    assert found == [], found


@contextmanager
def plain_window(browser: Browser, site: Site) -> Iterator[Page]:
    """A window of a signed-in manager without JavaScript."""
    with window(browser, site, java_script_enabled=False) as page:
        yield page
