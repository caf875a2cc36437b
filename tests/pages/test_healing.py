"""The dashboard in a real browser while parts of the station are killed: what a card shows, and that it recovers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.harness.browsers.site import Site
from tests.harness.project import PROJECT

DOCUMENT = PROJECT / "docs" / "measurements" / "healing.md"
LIVE = "#cam-simulated .live"
STALE = f"{LIVE}[data-state=stale]"
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
    const seconds = (name) => {{
        const found = document.querySelector(name).textContent.match(/..:..:../);
        return found ? Date.parse("1970-01-01T" + found[0] + "Z") / 1000 : NaN;
    }};
    return (seconds("#clock [data-clock]") - seconds("{STALE} [data-live-state]") + 86400) % 86400;
}}"""
ZONES_DIFFER_S = 900
"""The clocks of two zones differ by a multiple of a quarter of an hour."""


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


@pytest.fixture(autouse=True)
def whole_again(site: Site) -> Iterator[None]:
    """Other tests share the station."""
    yield
    site.station.running_pids()
    site.station.cameras.eventually_ready()


def open_dashboard(page: Page) -> None:
    page.goto("/")
    is_live(page)


def is_live(page: Page) -> None:
    expect(page.locator(LIVE)).to_have_attribute("data-state", "live")


@contextmanager
def stopped(*processes: psutil.Process) -> Iterator[None]:
    """The processes stand still until the block ends."""
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in reversed(processes):
            with suppress(psutil.NoSuchProcess):  # on a busy machine it may have been replaced as one that hangs
                process.resume()


@contextmanager
def killed(site: Site, victim: str) -> Iterator[None]:
    """Kill a part, or the process of the simulated camera. It is not restarted before the block ends, because those who
    would do so are stopped."""
    station = site.station
    assert station.process
    watching = [psutil.Process(station.process.pid)]
    if victim == "camera":
        target = station.cameras.process()
        watching.append(station.part("cameras"))
    else:
        target = station.part(victim)
    with stopped(*watching):
        target.kill()
        yield


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_card_says_that_its_picture_is_stale_and_recovers(victim: str, page: Page, site: Site) -> None:
    open_dashboard(page)
    with killed(site, victim):
        expect(page.locator(STALE)).to_contain_text("No picture since ")
    is_live(page)
    expect(page.locator("#connection")).to_be_hidden()


def test_a_stale_picture_is_dated_by_the_stations_clock(page: Page, site: Site) -> None:
    browser = page.context.new_cdp_session(page)
    browser.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kathmandu"})
    open_dashboard(page)
    with killed(site, "camera"):
        expect(page.locator(STALE)).to_contain_text("No picture since ")
        assert page.evaluate(SINCE_S) < ZONES_DIFFER_S
    is_live(page)


def test_the_reason_for_a_missing_picture_names_the_camera(page: Page, site: Site) -> None:
    open_dashboard(page)
    with killed(site, "camera"):
        expect(page.locator(f"{LIVE} [data-live-state]")).to_contain_text(" Simulated camera ")
        assert " simulated " not in page.locator(f"{LIVE} [data-live-state]").inner_text()
    is_live(page)


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
