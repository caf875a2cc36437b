"""What port 8001 remembers of a camera's settings when answers to two changes overtake each other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.pixelink_service import readback

pytestmark = pytest.mark.django_db


@pytest.fixture
def camera() -> Camera:
    return Camera.objects.create(slug="scope", name="Scope", kind="simulated", host="main")


def told(seconds_ago: float, gain: float) -> Any:
    """An answer to `configure`, as the camera's process gives it."""
    read_at = (timezone.now() - timedelta(seconds=seconds_ago)).isoformat()
    return {"actual": {"gain": gain}, "read_at": read_at, "warnings": []}


def test_an_answer_that_was_overtaken_does_not_replace_the_newer_one(camera: Camera) -> None:
    readback.note(camera, told(0.1, gain=2))
    readback.note(camera, told(0.2, gain=1))
    assert readback.read_back(camera) == {"gain": 2}


def test_an_answer_from_before_the_clock_was_set_back_is_replaced(camera: Camera) -> None:
    readback.note(camera, told(-3600, gain=2))
    readback.note(camera, told(0.1, gain=1))
    assert readback.read_back(camera) == {"gain": 1}
