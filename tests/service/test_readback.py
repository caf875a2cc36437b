"""Camera settings on port 8001 when the answers to two changes overtake each other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.pixelink_service import served_camera

pytestmark = pytest.mark.django_db


@pytest.fixture
def camera() -> Camera:
    return Camera.objects.create(slug="scope", name="Scope", kind="simulated", host="main")


def configure_answer(at: datetime, gain: float) -> Any:
    """An answer to `configure`, as the camera process sends it."""
    return {"actual": {"gain": gain}, "read_at": at.isoformat(), "warnings": []}


def test_an_older_answer_does_not_replace_a_newer_one(camera: Camera) -> None:
    now = timezone.now()
    served_camera.record_answer(camera, configure_answer(now, gain=2))
    served_camera.record_answer(camera, configure_answer(now - timedelta(seconds=0.1), gain=1))
    assert served_camera.read_back(camera) == {"gain": 2}


def test_an_answer_from_before_the_clock_was_set_back_is_replaced(camera: Camera) -> None:
    served_camera.record_answer(camera, configure_answer(timezone.now() + timedelta(hours=1), gain=2))
    served_camera.record_answer(camera, configure_answer(timezone.now(), gain=1))
    assert served_camera.read_back(camera) == {"gain": 1}
