"""What a camera process publishes for live view: each watched quality once per frame, at its rate."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any, cast

import cv2
import numpy as np
import pytest
import redis
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import FrameData
from cameras.live.presets import LOWER_FPS_ONLY, PRESETS, FrameRateLimiter, Preset, presets_of
from cameras.live.publisher import FRAME_HEADER, LOWERED, LivePublisher
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.consumers import Context
from core.broker import broker
from tests.harness.waiting import PATIENCE_S, eventually

IMAGE = np.full((600, 800, 3), 90, np.uint8)
SMALL = {"size": 200, "jpeg_quality": 40, "fps": 10.0}
CONFIGURED = {"low": SMALL, "medium": {**SMALL, "size": 400}, "high": {**SMALL, "size": 4096, "fps": 240.0}}


class Camera:
    """A camera process that puts frames into its buffer at a given rate."""

    def __init__(self, **presets: Any) -> None:
        self.buffer = SharedFrameBuffer()
        spec = {"station": settings.STATION.station.id, "slug": "sky", **presets}
        self.publisher = LivePublisher(Context(cast(Any, spec), self.buffer, cast(Any, None)))
        self.numbers = itertools.count()

    def frame(self, at: float) -> None:
        """Publish the frame of the moment `at`, in seconds; on return it is encoded or was skipped."""
        self.buffer.put_frame(FrameData(IMAGE, time.time_ns(), at, next(self.numbers)))
        eventually(lambda: self.publisher.frames == self.buffer.frames)

    def frames(self, count: int, fps: float) -> None:
        [self.frame(100 + place / fps) for place in range(count)]

    def want(self, *qualities: str, lowered: int = 0) -> None:
        url = settings.STATION.redis_url
        self.publisher.handle_command(
            {"type": "live", "qualities": list(qualities), "lowered": lowered, "redis_url": url}
        )

    @property
    def encoded(self) -> dict[str, int]:
        return self.publisher.encoded


@pytest.fixture
def camera(server: redis.Redis) -> Iterator[Camera]:
    found = Camera(presets=CONFIGURED)
    yield found
    found.publisher.stop()


@pytest.fixture
def pictures(server: redis.Redis) -> Iterator[Any]:
    """A function that returns the next published picture: (quality, flags, width)."""
    with redis.Redis.from_url(settings.STATION.redis_url).pubsub() as pubsub:
        pubsub.psubscribe(broker.key("live", "sky", "*"))
        assert pubsub.get_message(timeout=PATIENCE_S)
        yield lambda: decoded(pubsub.get_message(timeout=PATIENCE_S))


def decoded(message: Any) -> tuple[str, int, int]:
    image = cv2.imdecode(np.frombuffer(message["data"][FRAME_HEADER.size :], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return message["channel"].decode().rpartition(":")[2], FRAME_HEADER.unpack_from(message["data"])[2], image.shape[1]


def test_a_quality_that_no_one_watches_is_not_encoded(camera: Camera) -> None:
    camera.frames(3, fps=5)
    camera.want("medium")
    camera.frames(4, fps=5)
    assert camera.encoded == {"low": 0, "medium": 4, "high": 0}


def test_each_frame_is_encoded_once_in_each_quality_at_its_rate(camera: Camera) -> None:
    camera.want("low", "high")
    camera.frames(30, fps=30)
    assert camera.encoded == {"low": 10, "medium": 0, "high": 30}


def test_the_configured_sizes_are_encoded(camera: Camera, pictures: Any) -> None:
    camera.want("low", "medium")
    camera.frame(100)
    assert [pictures(), pictures()] == [("low", 0, 200), ("medium", 0, 400)]


def test_a_busy_host_makes_smaller_pictures_and_flags_them(camera: Camera, pictures: Any) -> None:
    camera.want("low", lowered=1)
    camera.frame(100)
    camera.want("low")
    camera.frame(101)
    assert [pictures(), pictures()] == [("low", LOWERED, 100), ("low", 0, 200)]


def test_a_busier_host_makes_half_as_many_pictures(camera: Camera) -> None:
    camera.want("low", lowered=2)
    camera.frames(30, fps=10)
    assert camera.encoded["low"] == 15


def test_no_picture_is_made_while_recording_is_behind(camera: Camera) -> None:
    reader = camera.buffer.open_reader(10)
    camera.want("high")
    camera.frames(9, fps=10)
    assert camera.encoded["high"] == 5
    assert camera.publisher.yielded == 4
    assert [reader.get(0) is not None for _ in range(9)] == [True] * 9


def test_without_a_configuration_there_are_presets() -> None:
    assert presets_of(None) == PRESETS
    assert presets_of(settings.STATION.live_streaming_config.quality_presets.model_dump()) == PRESETS


def test_lowering_makes_nothing_larger_or_finer() -> None:
    assert Preset(4096, 90, 30).lowered(1, 1280) == Preset(640, 75, 30)
    assert Preset(640, 20, 10).lowered(2, 1280) == Preset(320, 20, 5)


def test_with_lower_quality_disabled_pictures_keep_their_size() -> None:
    assert Preset(640, 60, 10).lowered(LOWER_FPS_ONLY, 1280) == Preset(640, 60, 5)


@given(
    fps=st.floats(1, 60),
    source=st.floats(1, 120),
    jitter=st.lists(st.floats(-0.2, 0.2), min_size=60, max_size=60),
)
def test_the_limiter_stays_close_to_its_rate_and_never_above(fps: float, source: float, jitter: list[float]) -> None:
    limiter, seconds = FrameRateLimiter(), len(jitter) / source
    admitted = sum(limiter.admit_frame(50 + (place + early) / source, fps) for place, early in enumerate(jitter))
    assert admitted <= fps * (seconds + 1 / source) + 2
    assert admitted >= 0.8 * min(fps, source) * seconds - 2


@pytest.mark.parametrize("fps", [10.0, 15.0, 25.0])
def test_a_camera_at_the_limits_rate_loses_no_frame_to_its_jitter(fps: float) -> None:
    limiter, late = FrameRateLimiter(), itertools.cycle([0.0, 0.15, -0.15, 0.1])
    assert all(limiter.admit_frame(50 + (place + next(late)) / fps, fps) for place in range(300))
