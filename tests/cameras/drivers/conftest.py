"""The fake cameras for each kind of driver."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cameras.drivers.base import SystemClock
from scheduler.telescope.driver.protocol import COMMAND_DELAY_S
from tests.harness.camera_processes.dslr_driver import Dslr
from tests.harness.far_ends.fast_controller import FastController
from tests.harness.far_ends.ffmpeg import ffmpeg
from tests.harness.far_ends.gphoto2_port.build import build
from tests.harness.far_ends.network.http import SnapshotServer
from tests.harness.far_ends.network.rtsp import RtspServer
from tests.harness.far_ends.pixelink.build import SERIAL, Sdk, compiled
from tests.harness.far_ends.v4l2.usb_camera import ADDRESS, UsbCamera, playing
from tests.harness.waiting import PATIENCE_S

SPEED = 1000


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def soon(clock: SystemClock) -> Callable[[], float]:
    """A deadline that leaves a camera enough time on any machine."""
    return lambda: clock.monotonic() + PATIENCE_S


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of video files, as the configuration would list it."""
    return Path(tmp_path_factory.mktemp("sources").resolve())


@pytest.fixture(scope="session")
def video_file(sources: Path) -> str:
    """Twenty frames of 320x240 at 20 frames a second, as H.264 in MP4."""
    pattern = "testsrc=size=320x240:rate=20:duration=1"
    ffmpeg("-f", "lavfi", "-i", pattern, "-c:v", "libx264", "-pix_fmt", "yuv420p", sources / "pattern.mp4")
    return str(sources / "pattern.mp4")


@pytest.fixture(scope="session")
def simulated_address() -> str:
    return "contract"


@pytest.fixture
def telescope_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A controller that takes a thousandth of the time of a real one; so do the pauses between two commands."""
    monkeypatch.setattr("scheduler.telescope.driver.connection.COMMAND_DELAY_S", COMMAND_DELAY_S / SPEED)
    controller = FastController(speed=SPEED)
    yield controller.address
    controller.stop()


@pytest.fixture(scope="session")
def rtsp_address() -> Iterator[str]:
    """Twenty frames a second of H.264, for clients with the password."""
    with RtspServer(fps=20, login="viewer:night") as server:
        yield server.with_login("viewer:night@")


@pytest.fixture
def snapshot_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A picture for each request, ten times a second, for clients with the password."""
    monkeypatch.setattr("cameras.drivers.network.jpeg_connection.INTERVAL_S", 0.1)
    with SnapshotServer(login="viewer:night") as server:
        yield server.with_login("viewer:night@")


@pytest.fixture
def dslr(tmp_path: Path) -> Dslr:
    """A virtual DSLR that misbehaves on demand, for drivers in a process of their own."""
    return Dslr(tmp_path, build(tmp_path))


@pytest.fixture
def dslr_address(dslr: Dslr, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same camera for a driver in this process."""
    for name, value in dslr.environment.items():
        monkeypatch.setenv(name, value)
    yield "0.1"
    # An error's traceback keeps libgphoto2's camera, whose port library reads the pictures of this test's folder.
    gc.collect()


@pytest.fixture
def sdk(tmp_path: Path) -> Sdk:
    """The PixeLink SDK with one colour camera, for drivers in a process of their own."""
    return Sdk(tmp_path / "sdk")


@pytest.fixture
def pixelink_address(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same camera for a driver in this process, which started before
    LD_LIBRARY_PATH was set: the library is loaded beforehand, and found by its name."""
    ctypes.CDLL(str(compiled()), ctypes.RTLD_GLOBAL)
    monkeypatch.setenv("PIXELINK_SDK_LIB", str(sdk.folder))
    return SERIAL


@pytest.fixture(scope="session")
def usb_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UsbCamera]:
    with playing(tmp_path_factory.mktemp("v4l2")) as camera:
        yield camera


@pytest.fixture
def usb_camera(usb_port: UsbCamera, monkeypatch: pytest.MonkeyPatch) -> UsbCamera:
    """A USB camera that misbehaves on demand, just plugged in, for drivers beside it (`FarDriver`)."""
    monkeypatch.setenv("FAKE_V4L2_HOST", str(usb_port.port))
    usb_port.plug()
    return usb_port


@pytest.fixture
def usb_address(usb_camera: UsbCamera) -> str:
    usb_camera.begin("slow")
    return ADDRESS
