"""Network cameras run for months: decoded pictures are freed, and so is the decoder of each connection."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import psutil
import pytest
from av import Packet
from av.video.codeccontext import VideoCodecContext

from cameras.drivers.base import FrameData, SystemClock
from cameras.drivers.network import NetworkDriver
from tests.harness.far_ends.network.http import MjpegServer, TransportStreamServer
from tests.harness.far_ends.network.rtsp import RtspServer
from tests.harness.far_ends.network.server import Server
from tests.harness.waiting import PATIENCE_S, eventually

T = TypeVar("T")
FPS = 200
SECOND_AND_A_GROUP = FPS + 2 * 40
SERVERS: list[type[Server]] = [RtspServer, MjpegServer, TransportStreamServer]
RECONNECTS = 20


@pytest.fixture(params=SERVERS, ids=lambda server: server.__name__)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with request.param(fps=FPS) as running:
        yield running


@pytest.fixture
def camera(server: Server, clock: SystemClock) -> Iterator[NetworkDriver]:
    camera = NetworkDriver(server.address, clock)
    yield camera
    camera.close()


@pytest.fixture
def idle_collector() -> Iterator[None]:
    """Python's garbage collector does not run, so nothing depends on it to be freed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.slow
def test_packets_that_were_decoded_do_not_stay(camera: NetworkDriver, soon: Callable[[], float]) -> None:
    camera.open(soon())
    before = alive(Packet)
    watch(camera, SECOND_AND_A_GROUP * 3 // 2)
    gc.collect()
    assert alive(Packet) - before < SECOND_AND_A_GROUP


@pytest.mark.usefixtures("idle_collector")
def test_a_closed_camera_leaves_neither_decoder_nor_thread(camera: NetworkDriver, soon: Callable[[], float]) -> None:
    watch_once(camera, soon)
    before = foreign_threads()
    for _ in range(RECONNECTS):
        watch_once(camera, soon)
    eventually(lambda: drivers_threads() == 0)
    assert decoders() == 0
    assert foreign_threads() - before < RECONNECTS / 4


def watch(camera: NetworkDriver, packets: int) -> None:
    """Read frames until this number of packets has arrived."""
    begin = camera.last_decoded
    while camera.last_decoded < begin + packets:
        assert isinstance(camera.frame(camera.clock.monotonic() + PATIENCE_S), FrameData)


def watch_once(camera: NetworkDriver, soon: Callable[[], float]) -> None:
    """Open a camera, read some frames, and close it."""
    camera.open(soon())
    for _ in range(3):
        assert camera.frame(soon()) is not None
    camera.close()


def living(kind: type[T]) -> list[T]:
    """Compares types, since isinstance raises an error for a proxy of a freed object."""
    return [found for found in gc.get_objects() if issubclass(type(found), kind)]


def alive(kind: type[object]) -> int:
    return len(living(kind))


def decoders() -> int:
    return sum(found.is_open for found in living(VideoCodecContext))


def foreign_threads() -> int:
    """The threads of this process except the server's. Those of FFmpeg's decoders are not Python threads."""
    return psutil.Process().num_threads() - threading.active_count()


def drivers_threads() -> int:
    return sum(thread.name == "network-camera" for thread in threading.enumerate())
