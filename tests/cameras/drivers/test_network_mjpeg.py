"""MJPEG as cameras send it, and cameras that give one JPEG for each request: real servers on loopback."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import pytest

from cameras.drivers.base import CameraError, ExposureRequest, SystemClock
from cameras.drivers.network import NetworkDriver
from cameras.drivers.network.addresses import NetworkTimes
from cameras.drivers.network.driver import INTERVALS_S
from tests.harness.camera_processes.network_frames import frames, number
from tests.harness.far_ends.network.http import PARTS, MjpegServer, OddPartsServer, SnapshotServer
from tests.harness.far_ends.network.rtsp import header
from tests.harness.far_ends.network.server import Server
from tests.harness.waiting import PATIENCE_S, eventually

HANG_S = 3600.0
"""Longer than a test may take."""
STREAMING = NetworkTimes(streaming_s=HANG_S)
"""However busy the machine is, a reader counts as one that wants every frame."""
PREAMBLE = b"Camera 2.1 says GOOD EVENING\r\n\r\n" * 20
Soon = Callable[[], float]


class Opened(Protocol):
    def __call__(self, server: Server, times: NetworkTimes | None = None) -> NetworkDriver: ...


class CountingServer(SnapshotServer):
    """It accepts any Digest, and keeps its counts. `refused` counts the requests without one."""

    def __init__(self) -> None:
        super().__init__()
        self.challenges = ['Digest realm="camera", nonce="x", qop="auth"']
        self.counts: list[str] = []
        self.refused = 0

    def lets_in(self, request: str) -> bool:
        given = re.findall(r"nc=(\w+)", header(request, "Authorization"))
        self.counts += given
        self.refused += not given
        return bool(given)


@pytest.fixture
def opened(clock: SystemClock, soon: Soon) -> Iterator[Opened]:
    cameras: list[NetworkDriver] = []

    def open_(server: Server, times: NetworkTimes | None = None) -> NetworkDriver:
        cameras.append(NetworkDriver(server.address, clock, times))
        cameras[-1].open(soon())
        return cameras[-1]

    yield open_
    for camera in cameras:
        camera.close()


@pytest.fixture
def snapshots() -> Iterator[SnapshotServer]:
    with SnapshotServer() as server:
        yield server


def error_of(call: Callable[[], object]) -> CameraError:
    with pytest.raises(CameraError) as error:
        call()
    return error.value


# MJPEG


@pytest.mark.parametrize("form", PARTS)
def test_a_camera_that_sends_odd_parts_streams(form: str, opened: Opened) -> None:
    with OddPartsServer(form) as server:
        numbers = [number(frame) for frame in frames(opened(server, STREAMING), 4)]
    assert set(np.diff(numbers)) == {1}


def test_a_camera_may_send_text_before_its_first_part(opened: Opened) -> None:
    with OddPartsServer("a type with a charset", PREAMBLE) as server:
        assert number(frames(opened(server, STREAMING), 1)[0]) >= 0


@pytest.mark.parametrize("content_type", ["", "video/x-motion-jpeg", "application/octet-stream", "multipart/form-data"])
def test_pictures_are_found_in_a_stream_of_any_type(content_type: str, opened: Opened) -> None:
    with OddPartsServer("nothing but pictures", PREAMBLE, content_type) as server:
        assert number(frames(opened(server, STREAMING), 1)[0]) >= 0


def test_a_wrong_length_of_the_whole_stream_does_not_end_it(opened: Opened) -> None:
    with OddPartsServer("another type", content_type=f"{MjpegServer.content_type}\r\nContent-Length: 0") as server:
        assert len(frames(opened(server, STREAMING), 4)) == 4


def test_a_picture_is_complete_with_its_last_byte(opened: Opened) -> None:
    """Not with the next one: so it is dated by its own arrival."""
    with OddPartsServer("a type with a charset") as server:
        server.fps = 2
        frame = frames(opened(server, STREAMING), 2)[-1]
        assert max(server.sent) == number(frame)


# Snapshots


def test_a_camera_with_a_snapshot_address_streams_at_its_interval(snapshots: SnapshotServer, opened: Opened) -> None:
    camera = opened(snapshots, STREAMING)
    assert camera.apply({"interval_s": 0.1}, camera.clock.monotonic() + PATIENCE_S).warnings == []
    seen = frames(camera, 4)
    assert set(np.diff([number(frame) for frame in seen])) == {1}
    assert camera.read_back(PATIENCE_S) == {"fps": 10.0, "interval_s": 0.1, "width": 320, "height": 240}


@pytest.mark.parametrize(
    ("content_type", "with_length"),
    [("image/jpeg", False), ("image/jpg; charset=utf-8", True), ("application/octet-stream", True), ("", True)],
)
def test_a_snapshot_address_is_known_by_its_answer(content_type: str, with_length: bool, opened: Opened) -> None:
    with SnapshotServer(content_type=content_type, with_length=with_length) as server:
        assert opened(server).read_back(PATIENCE_S)["interval_s"] == 1.0


def test_a_still_of_a_snapshot_address_is_requested_at_once(
    snapshots: SnapshotServer, opened: Opened, soon: Soon
) -> None:
    camera = opened(snapshots)
    camera.apply({"interval_s": INTERVALS_S[1]}, soon())
    requested = time.monotonic()
    still = camera.expose(ExposureRequest(), soon())
    assert snapshots.sent[number(still.frame)] > requested
    assert still.started_ns > time.time_ns() - INTERVALS_S[1] * 1e9


def test_a_snapshot_address_has_a_frame_rate_that_its_interval_sets(
    snapshots: SnapshotServer, opened: Opened, soon: Soon
) -> None:
    camera = opened(snapshots)
    assert camera.apply({"fps": 5.0}, soon()).warnings == [
        "The fps of this network camera is 1; 5 was requested. Set interval_s instead."
    ]
    ranges = camera.capabilities().settings
    assert (ranges["interval_s"].minimum, ranges["interval_s"].maximum, ranges["fps"].read_only) == (0.1, 10.0, True)


def test_a_camera_that_streams_has_no_interval(opened: Opened, soon: Soon) -> None:
    with MjpegServer() as server:
        applied = opened(server).apply({"interval_s": 5.0}, soon())
    assert applied.warnings == ["This network camera has no interval_s; 5 was requested."]


@pytest.mark.parametrize("failure", ["503 Busy", "500 Internal Server Error"])
def test_a_camera_that_is_busy_for_a_moment_is_asked_again(
    failure: str, snapshots: SnapshotServer, opened: Opened
) -> None:
    camera = opened(snapshots, STREAMING)
    camera.apply({"interval_s": 0.1}, camera.clock.monotonic() + PATIENCE_S)
    before = number(frames(camera, 1)[-1])
    snapshots.failures = [failure, failure]
    seen = frames(camera, 4)
    assert number(seen[-1]) > before + 4
    assert snapshots.failures == []


@pytest.mark.parametrize(
    ("status", "sentence"), [("404 Not Found", "has no such stream"), ("403 Forbidden", "does not allow this user")]
)
def test_a_snapshot_address_that_is_gone_ends_the_stream(
    status: str, sentence: str, snapshots: SnapshotServer, opened: Opened
) -> None:
    camera = opened(snapshots)
    snapshots.failures = [status]
    assert sentence in str(error_of(lambda: frames(camera, 3)))


@pytest.mark.parametrize(
    ("mood", "sentence"), [("cut", "answers without a whole JPEG"), ("stall", "was silent for 1 s")]
)
def test_half_a_snapshot_is_no_picture(mood: str, sentence: str, snapshots: SnapshotServer, opened: Opened) -> None:
    camera = opened(snapshots, NetworkTimes(read_s=1.0))
    snapshots.mood = mood
    camera.apply({"interval_s": 0.1}, camera.clock.monotonic() + PATIENCE_S)
    error = error_of(lambda: frames(camera, 1000))
    assert sentence in str(error)
    assert error.reason == "camera_unreachable"


def test_a_snapshot_address_is_signed_in_to_once(opened: Opened, soon: Soon, clock: SystemClock) -> None:
    """The answer to the first challenge, counted on, opens the following pictures too."""
    with CountingServer() as server:
        camera = NetworkDriver(server.with_login("me:secret@"), clock)
        camera.open(soon())
        for _ in range(3):
            camera.expose(ExposureRequest(), soon())
        camera.close()
    assert server.refused == 1
    assert server.counts[:4] == ["00000001", "00000002", "00000003", "00000004"]


def test_a_closed_snapshot_address_is_asked_no_more(snapshots: SnapshotServer, opened: Opened) -> None:
    camera = opened(snapshots)
    camera.close()
    eventually(lambda: "network-camera" not in {thread.name for thread in threading.enumerate()})
