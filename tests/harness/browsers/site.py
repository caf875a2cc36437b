"""A real station, and signing in to it."""

from __future__ import annotations

import json
import urllib.request
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.harness.project import PROJECT
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

PASSWORD = "look-at-the-sky"
AXE = PROJECT / "tests" / "vendor" / "axe-core-4.14.1" / "axe.min.js"
VIOLATIONS = """async () => (await axe.run({resultTypes: ["violations"]})).violations.map(
    (v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`)"""
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
PAGES = (
    "/",
    "/cameras/simulated/",
    "/cameras/",
    "/cameras/simulated/faults/",
    "/cameras/simulated/audience/",
    "/gallery/",
    "/clips/",
    "/sessions/",
    "/status/",
    "/live/viewers/",
    "/events/",
    "/jobs/",
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
    """A running station with the cameras `simulated` and `spare` (disabled)."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.station = Station(folder / "data", SKYCAM_ADMIN_PASSWORD=PASSWORD, **variables)
        self.url = f"http://127.0.0.1:{self.station.port}"
        self.token = ""
        self._cookies: list[Any] = []

    def start(self) -> None:
        self.station.up()
        self.token = self.ask("POST", "auth/token/", {"username": "admin", "password": PASSWORD})["token"]

    def up(self) -> Site:
        self.start()
        self.ask("POST", "cameras/", {"slug": "spare", "kind": "simulated", "name": "Spare"})
        self.ask("PATCH", "cameras/spare/", {"enabled": False})
        eventually(lambda: self.observed() == "ready", 60, "the camera is ready")
        self.ask("POST", "cameras/simulated/capture/", {})
        return self

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Token {self.token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def drop(self, path: str) -> None:
        """Send DELETE. The response has no body."""
        headers = {"Authorization": f"Token {self.token}"}
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", headers=headers, method="DELETE")
        urllib.request.urlopen(request, timeout=60).close()

    def observed(self, slug: str = "simulated") -> str:
        return str(self.ask("GET", f"cameras/{slug}/status/")["observed"])

    def cookies(self) -> list[Any]:
        """The cookies of one sign-in, shared by all windows: checking a password is slow, and attempts are counted."""
        if not self._cookies:
            self._cookies = [
                {"name": name, "value": morsel.value, "url": self.url}
                for name, morsel in signed_in(self.url, PASSWORD).items()
            ]
        return self._cookies

    @staticmethod
    def unexpected(text: str) -> bool:
        """Whether a console message is an error of the page. Requests that a test aborts or makes fail are none;
        a violation of the content security policy is one."""
        return not text.startswith(("Failed to load resource", "htmx:", "Response Status Error Code"))


def signed_in(url: str, password: str) -> SimpleCookie:
    """The cookies of `admin` after signing in with the form."""
    opener = urllib.request.build_opener(NoRedirect)
    first = opener.open(f"{url}/accounts/login/")
    found = SimpleCookie("; ".join(first.headers.get_all("Set-Cookie")))
    csrf = next(morsel.value for name, morsel in found.items() if "csrf" in name)
    form = urlencode({"username": "admin", "password": password, "csrfmiddlewaretoken": csrf}).encode()
    headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in found.items())}
    try:
        opener.open(urllib.request.Request(f"{url}/accounts/login/", form, headers))
    except urllib.error.HTTPError as answer:
        found.load("; ".join(answer.headers.get_all("Set-Cookie")))
    return found


def in_theme(page: Page, site: Site, theme: str) -> None:
    page.context.add_cookies([{"name": "theme", "value": theme, "url": site.url}])
