"""The pages in Debian's Chromium: when a dashboard of six cameras responds, and the load of a live picture."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.figures import Table
from bench.runs import Runs
from tests.harness.browsers.chromium import ARGUMENTS, CHROMIUM
from tests.harness.browsers.site import Site
from tests.harness.waiting import eventually

CAMERAS = 6
SLOW_FPS, FAST_FPS = 10, 25
INTERACTIVE_MS, MAIN_THREAD = 1000, 8
MEASURED_S = 10
LOADS = 5
ANSWERED = """() => new Promise((done) => {
    const keys = document.querySelector("#keys");
    if (keys?.open) return done(performance.now());
    const wait = setInterval(() => {
        document.body?.dispatchEvent(new KeyboardEvent("keydown", {key: "?", bubbles: true}));
        if (document.querySelector("#keys")?.open) { clearInterval(wait); done(performance.now()); }
    }, 5);
})"""
CLOSE = "() => document.querySelector('#keys').close()"


def run(runs: Runs) -> list[Table]:
    folder = runs.folder / "browser"
    folder.mkdir()
    site = Site(folder)
    try:
        site.station.up()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            found = Table("Pages in Chromium on the station's machine")
            one_camera(found, site, browser, runs.times(MEASURED_S))
            dashboard(found, site, browser)
            browser.close()
    finally:
        site.station.ensure_stopped()
    return [found]


def open_page(site: Site, browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=site.url)
    context.add_cookies(site.cookies())
    return context.new_page()


def one_camera(found: Table, site: Site, browser: Browser, seconds: int) -> None:
    eventually(lambda: site.station.cameras.observed() == "ready", "the camera is ready")
    site.api.ask("PATCH", "cameras/simulated/settings/", {"fps": FAST_FPS})
    page = open_page(site, browser)
    page.goto("/cameras/simulated/")
    expect(page.locator(".live").first).to_have_attribute("data-state", "live", timeout=20_000)
    page.wait_for_timeout(3000)
    busy, drawn = busy_share(page, seconds), page.locator("[data-live-fps]").first.inner_text()
    found.add(
        f"Main thread while a picture of 1280x1024 is drawn at {FAST_FPS} fps", f"{busy:.1f} %", f"{MAIN_THREAD} %",
        f"{drawn} fps drawn",
    )  # fmt: skip
    page.context.close()


def busy_share(page: Page, seconds: int) -> float:
    """The main thread's load in per cent."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before, began = task_s(session), time.monotonic()
    page.wait_for_timeout(1000 * seconds)
    return 100 * (task_s(session) - before) / (time.monotonic() - began)


def task_s(session: Any) -> float:
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def dashboard(found: Table, site: Site, browser: Browser) -> None:
    site.api.ask("PATCH", "cameras/simulated/settings/", {"fps": SLOW_FPS})
    for number in range(1, CAMERAS):
        slug = f"sky-{number}"
        site.api.ask(
            "POST", "cameras/", {"slug": slug, "kind": "simulated", "address": slug, "settings": {"fps": SLOW_FPS}}
        )
    slugs = [camera["slug"] for camera in site.api.ask("GET", "cameras/")["results"]]
    eventually(lambda: {site.station.cameras.observed(slug) for slug in slugs} == {"ready"}, "all cameras are ready")
    page = open_page(site, browser)
    answered = sorted(load(page) for _ in range(LOADS))
    found.add(
        f"Dashboard of {CAMERAS} cameras at {SLOW_FPS} fps: a key is answered after", f"{answered[LOADS // 2]:.0f} ms",
        f"{INTERACTIVE_MS} ms", f"median of {LOADS}, longest {answered[-1]:.0f} ms",
    )  # fmt: skip
    page.context.close()


def load(page: Page) -> float:
    """Milliseconds from the click to the first key press that is handled, while the previous pictures still load."""
    page.goto("/", wait_until="commit")
    answered = float(page.evaluate(ANSWERED))
    page.evaluate(CLOSE)
    for live_picture in page.locator(".live").all():
        expect(live_picture).to_have_attribute("data-state", "live", timeout=30_000)
    return answered
