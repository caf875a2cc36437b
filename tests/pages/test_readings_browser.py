"""The page of readings in a real browser, on a real station."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.harness.browsers.inspection import brightest_other_than_red, drawn_at, overflowing, violations_in_themes
from tests.harness.browsers.sensor_rows import sensor_rows
from tests.harness.browsers.site import Site, in_theme
from tests.harness.waiting import eventually

BEGIN_S = 1_780_000_000
SPAN_S = 100
FROM_TO = "from=2026-05-28T20:26:40Z&to=2026-05-28T20:28:20Z"
API = "**/api/v1/readings/?*"
TEMPERATURE, HUMIDITY = ('[data-quantity="temperature"]', '[data-quantity="humidity"]')


@pytest.fixture(scope="module", autouse=True)
def sensors(site: Site) -> Iterator[None]:
    with sensor_rows(site):
        yield


def channel(quantity: str, values: list[float | None]) -> dict[str, Any]:
    """A channel with a value each second from BEGIN_S."""
    number = len(values)
    return {
        "sensor": "roof", "channel": "bus", "quantity": quantity, "unit": "u", "label": "bus", "sensor_label": "Roof",
        "quantity_label": quantity.capitalize(), "digits": 1, "interval_s": 1.0,
        "points": {
            "t": [BEGIN_S + second for second in range(number)], "mean": values, "min": values, "max": values,
            "count": [1] * number, "quality": [0] * number,
        },
    }  # fmt: skip


def answer(*channels: Any) -> dict[str, Any]:
    return {"bucket_s": 0, "source": "raw", "complete": True, "channels": channels}


def shown(page: Page, query: str, *channels: Any) -> None:
    """The page, with these channels instead of those of the station."""
    page.route(API, lambda route: route.fulfill(json=answer(*channels)))
    page.goto(f"/readings/?{query}")
    expect(page.locator(".chart canvas")).to_have_count(len(channels))


def range_of(url: str) -> list[str]:
    query = parse_qs(urlsplit(url).query)
    return [*query["from"], *query["to"]]


def range_shown(page: Page) -> list[str]:
    """The range in the address of the page."""
    return range_of(page.evaluate("location.href"))


def test_the_last_hour_of_a_sensor_is_drawn_with_its_values_and_a_table(page: Page) -> None:
    page.goto("/readings/?range=hour")
    expect(page.locator(f"{TEMPERATURE} .values li")).to_have_text(
        [re.compile(r"Roof, bus11\.0 °C"), re.compile(r"Roof, lid11\.0 °C")]
    )
    expect(page.locator(f"{HUMIDITY} canvas")).to_be_visible()
    page.locator(TEMPERATURE).get_by_text("As a table").click()
    expect(page.locator(f"{TEMPERATURE} tbody tr").first.locator("td")).to_have_text(["11.0", "11.0"])
    expect(page.locator(f"{TEMPERATURE} tbody tr")).to_have_count(500)


def test_a_gap_is_drawn_as_a_gap(page: Page, site: Site) -> None:
    in_theme(page, site, "light")
    shown(page, FROM_TO, channel("temperature", [20.0] * 40 + [None] + [None] * 19 + [20.0] * 40))
    page.get_by_role("button", name="Marks").click()
    eventually(lambda: drawn_at(page, 0.2, 0.5, 0.8) == [True, False, True], "the gap is drawn")


def test_the_note_of_a_week_says_what_its_points_are(page: Page) -> None:
    week = {**answer(channel("temperature", [20.0] * SPAN_S)), "bucket_s": 1200, "source": "ten_minutes"}
    page.route(API, lambda route: route.fulfill(json=week))
    page.goto(f"/readings/?{FROM_TO}")
    expect(page.locator("#readings-note")).to_have_text(
        "Means of 20 min, from means of ten minutes; the bands are the lowest and highest values."
    )


def test_dragging_zooms_and_asks_for_the_new_range(page: Page) -> None:
    shown(page, FROM_TO, channel("temperature", [20.0] * SPAN_S))
    box = page.locator(".chart .u-over").bounding_box() or {}
    middle = box["y"] + 50
    page.mouse.move(box["x"] + box["width"] * 0.25, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=5)
    with page.expect_request(API) as request:
        page.mouse.up()
    asked = range_of(request.value.url)
    assert asked == range_shown(page)
    assert [text[:18] for text in asked] == ["2026-05-28T20:27:0", "2026-05-28T20:27:5"]
    with page.expect_request(API) as request:
        page.locator(".chart .u-over").dblclick()
    assert range_of(request.value.url) == ["2026-05-28T20:26:40.000Z", "2026-05-28T20:28:20.000Z"]


def test_the_wheel_zooms_around_the_pointer(page: Page) -> None:
    shown(page, FROM_TO, channel("temperature", [20.0] * SPAN_S))
    page.locator(".chart .u-over").hover()
    with page.expect_request(API) as request:
        page.mouse.wheel(0, -100)
    assert [text[:18] for text in range_of(request.value.url)] == ["2026-05-28T20:26:5", "2026-05-28T20:28:1"]


def test_keys_and_buttons_move_zoom_and_reset(page: Page) -> None:
    shown(page, FROM_TO, channel("temperature", [20.0] * SPAN_S))
    page.locator(".chart").focus()
    page.keyboard.press("ArrowRight")
    assert range_shown(page) == ["2026-05-28T20:27:05.000Z", "2026-05-28T20:28:45.000Z"]
    page.keyboard.press("+")
    assert range_shown(page) == ["2026-05-28T20:27:30.000Z", "2026-05-28T20:28:20.000Z"]
    page.get_by_role("button", name="Earlier").click()
    assert range_shown(page) == ["2026-05-28T20:27:17.500Z", "2026-05-28T20:28:07.500Z"]
    page.get_by_role("button", name="Reset").click()
    assert range_shown(page) == ["2026-05-28T20:26:40.000Z", "2026-05-28T20:28:20.000Z"]


def test_dragging_with_shift_moves_all_charts(page: Page) -> None:
    shown(page, FROM_TO, channel("temperature", [20.0] * SPAN_S))
    box = page.locator(".chart .u-over").bounding_box() or {}
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 50, steps=5)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert [text[:18] for text in range_shown(page)] == ["2026-05-28T20:27:3", "2026-05-28T20:29:1"]


def test_the_cross_hair_is_shared_by_all_charts(page: Page) -> None:
    values = [float(second) for second in range(SPAN_S)]
    shown(page, FROM_TO, channel("temperature", values), channel("humidity", values[::-1]))
    page.locator(f"{TEMPERATURE} .u-over").hover()
    expect(page.locator("#readings-at")).to_contain_text(re.compile(r"2026-05-28 \d\d:27:"))
    at = float(page.locator(f"{TEMPERATURE} .values b").inner_text().split()[0])
    assert 40 <= at <= 60
    expect(page.locator(f"{HUMIDITY} .values b")).to_have_text(f"{SPAN_S - 1 - at:.1f} u")
    page.mouse.move(0, 0)
    expect(page.locator(f"{TEMPERATURE} .values b")).to_have_text("99.0 u")


def test_an_answer_that_fails_is_said_and_tried_again(page: Page) -> None:
    page.clock.install()
    page.route(API, lambda route: route.fulfill(status=500))
    page.goto("/readings/?range=hour")
    expect(page.locator("#readings-note")).to_contain_text("Not updated")
    page.unroute(API)
    page.route(API, lambda route: route.fulfill(json=answer()))
    page.clock.fast_forward(11_000)
    expect(page.locator("#readings-note")).to_have_text("No readings in this range.")


def test_a_range_that_ends_now_is_loaded_again(page: Page) -> None:
    page.clock.install()
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request) if "/api/v1/readings/" in request.url else None)
    page.goto("/readings/?range=hour")
    expect(page.locator(".chart canvas")).to_have_count(2)

    def loaded_again() -> bool:
        # The page sets its timer at a moment after it has drawn the charts.
        page.clock.fast_forward(11_000)
        return len(requests) >= 2

    eventually(loaded_again, "the readings are loaded again")


def test_marks_are_listed_and_can_be_hidden(page: Page) -> None:
    event = {"at": "2026-05-28T20:27:00.000Z", "severity": "error", "message": "The disk <b>is</b> full."}
    session = {"begin": "2026-05-28T20:27:10.000Z", "end": None, "label": "Sky", "url": "/sessions/"}
    captures = [{"at": "2026-05-28T20:27:20.000Z", "camera": "Sky", "url": "/captures/1/"} for _ in range(2)]
    found = {"events": [event], "sessions": [session], "captures": captures, "few_captures": True, "complete": True}
    page.route("**/readings/marks/*", lambda route: route.fulfill(json=found))
    shown(page, FROM_TO, channel("temperature", [20.0] * SPAN_S))
    page.get_by_text("Marks: 1 warning, 1 session, 2 captures").click()
    expect(page.locator("#readings-marks a")).to_have_text(["Capture: Sky", "Capture: Sky", "Session: Sky"])
    expect(page.locator("#readings-marks")).to_contain_text("The disk <b>is</b> full.")
    page.get_by_role("button", name="Marks").click()
    expect(page.locator("#readings-marks")).to_be_hidden()


def test_the_page_is_accessible_in_each_theme_and_fits_a_phone(page: Page) -> None:
    page.goto("/readings/?range=hour")
    expect(page.locator(".chart canvas")).to_have_count(2)
    page.locator(TEMPERATURE).get_by_text("As a table").click()
    assert (violations_in_themes(page), overflowing(page, 390, 768)) == ({}, [])


def test_the_charts_are_red_in_the_red_theme(page: Page, site: Site) -> None:
    in_theme(page, site, "red")
    page.goto("/readings/?range=hour")
    expect(page.locator(".chart canvas")).to_have_count(2)
    assert brightest_other_than_red(page) == 0
