"""`static/js/live.js` in a real browser, on a page with the strictest policy."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie

import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.harness.browsers.chromium import ARGUMENTS, CHROMIUM, PATIENCE_MS
from tests.harness.browsers.page_server import PageServer, page_server
from tests.harness.browsers.site import signed_in
from tests.harness.clients.viewers import received_further, watching
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

pytestmark = pytest.mark.asyncio(loop_scope="module")
STATE = "figure[data-state={}]"
NUMBER = "Number(document.querySelector('[data-live-number]').textContent)"
PIXELS = """() => {
    const shown = document.querySelector('canvas');
    const canvas = new OffscreenCanvas(64, 64), context = canvas.getContext('2d');
    context.drawImage(shown, 0, 0, 64, 64);
    return new Set(context.getImageData(0, 0, 64, 64).data).size;
}"""
NOTE_CHANGES = """() => {
    window.changes = [];
    document.addEventListener('live:change', ({detail}) => window.changes.push(detail.state));
}"""
SWAP_IN_ANOTHER = """() => {
    const old = document.querySelector('figure'), other = old.cloneNode(true);
    other.dataset.quality = 'high';
    old.replaceWith(other);
}"""
SEVEN = """() => {
    document.body.style.zoom = 0.1;  // views out of sight pause
    const first = document.querySelector('figure');
    for (let further = 1; further < 7; further++) first.before(first.cloneNode(true));
}"""
A_MINUTE_LATER = """(clock) => {
    const now = clock.now.bind(clock);
    clock.now = () => now() + 61000;
}"""
RETURN_A_MINUTE_LATER = f"""(clock) => {{
    ({A_MINUTE_LATER})(window[clock]);
    Object.defineProperty(document, 'visibilityState', {{value: 'visible', configurable: true}});
    document.dispatchEvent(new Event('visibilitychange'));
    return [document.querySelector('figure').dataset.state, document.querySelector('[data-live-age]').textContent];
}}"""
INTERVAL_AFTER = """async (pictures) => {
    const {Screen} = await import('/static/js/live-screen.js');
    const screen = new Screen(document.createElement('canvas'), () => {});
    for (const picture of pictures) screen.reportFrame(picture, null);
    return screen.intervalMs;
}"""
LOCALISED = """async ([message, mentions]) => {
    const { LiveView } = await import('/static/js/live.js');
    const view = { host: { dataset: { live: 'camera', name: 'Microscope' } } };
    return LiveView.prototype.localise.call(view, message, mentions);
}"""
AN_HOUR_MS = 3_600_000
BECOMES_TRUE = """() => new Promise((resolve) => {{
    const check = () => ({}) ? resolve() : setTimeout(check, 20);
    check();
}})"""
HIDE = """(hidden) => {
    Object.defineProperty(document, 'visibilityState', {value: hidden ? 'hidden' : 'visible', configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest_asyncio.fixture(loop_scope="module")
async def pages(station: Station) -> AsyncIterator[PageServer]:
    await asyncio.to_thread(connect, station)
    async with page_server(station.port) as served:
        yield served


def connect(station: Station) -> None:
    station.api.ask("POST", "cameras/simulated/connect/", {})


def disconnect(station: Station) -> None:
    station.api.ask("POST", "cameras/simulated/disconnect/", {})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        await found.close()


@pytest.fixture(scope="module")
def cookies(station: Station) -> SimpleCookie:
    """Those of one sign-in, for all windows: checking a password is slow."""
    return signed_in(f"http://127.0.0.1:{station.port}")


@pytest_asyncio.fixture(loop_scope="module")
async def page(pages: PageServer, browser: Browser, cookies: SimpleCookie) -> AsyncIterator[Page]:
    """The live page, signed in; no script may violate the policy or raise."""
    errors: list[str] = []
    found = await browser.new_page()
    found.set_default_timeout(PATIENCE_MS)
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("console", lambda line: errors.append(line.text) if "Policy" in line.text else None)
    await found.context.add_cookies(
        [{"name": name, "value": morsel.value, "url": pages.url} for name, morsel in cookies.items()]
    )
    await found.add_init_script(f"({NOTE_CHANGES})()")
    await found.goto(f"{pages.url}/live.html")
    yield found
    await found.context.close()
    assert errors == []


async def becomes(page: Page, state: str) -> None:
    await page.wait_for_selector(STATE.format(state))


async def holds(page: Page, expression: str) -> None:
    """Wait for an expression. Playwright's own wait evaluates text in the page, which the policy forbids."""
    async with asyncio.timeout(PATIENCE_S):
        await page.evaluate(BECOMES_TRUE.format(expression))


async def text(page: Page, name: str) -> str:
    return str(await page.text_content(f"[data-live-{name}]"))


async def advances(page: Page) -> None:
    """Another frame is drawn."""
    now = await page.evaluate(NUMBER)
    await holds(page, f"{NUMBER} !== {now}")


@pytest.mark.promise("live")
async def test_pictures_advance_and_show_their_age(page: Page) -> None:
    await becomes(page, "live")
    await advances(page)
    await holds(page, "parseFloat(document.querySelector('[data-live-fps]').textContent) > 0")
    await holds(page, "parseFloat(document.querySelector('[data-live-age]').textContent) >= 0")
    await holds(page, "/^\\d+ ms$/.test(document.querySelector('[data-live-latency]').textContent)")
    assert await page.evaluate(PIXELS) > 10
    assert await page.get_attribute("figure", "data-simulated") == ""


async def test_a_stale_picture_is_marked_with_its_time(page: Page, station: Station) -> None:
    await becomes(page, "live")
    camera = await asyncio.to_thread(station.cameras.process)
    camera.suspend()
    try:
        await becomes(page, "stale")
        message = await text(page, "state")
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):  # the station replaces a process that hangs for long
            camera.resume()
    assert message.startswith("No picture since ")
    await becomes(page, "live")


async def test_the_time_after_a_stale_picture_is_no_interval_of_the_camera(page: Page) -> None:
    stale, fresh, next_one = ({"stationMs": at} for at in (0, AN_HOUR_MS, AN_HOUR_MS + 200))
    assert await page.evaluate(INTERVAL_AFTER, [stale | {"stale": True}, fresh]) == 0
    assert await page.evaluate(INTERVAL_AFTER, [stale | {"stale": True}, fresh, next_one]) == 200


async def test_a_message_names_the_camera_where_the_station_says(page: Page) -> None:
    message = "🔭 The camera host of camera does not answer. Type `skycam connect camera`."
    begin = message.index("camera does")
    found = await page.evaluate(LOCALISED, [message, [[begin, begin + len("camera")]]])
    assert found == "🔭 The camera host of Microscope does not answer. Type `skycam connect camera`."


async def test_a_disconnected_camera_is_reported_and_comes_back(page: Page, station: Station) -> None:
    await becomes(page, "live")
    await asyncio.to_thread(disconnect, station)
    await page.wait_for_selector("figure[data-state=stale][data-reason=disconnected]")
    await page.evaluate(SWAP_IN_ANOTHER)
    await page.wait_for_selector("figure[data-state=no-frame][data-reason=disconnected]")
    assert "Connect it to see pictures." in await text(page, "state")
    await asyncio.to_thread(connect, station)
    await becomes(page, "live")


async def test_it_recovers_when_the_web_part_is_killed(page: Page, station: Station) -> None:
    await becomes(page, "live")
    await advances(page)
    killed = await asyncio.to_thread(station.pid_of_running, "web")
    os.kill(killed, signal.SIGKILL)
    await asyncio.to_thread(station.pid_of_running, "web", killed)
    await becomes(page, "live")
    await advances(page)
    assert await page.get_attribute("figure", "data-transport") == "socket"


async def test_it_pauses_while_hidden_and_resumes(page: Page, station: Station) -> None:
    await becomes(page, "live")
    await page.evaluate(HIDE, True)
    stopped = await settled(page, station)
    await page.evaluate(HIDE, False)
    await holds(page, f"{NUMBER} > {stopped}")


@pytest.mark.parametrize("clock", ["performance", "Date"])
async def test_a_picture_that_grew_old_while_the_page_was_hidden_is_stale_when_it_is_shown(
    page: Page, clock: str
) -> None:
    """While a laptop sleeps, only the wall clock goes on."""
    await becomes(page, "live")
    await page.evaluate(HIDE, True)
    state, age = await page.evaluate(RETURN_A_MINUTE_LATER, clock)
    assert state == "stale"
    assert int(age.removesuffix(" s")) > 60
    await becomes(page, "live")
    await holds(page, "window.changes.at(-1) === 'live'")


async def settled(page: Page, station: Station) -> int:
    """The frame number, once the page draws none while another viewer receives ten."""
    last = -1
    async with asyncio.timeout(PATIENCE_S), watching(station, 1) as seen:
        while (number := int(await page.evaluate(NUMBER))) != last:
            last = number
            await received_further(seen, 10)
    return last


async def test_it_pauses_out_of_sight(page: Page, station: Station) -> None:
    await becomes(page, "live")
    await page.evaluate("document.querySelector('figure').style.marginTop = '5000px'")
    stopped = await settled(page, station)
    await page.evaluate("document.querySelector('figure').style.marginTop = ''")
    await holds(page, f"{NUMBER} > {stopped}")


async def test_where_websockets_are_blocked_it_uses_mjpeg(page: Page, pages: PageServer) -> None:
    await without_websockets(page, pages)
    assert await page.evaluate(PIXELS) > 10


async def test_the_stream_goes_on_while_a_blocked_websocket_is_tried(page: Page, pages: PageServer) -> None:
    await without_websockets(page, pages)
    await page.evaluate("window.canvas = document.querySelector('canvas')")
    refused = pages.refused
    await page.evaluate(f"({A_MINUTE_LATER})(performance)")
    await eventually_in_loop(lambda: pages.refused > refused, "the WebSocket was tried")
    await advances(page)
    assert await page.evaluate("window.canvas === document.querySelector('canvas')")


async def test_it_returns_to_websockets_when_they_are_no_longer_blocked(page: Page, pages: PageServer) -> None:
    await without_websockets(page, pages)
    pages.blocks_websockets = False
    await page.evaluate(f"({A_MINUTE_LATER})(performance)")
    await page.wait_for_selector("figure[data-transport=socket][data-state=live]")
    await advances(page)


async def test_a_stale_mjpeg_picture_is_marked_too(page: Page, pages: PageServer, station: Station) -> None:
    await without_websockets(page, pages)
    await asyncio.to_thread(disconnect, station)
    await becomes(page, "stale")
    await asyncio.to_thread(connect, station)
    await becomes(page, "live")


async def test_an_mjpeg_stream_that_ended_is_stale_and_opened_again(page: Page, pages: PageServer) -> None:
    await without_websockets(page, pages)
    pages.blocks_streams = True
    await pages.hang_up()
    await becomes(page, "stale")
    pages.blocks_streams = False
    await becomes(page, "live")
    await advances(page)


async def test_a_page_without_websockets_leaves_connections_for_other_requests(page: Page, pages: PageServer) -> None:
    await without_websockets(page, pages)
    await page.evaluate(SEVEN)
    await holds(page, "document.querySelectorAll('figure[data-reason=no_websockets]').length === 3")
    assert len(await page.query_selector_all("figure[data-transport=mjpeg]")) == 4
    async with asyncio.timeout(PATIENCE_S):
        assert await page.evaluate("fetch('/api/v1/cameras/simulated/status/').then((answer) => answer.ok)")
    await page.evaluate("document.querySelector('figure[data-state=live]').remove()")
    await holds(page, "document.querySelectorAll('figure[data-reason=no_websockets]').length === 2")


async def test_a_view_that_pauses_often_has_one_stream(page: Page, pages: PageServer) -> None:
    await without_websockets(page, pages)
    [await page.evaluate(HIDE, hidden) for hidden in (True, False) * 5]
    await advances(page)
    assert pages.streams == 1


async def test_an_outage_of_the_web_part_is_not_taken_for_blocked_websockets(page: Page, pages: PageServer) -> None:
    pages.blocks_websockets = pages.is_down = True
    await page.reload()
    await page.wait_for_selector("figure[data-state=offline][data-reason=unreachable]")
    await eventually_in_loop(lambda: pages.refused > 4, "it has tried often enough")
    assert await page.get_attribute("figure", "data-transport") == "socket"


async def without_websockets(page: Page, pages: PageServer) -> None:
    """Block WebSockets, and wait until the page uses MJPEG."""
    pages.blocks_websockets = True
    await page.reload()
    await page.wait_for_selector("figure[data-transport=mjpeg][data-state=live] canvas")


async def test_another_quality_needs_no_new_page(page: Page) -> None:
    await becomes(page, "live")
    await page.evaluate("document.querySelector('figure').dataset.quality = 'low'")
    await holds(page, "document.querySelector('canvas').width <= 640")


async def test_a_view_that_is_swapped_in_starts_and_one_swapped_out_ends(page: Page) -> None:
    await becomes(page, "live")
    await page.evaluate("document.body.innerHTML = document.body.innerHTML")
    await page.evaluate("document.querySelector('figure').removeAttribute('data-state')")
    await becomes(page, "live")
    await advances(page)


async def test_without_an_offscreen_canvas_it_draws_on_the_main_thread(page: Page) -> None:
    await page.add_init_script("delete HTMLCanvasElement.prototype.transferControlToOffscreen")
    await page.reload()
    await becomes(page, "live")
    await advances(page)


async def test_without_an_offscreen_canvas_and_websockets_it_still_draws(page: Page, pages: PageServer) -> None:
    await page.add_init_script("delete HTMLCanvasElement.prototype.transferControlToOffscreen")
    await without_websockets(page, pages)
    await advances(page)


async def test_a_signed_out_viewer_sees_why(page: Page) -> None:
    await becomes(page, "live")
    await page.context.clear_cookies()
    await page.reload()
    await page.wait_for_selector("figure[data-state=offline][data-reason=signed_out]")
    assert "Sign in" in await text(page, "state")


async def test_an_unknown_camera_is_reported(page: Page) -> None:
    await page.evaluate("document.querySelector('figure').dataset.live = 'none'")
    await page.wait_for_selector("figure[data-state=offline][data-reason=not_found]")
