from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from cameras.drivers.base import FrameData
from cameras.live import api
from cameras.live.publisher import pack_picture
from cameras.models import Camera
from core.broker import broker
from tests.harness.waiting import PATIENCE_S, eventually

URL = "/api/v1/cameras/sky/frame.jpg"
FRAME = FrameData(image=np.zeros((2, 2), np.uint8), captured_ns=0, monotonic=0.0, number=7)


def camera_process(valkey: Any, quality: str) -> None:
    """A fake camera process: publishes pictures from the first request until one is received."""
    eventually(lambda: valkey.exists(broker.key("want", "sky", quality)))
    eventually(lambda: valkey.publish(broker.key("live", "sky", quality), pack_picture(FRAME, b"\xff\xd8 picture")))


@pytest.mark.parametrize(("query", "quality"), [("", "medium"), ("?quality=low", "low")])
def test_the_newest_picture_is_a_jpeg_and_is_not_stored(
    query: str, quality: str, viewer: Any, camera: Camera, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "FRAME_WAIT_S", PATIENCE_S)
    far_end = threading.Thread(target=camera_process, args=(valkey, quality))
    far_end.start()
    answer = viewer.get(URL + query)
    far_end.join()
    assert answer.status_code == 200
    assert answer.content == b"\xff\xd8 picture"
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "no-store"


def test_a_camera_without_pictures_is_not_reachable(
    viewer: Any, camera: Camera, valkey: Any, no_wait_for_frames: None
) -> None:
    answer = viewer.get(URL)
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/camera-not-reachable"


def test_without_a_broker_there_is_no_picture(viewer: Any, camera: Camera, no_wait_for_frames: None) -> None:
    assert viewer.get(URL).json()["type"] == "/problems/broker-down"


def test_an_unknown_quality_is_refused(viewer: Any, camera: Camera) -> None:
    assert viewer.get(f"{URL}?quality=best").json()["errors"][0]["field"] == "quality"
