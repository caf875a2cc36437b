"""Exposure control on the camera's page: settings, limits, and the curves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera
from captures.models import Capture, Session
from tests.harness.browsers.html_check import html_errors
from tests.harness.clients.pages import text_of

PANEL, PAGE = "/cameras/sky/exposure/", "/cameras/sky/"
CONTROL = {
    "target": 0.3, "measure": "mean", "exposure_us": [50, 20_000_000], "iso": [100, 3200],
    "order": ["exposure_us", "iso"], "damping": 0.3, "hysteresis_ev": 0.25,
}  # fmt: skip


@pytest.fixture
def automatic(camera: Camera) -> Session:
    camera.capabilities = {
        "settings": {"exposure_us": {"minimum": 20, "maximum": 30_000_000}, "iso": {"choices": [100, 800, 3200]}}
    }
    camera.save()
    programme = {"exposure_us": 1000, "cadence_s": 30.0, "control": CONTROL}
    found: Session = Session.objects.create(camera=camera, programme=programme, state="running")
    return found


def add_capture(session: Session, index: int = 0, exposure_us: int = 8_000_000, **fields: Any) -> Capture:
    values = {"statistics": {"mean": 0.28, "median": 0.2, "saturated": 0.005}, "iso": 800, **fields}
    at = timezone.now() - timedelta(minutes=10 - index)
    found: Capture = Capture.objects.create(
        camera=session.camera, session=session, index=index, status="saved", started_at=at, exposure_us=exposure_us,
        **values,
    )  # fmt: skip
    return found


def test_the_panel_has_target_brightness_settings_and_limits(viewer: Any, automatic: Session) -> None:
    add_capture(automatic)
    shown = " ".join(text_of(viewer.get(PANEL)).split())
    for text in ("automatic", "0.30 of full scale (mean)", "0.28 (mean)", "exposure 8 s, ISO 800"):
        assert text in shown
    assert shown.index("1. Exposure</dt><dd>50 µs to 20 s") < shown.index("2. ISO</dt><dd>100 to 3200")
    assert "limits: it cannot" not in shown


def test_the_measure_that_is_controlled_is_shown_beside_the_target(viewer: Any, automatic: Session) -> None:
    automatic.programme = {**automatic.programme, "control": {**CONTROL, "measure": "percentile", "percentile": 90}}
    automatic.save()
    add_capture(automatic, statistics={"mean": 0.24, "median": 0.2, "controlled": 0.31, "saturated": 0.0})
    shown = " ".join(text_of(viewer.get(PANEL)).split())
    for text in ("0.30 of full scale (percentile)", "0.31 (percentile)"):
        assert text in shown
    assert '<polyline class="brightness" points="0,69' in text_of(viewer.get(PANEL))


def test_settings_at_their_upper_limits_are_said(viewer: Any, automatic: Session) -> None:
    add_capture(automatic, exposure_us=20_000_000, iso=3200)
    assert "At its upper limits: it cannot get brighter." in text_of(viewer.get(PANEL))


def test_the_limit_of_the_camera_counts_as_well(viewer: Any, automatic: Session) -> None:
    automatic.programme = {**automatic.programme, "control": {**CONTROL, "exposure_us": [50, 3_600_000_000]}}
    automatic.save()
    add_capture(automatic, exposure_us=30_000_000, iso=3200)
    assert "At its upper limits: it cannot get brighter." in text_of(viewer.get(PANEL))


def test_settings_at_their_lower_limits_are_said(viewer: Any, automatic: Session) -> None:
    add_capture(automatic, exposure_us=50, iso=100)
    assert "At its lower limits: it cannot get darker." in text_of(viewer.get(PANEL))


def test_the_curves_are_drawn_with_the_target(viewer: Any, automatic: Session) -> None:
    add_capture(automatic)
    add_capture(automatic, 1, exposure_us=9_000_000)
    shown = text_of(viewer.get(PANEL))
    assert '<line class="target" x1="0" x2="1000" y1="70.0000" y2="70.0000"' in shown
    assert '<polyline class="exposure" points="0,' in shown
    assert '<polyline class="brightness" points="0,72 ' in shown
    assert '<polyline class="saturated"' in shown


def test_the_median_is_compared_if_it_is_the_measure(viewer: Any, automatic: Session) -> None:
    automatic.programme = {**automatic.programme, "control": {**CONTROL, "measure": "median"}}
    automatic.save()
    add_capture(automatic)
    assert "0.20 (median)" in text_of(viewer.get(PANEL))


def test_fixed_settings_have_the_curve_of_their_brightness(viewer: Any, camera: Camera) -> None:
    fixed = Session.objects.create(camera=camera, programme={"exposure_us": 1000}, state="finished")
    add_capture(fixed)
    shown = text_of(viewer.get(PANEL))
    assert "fixed; no session is running" in shown
    assert '<polyline class="brightness"' in shown
    assert '<polyline class="exposure"' not in shown
    assert 'class="target"' not in shown


def test_without_statistics_the_panel_says_so(viewer: Any, camera: Camera) -> None:
    fixed = Session.objects.create(camera=camera, programme={"exposure_us": 1000}, state="running")
    add_capture(fixed, statistics=None)
    assert "The brightness of these captures was not measured." in text_of(viewer.get(PANEL))


def test_without_captures_the_panel_says_what_makes_them(viewer: Any, camera: Camera) -> None:
    assert "No session has saved a picture in the last 12 hours." in text_of(viewer.get(PAGE))


def test_a_table_has_the_same_values(viewer: Any, automatic: Session) -> None:
    add_capture(automatic)
    table = text_of(viewer.get(PANEL)).partition('id="exposure-table"')[2]
    assert "<td>exposure 8 s, ISO 800</td>" in table
    assert '<td class="num">0.28</td>' in table
    assert '<td class="num">0.005</td>' in table


def test_the_number_of_queries_does_not_grow_with_the_captures(viewer: Any, automatic: Session) -> None:
    add_capture(automatic)
    viewer.get(PANEL)
    with CaptureQueriesContext(connection) as few:
        viewer.get(PANEL)
    add_capture(automatic, 1)
    add_capture(automatic, 2)
    with CaptureQueriesContext(connection) as many:
        viewer.get(PANEL)
    assert len(many) == len(few)


def test_the_page_is_valid_html(html_validate: Path, viewer: Any, automatic: Session, tmp_path: Path) -> None:
    add_capture(automatic)
    Camera.objects.update(capabilities={})
    (tmp_path / "camera.html").write_text(text_of(viewer.get(PAGE)))
    assert html_errors(html_validate, tmp_path) == ""
