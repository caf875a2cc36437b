"""While a session takes captures, the newest one is the picture; live pictures come by a link."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from cameras.status.messages import absent_status
from cameras.status.status import write_status
from captures.models import Capture, Session
from tests.harness.clients.pages import text_of
from tests.harness.rows.captures import file_of, saved

PAGE = "/cameras/sky/"
LIVE = 'data-live="sky"'


@pytest.fixture
def session(camera: Camera, root: Any, valkey: Any) -> Session:
    """A running session with one capture."""
    Camera.objects.update(capabilities={"stream": True})
    programme = {"exposure_us": 8_000_000, "delay_s": 12.0}
    session = Session.objects.create(camera=camera, state="running", programme=programme, started_at=timezone.now())
    file_of(saved(camera, session=session), root)
    return session


def well(client: Any, address: str = PAGE) -> str:
    return text_of(client.get(address)).partition('id="well-sky"')[2].partition("</section>")[0]


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}now/", "/"])
def test_the_picture_of_a_session_is_its_newest_capture(address: str, viewer: Any, session: Session) -> None:
    shown = well(viewer, address)
    assert f"/api/v1/captures/{Capture.objects.get().pk}/" in shown
    assert LIVE not in shown


def test_a_link_shows_live_pictures_and_another_the_captures(viewer: Any, session: Session) -> None:
    captures, live = text_of(viewer.get(PAGE)), text_of(viewer.get(f"{PAGE}?view=live"))
    assert f'href="{PAGE}?view=live"' in captures
    assert LIVE in live
    assert f'hx-get="{PAGE}now/?view=live"' in live
    assert "Newest capture" in live
    assert LIVE in well(viewer, f"{PAGE}now/?view=live")


@pytest.mark.parametrize("state", ["paused", "finished"])
def test_a_camera_that_takes_no_captures_is_live(state: str, viewer: Any, session: Session) -> None:
    Session.objects.update(state=state)
    shown = text_of(viewer.get(PAGE))
    assert LIVE in shown
    assert "view=live" not in shown


def test_a_camera_whose_preview_would_disturb_its_session_offers_no_live_picture(viewer: Any, session: Session) -> None:
    Camera.objects.update(capabilities={"preview": True})
    shown = text_of(viewer.get(PAGE))
    assert LIVE not in shown
    assert "view=live" not in shown


def test_before_its_first_capture_the_page_waits_for_that(viewer: Any, session: Session, valkey: Any) -> None:
    Capture.objects.all().delete()
    write_status(valkey, {**absent_status("sky", "connected", ""), "observed": "busy"})
    assert "Waiting for the first capture" in well(viewer)
