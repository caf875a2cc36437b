"""The gates of a camera on its page."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.gates.gate import GateStatus
from cameras.models import Camera
from cameras.status import status
from captures.models import Session
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.rows.gates import CLOSED, OPEN, PAUSED, status_with
from tests.harness.stations.command_line import skycam

PAGE = "/cameras/sky/"


def report_gates(server: Any, *gates: GateStatus, session: Any = None) -> None:
    status.write_status(server, status_with(*gates, session=session))


@pytest.fixture
def session(camera: Camera) -> Session:
    """A running session, whose next capture is overdue."""
    begun = timezone.now() - timedelta(hours=1)
    return Session.objects.create(
        camera=camera, name="Perseids", state="running", programme={"exposure_us": 8_000_000, "delay_s": 12.0},
        started_at=begun, next_at=begun + timedelta(minutes=4), planned=12, saved=12,
    )  # fmt: skip


def panel(client: Any, page: str = PAGE) -> str:
    return text_of(client.get(page)).partition('id="gates"')[2].partition("</section>")[0]


def test_the_page_shows_each_gate_with_its_value(viewer: Any, camera: Camera, valkey: Any) -> None:
    report_gates(valkey, OPEN, CLOSED)
    shown = panel(viewer)
    for text in ("wind", "Open", "3.25", "rain", "Closed", "0.4", "The gate rain is closed: 0.4 is above 0.2."):
        assert text in shown
    assert "hidden" not in shown.partition(">")[0]


def test_an_unknown_value_is_named_and_words_are_text(viewer: Any, camera: Camera, valkey: Any) -> None:
    report_gates(valkey, {**CLOSED, "value": None}, {**OPEN, "value": MARKUP})
    shown = panel(viewer)
    assert "value unknown" in shown
    assert MARKUP not in shown


def test_without_gates_the_panel_is_hidden(viewer: Any, camera: Camera, valkey: Any) -> None:
    report_gates(valkey)
    assert "hidden" in panel(viewer).partition(">")[0]


def test_the_panel_refreshes_itself(viewer: Any, camera: Camera, valkey: Any) -> None:
    report_gates(valkey, CLOSED)
    assert "The gate rain is closed" in panel(viewer, f"{PAGE}now/")


@pytest.mark.parametrize("path", ["/", PAGE, "/sessions/{}/", "/sessions/{}/now/"])
def test_a_session_that_a_gate_pauses_says_so(viewer: Any, session: Session, valkey: Any, path: str) -> None:
    report_gates(valkey, CLOSED, session=session.pk)
    shown = " ".join(text_of(viewer.get(path.format(session.pk))).split())
    assert re.search(rf"{re.escape(PAUSED[0])}[^(]*\d\d:\d\d:\d\d {re.escape(PAUSED[1])}", shown), shown
    assert "overdue" not in shown
    assert "Every planned capture was saved" not in shown


def test_the_command_line_shows_the_same_with_the_zone_of_the_time(session: Session, valkey: Any) -> None:
    report_gates(valkey, CLOSED, session=session.pk)
    shown = skycam("--utc", "sessions", "show", str(session.pk)).stdout
    assert f"{PAUSED[0]}2026-11-22 20:30:00 UTC {PAUSED[1]}" in shown


@pytest.mark.parametrize("path", ["/", PAGE])
def test_the_chip_of_a_camera_names_the_closed_gate(viewer: Any, session: Session, valkey: Any, path: str) -> None:
    report_gates(valkey, CLOSED, session=session.pk)
    assert "Gate closed" in text_of(viewer.get(path))
    report_gates(valkey, OPEN, session=session.pk)
    assert "Gate closed" not in text_of(viewer.get(path))


def test_a_session_behind_an_open_gate_is_overdue(viewer: Any, session: Session, valkey: Any) -> None:
    report_gates(valkey, OPEN, session=session.pk)
    assert "overdue" in text_of(viewer.get(f"/sessions/{session.pk}/"))
