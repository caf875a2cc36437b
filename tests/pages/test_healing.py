"""The dashboard in a real browser while parts of the station are killed: what a card shows, and that it recovers."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.site import Site
from tests.harness.project import PROJECT
from tests.harness.stations.cameras import hexed, owned_spool

DOCUMENT = PROJECT / "docs" / "measurements" / "healing.md"
LIVE = "#cam-simulated .live"
HEALED_MS = 40_000
STALE_MS = 12_000
"""Less than the 15 s after which the launcher replaces a stopped worker."""
AWAY_S = 4.0
HEALING_S = 10.0
VICTIMS = ("camera", "web", "valkey")
READ_CARD = """() => {
    const card = document.querySelector("#cam-simulated"), live = card.querySelector(".live");
    const text = (found) => found ? (found.innerText || found.textContent).trim().replaceAll("\\n", " ") : "";
    const connection = document.querySelector("#connection");
    return [text(card.querySelector("header .st")), live ? live.dataset.state : "no live view",
            text(live && live.querySelector("[data-live-state]")),
            connection && connection.checkVisibility() ? text(connection) : ""];
}"""
SINCE_S = f"""() => {{
    const seconds = (element) => Date.parse("1970-01-01T" + element.textContent.match(/..:..:../)[0] + "Z") / 1000;
    const found = (name) => seconds(document.querySelector(name));
    return (found("#clock [data-clock]") - found("{LIVE} [data-live-state]") + 86400) % 86400;
}}"""


@dataclass(frozen=True)
class CardState:
    """What a card shows `at_s` seconds after the kill."""

    at_s: float
    chip: str
    picture: str
    sentence: str
    connection: str

    @property
    def words(self) -> tuple[str, ...]:
        return (self.chip, self.picture, self.sentence, self.connection)


def pid_of(site: Site, victim: str) -> int:
    """The process id of a part, or of the process of the simulated camera."""
    if victim != "camera":
        return int(site.station.pids()[victim])
    with closing(sqlite3.connect(site.station.data / "skycam.sqlite3", timeout=60)) as connection:
        ((identity,),) = connection.execute("SELECT id FROM cameras_camera WHERE slug = 'simulated'")
    children = psutil.Process(site.station.pids()["worker"]).children()
    return next(child.pid for child in children if owned_spool(child.pid) == hexed(identity))


def open_dashboard(page: Page) -> None:
    page.goto("/")
    expect(page.locator(LIVE)).to_have_attribute("data-state", "live", timeout=HEALED_MS)


@contextmanager
def killed(site: Site, victim: str) -> Iterator[None]:
    """Kill a part. It is not restarted before the block ends, because its parent process is stopped."""
    assert site.station.process
    parent = site.station.pids()["worker"] if victim == "camera" else site.station.process.pid
    target = pid_of(site, victim)
    os.kill(parent, signal.SIGSTOP)
    try:
        os.kill(target, signal.SIGKILL)
        yield
    finally:
        with suppress(ProcessLookupError):  # on a busy machine the launcher may have restarted it as one that hangs
            os.kill(parent, signal.SIGCONT)


@contextmanager
def stopped_camera(site: Site) -> Iterator[None]:
    """The process of the simulated camera stands still until the block ends."""
    target = pid_of(site, "camera")
    os.kill(target, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # on a busy machine it may have been replaced as one that hangs
            os.kill(target, signal.SIGCONT)


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_card_says_that_its_picture_is_stale_and_recovers(victim: str, page: Page, site: Site) -> None:
    open_dashboard(page)
    with killed(site, victim):
        expect(page.locator(LIVE)).to_have_attribute("data-state", "stale", timeout=STALE_MS)
        expect(page.locator(LIVE)).to_contain_text("No picture since ")
    expect(page.locator(LIVE)).to_have_attribute("data-state", "live", timeout=HEALED_MS)
    expect(page.locator("#connection")).to_be_hidden(timeout=HEALED_MS)


def test_a_stale_picture_is_dated_by_the_stations_clock(page: Page, site: Site) -> None:
    browser = page.context.new_cdp_session(page)
    browser.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kathmandu"})
    open_dashboard(page)
    with stopped_camera(site):
        expect(page.locator(LIVE)).to_contain_text("No picture since ", timeout=STALE_MS)
        assert page.evaluate(SINCE_S) < 60
    expect(page.locator(LIVE)).to_have_attribute("data-state", "live", timeout=HEALED_MS)


def test_the_reason_for_a_missing_picture_names_the_camera(page: Page, site: Site) -> None:
    open_dashboard(page)
    with killed(site, "camera"):
        expect(page.locator(f"{LIVE} [data-live-state]")).to_contain_text(" Simulated camera ", timeout=HEALED_MS)
        assert " simulated " not in page.locator(f"{LIVE} [data-live-state]").inner_text()
    expect(page.locator(LIVE)).to_have_attribute("data-state", "live", timeout=HEALED_MS)


@pytest.mark.prove
def test_what_a_card_shows_each_second_is_recorded(page: Page, site: Site) -> None:
    states = {victim: watched(page, site, victim) for victim in VICTIMS}
    DOCUMENT.write_text(document(states), encoding="utf-8")
    assert all(shown[-1].picture == "live" for shown in states.values())


def watched(page: Page, site: Site, victim: str) -> list[CardState]:
    """Each new state of the card while a part is down, and in the time after."""
    open_dashboard(page)
    shown: list[CardState] = []
    began = time.monotonic()
    with killed(site, victim):
        record_changes(page, shown, began, AWAY_S)
    record_changes(page, shown, began, AWAY_S + HEALING_S)
    return shown


def record_changes(page: Page, shown: list[CardState], began: float, until_s: float) -> None:
    """Append each new state of the card, checked four times a second."""
    while (at_s := time.monotonic() - began) < until_s:
        now = CardState(at_s, *page.evaluate(READ_CARD))
        if not shown or shown[-1].words != now.words:
            shown.append(now)
        page.wait_for_timeout(250)


HEAD = f"""# What the dashboard shows while parts are killed

A browser shows the dashboard with a live picture. At 0 s a part is killed with SIGKILL, and it is not restarted
for {AWAY_S:g} s. Each line is a new state of the camera's card. `make prove` writes this page.
"""
TABLE = "| s | card | picture | says | banner |\n|---|---|---|---|---|"


def document(states: dict[str, list[CardState]]) -> str:
    return "\n".join([HEAD, *(chapter(victim, shown) for victim, shown in states.items())])


def chapter(victim: str, shown: list[CardState]) -> str:
    rows = [f"| {one.at_s:.1f} | {' | '.join(one.words)} |" for one in shown]
    return "\n".join([f"## The {victim} is killed", "", TABLE, *rows, ""])
