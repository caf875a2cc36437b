"""The pages Nights: the calendar, the report of a night, and the same as one file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from playwright.sync_api import Browser, Request

from cameras.models import Camera
from captures.models import StorageRoot
from captures.thumbnails.store import SIZES, ThumbnailStore
from core.events.service import record_event
from tests.harness.browsers.html_check import html_errors
from tests.harness.browsers.inspection import overflowing, violations_in_themes
from tests.harness.clients.pages import text_of
from tests.harness.clients.people import jpeg
from tests.harness.rows.nights import (
    DUSK,
    MORNING,
    NIGHT,
    at_site,
    captures_in,
    files_of,
    gap_in,
    session_of,
    whole_session,
)

HOUR = timedelta(hours=1)
MEASURED = {"temperature_celsius": 4.5, "statistics": {"mean": 0.3, "saturated": 0.01}}


@pytest.fixture(autouse=True)
def morning(beside_a_browser: None, monkeypatch: pytest.MonkeyPatch, camera: Camera) -> None:
    at_site()
    monkeypatch.setattr(timezone, "now", lambda: MORNING)


@pytest.fixture
def rainy_night(camera: Camera, root: StorageRoot) -> None:
    """An hour of rain, a camera that hung, a person, and a thumbnail of each capture."""
    session = session_of(camera)
    made = captures_in(session, DUSK, 240, **MEASURED)
    gap_in(session, DUSK + 4 * HOUR, DUSK + 5 * HOUR, 60, "unsafe", "The gate rain is closed: 3.2 above 0.5.")
    captures_in(session, DUSK + 5 * HOUR, 30, "failed", reason="camera_hung", message="It <b>hung</b>.")
    made += captures_in(session, DUSK + 5.5 * HOUR, 270, **MEASURED)
    files_of(made, root)
    with ThumbnailStore(root.path) as store:
        store.write_thumbnail("0" * 64, SIZES[0], jpeg())
    record_event("command", "ada started a session.", camera=camera, actor="ada", at=DUSK)
    data = {"gate": "rain", "value": 3.2, "limit": 0.5}
    record_event("gate.closed", "The gate rain is closed.", data=data, at=DUSK + 4 * HOUR, camera=None)


def test_the_report_says_when_what_and_why(manager: Any, rainy_night: None) -> None:
    page = text_of(manager.get(f"/nights/{NIGHT}/"))
    assert "Incomplete: 510 of 600 captures of 1 camera saved. Largest loss: Sky, 22:00 to 23:00 CET" in page
    assert "It &lt;b&gt;hung&lt;/b&gt;." in page
    assert "ada started a session." in page
    assert "first night with a report" in page


def test_nobody_did_anything_only_where_the_events_reach_back_to_the_night(manager: Any) -> None:
    nobody, removed = "No one started, stopped or changed anything", "does not reach back to the begin of this night"
    page = text_of(manager.get(f"/nights/{NIGHT}/"))
    assert (nobody in page, removed in page) == (False, True)
    record_event("part.restarted", "Restarted.", at=DUSK - 24 * HOUR, camera=None)
    page = text_of(manager.get(f"/nights/{NIGHT}/"))
    assert (nobody in page, removed in page) == (True, False)


def test_a_night_in_the_future_and_an_empty_one_say_so(manager: Any) -> None:
    assert "This night has not begun." in text_of(manager.get("/nights/2027-03-01/"))
    assert "Nothing was planned and nothing was captured" in text_of(manager.get("/nights/2027-01-02/"))


@pytest.mark.parametrize("night", ["2027-02-30", "20270101", "0001-01-01", "9999-12-31", "tonight", "%00"])
def test_what_is_no_night_is_not_there(manager: Any, night: str) -> None:
    assert manager.get(f"/nights/{night}/").status_code == 404
    assert manager.get(f"/nights/{night}/report.html").status_code == 404
    assert manager.get(f"/nights/go/?night={night}").status_code == 404
    assert manager.get(f"/api/v1/nights/{night}/").status_code == 400


def test_one_camera_can_be_chosen_and_a_hidden_one_is_not_there(viewer: Any, camera: Camera, rainy_night: None) -> None:
    other = Camera.objects.create(slug="other", name="Other", kind="simulated", host=camera.host)
    whole_session(other)
    assert viewer.get(f"/api/v1/nights/{NIGHT}/?camera=other").json()["planned"] == 600
    assert viewer.get(f"/api/v1/nights/{NIGHT}/").json()["planned"] == 1200
    Camera.objects.filter(slug="other").update(restricted=True)
    assert viewer.get(f"/api/v1/nights/{NIGHT}/?camera=other").status_code == 400
    assert viewer.get(f"/nights/{NIGHT}/?camera=other").status_code == 404
    assert viewer.get(f"/nights/{NIGHT}/report.html?camera=other").status_code == 404
    assert viewer.get(f"/api/v1/nights/{NIGHT}/").json()["planned"] == 600
    assert "Other" not in text_of(viewer.get(f"/nights/{NIGHT}/report.html"))


def test_the_form_jumps_to_a_night(manager: Any) -> None:
    assert manager.get(f"/nights/go/?night={NIGHT}")["Location"] == f"/nights/{NIGHT}/"


def test_the_calendar_has_each_night_with_a_link(manager: Any, rainy_night: None) -> None:
    page = text_of(manager.get("/nights/?month=2027-01"))
    assert f'href="/nights/{NIGHT}/"' in page
    assert "85 %" in page
    assert "?month=2026-12" in page


@pytest.mark.parametrize("month", ["2027", "2027-13", "1900-01", "x" * 5000, "2027-1"])
def test_a_wrong_month_is_refused_with_a_sentence(manager: Any, month: str) -> None:
    answer = manager.get("/nights/", {"month": month})
    assert answer.status_code == 400
    assert "is not a month. Write one such as 2026-11" in text_of(answer)
    assert manager.get("/api/v1/nights/", {"month": month}).status_code == 400


def test_the_body_has_the_losses_and_the_curves(viewer: Any, rainy_night: None) -> None:
    body = viewer.get(f"/api/v1/nights/{NIGHT}/").json()
    assert [(loss["kind"], loss["reason"], loss["count"]) for loss in body["losses"]] == [
        ("gap", "unsafe", 60),
        ("failed", "camera_hung", 30),
    ]
    [camera] = body["cameras"]
    assert [curve["label"] for curve in camera["curves"]] == [
        "Exposure",
        "Mean brightness",
        "Saturated pixels",
        "Camera",
    ]
    assert (camera["bytes"], len(camera["thumbnails"]), body["percent"]) == (510_000, 24, 85)


def test_the_pages_are_valid_html(manager: Any, rainy_night: None, html_validate: Path, tmp_path: Path) -> None:
    for name, address in {"nights": "/nights/", "night": f"/nights/{NIGHT}/", "later": "/nights/2027-03-01/"}.items():
        (tmp_path / f"{name}.html").write_text(text_of(manager.get(address)))
    assert html_errors(html_validate, tmp_path) == ""


def test_a_night_of_four_cameras_takes_the_queries_of_one(manager: Any, camera: Camera, root: StorageRoot) -> None:
    """With 2,500 captures of one of them, more than are read at once; the other night has ten."""
    files_of(captures_in(session_of(camera), DUSK - 3 * HOUR, 10, **MEASURED), root)
    queries(manager)  # the first page of a test reads settings that are kept
    few = queries(manager)
    others = [Camera(slug=f"c{n}", name=f"C{n}", kind="simulated", host=camera.host) for n in range(3)]
    for one, number in zip([camera, *Camera.objects.bulk_create(others)], (2500, 50, 50, 50), strict=True):
        files_of(captures_in(session_of(one), DUSK, number, every_s=14, **MEASURED), root)
    assert queries(manager) == few


def queries(client: Any) -> int:
    with CaptureQueriesContext(
        connection,
    ) as counted:
        assert client.get(f"/nights/{NIGHT}/").status_code == 200
    return len(counted)


@pytest.fixture
def file(manager: Any, rainy_night: None, tmp_path: Path) -> Path:
    path = tmp_path / "night.html"
    path.write_bytes(manager.get(f"/nights/{NIGHT}/report.html").content)
    return path


def test_the_file_is_a_download_that_may_load_nothing(manager: Any, rainy_night: None) -> None:
    answer = manager.get(f"/nights/{NIGHT}/report.html")
    assert answer["Content-Disposition"] == f'attachment; filename="night-{NIGHT}.html"'
    assert answer["Content-Security-Policy"].startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert len(answer.content) < 3_000_000


def test_the_file_opens_without_a_station(file: Path, chromium: Browser) -> None:
    """With its styles and pictures, without a request or an error, and without barriers in any theme."""
    context = chromium.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page, requests, errors = context.new_page(), list[Request](), list[str]()
    page.on("request", lambda request: requests.append(request))
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    outside = [request.url for request in requests if not request.url.startswith(("data:image/jpeg;base64,", "file:"))]
    assert (outside, errors) == ([], [])
    assert len([request for request in requests if request.url.startswith("file:")]) == 1
    assert page.evaluate("[...document.images].filter((image) => image.naturalWidth).length") == 24
    assert page.evaluate("getComputedStyle(document.querySelector('.night-work .covered')).fill") != "rgb(0, 0, 0)"
    assert page.locator(".night-outcome use").first.evaluate("(use) => use.getBBox().width") > 0
    assert overflowing(page, 1200, 390) == []
    context.close()
    context = chromium.new_context(offline=True, bypass_csp=True)
    page = context.new_page()
    page.goto(file.as_uri())
    assert violations_in_themes(page) == {}
    context.close()
