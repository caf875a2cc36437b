"""USB cameras: the real OpenCV and its V4L2 code, with a device that answers as the kernel would."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from cameras.drivers.base import CameraError, ExposureRequest, FrameData, SystemClock
from cameras.drivers.opencv.reader import STREAMING_S
from tests.harness.far_ends.v4l2.host import FarDriver
from tests.harness.far_ends.v4l2.usb_camera import ADDRESS, UsbCamera
from tests.harness.waiting import PATIENCE_S, eventually

Soon = Callable[[], float]
GONE = f"{ADDRESS} is gone. Plug the camera in again."
SILENT = f"{ADDRESS} delivers no frames. Open it again; if it happens often, change its cable or port."
LEFT_OPEN = f"""
from cameras.drivers.base import SystemClock
from cameras.drivers.opencv import OpencvDriver
clock = SystemClock()
driver = OpencvDriver({ADDRESS!r}, clock)
driver.open(clock.monotonic() + {PATIENCE_S})
raise SystemExit(3)
"""


@pytest.fixture
def driver(usb_camera: UsbCamera, clock: SystemClock, soon: Soon) -> Iterator[FarDriver]:
    driver = FarDriver(ADDRESS, clock)
    driver.open(soon())
    yield driver
    driver.close()


def not_none(frame: FrameData | None) -> FrameData:
    assert frame is not None
    return frame


def number(frame: FrameData) -> int:
    """The camera counts its frames in blue."""
    return int(frame.image[0, 0, 2])


def steps(frames: list[FrameData]) -> set[int]:
    """The differences of the camera's frame numbers, modulo 256."""
    return {int(step) % 256 for step in np.diff([number(frame) for frame in frames])}


def failure(call: Callable[[], object]) -> CameraError:
    with pytest.raises(CameraError) as error:
        call()
    return error.value


def test_the_stream_of_a_usb_camera_is_complete_and_rgb(driver: FarDriver, soon: Soon) -> None:
    frames = [not_none(driver.frame(soon())) for _ in range(12)]
    assert steps(frames) == {1}
    assert frames[0].image[0, 0, 0] == 200


def test_a_late_reader_gets_every_frame_with_its_own_time(driver: FarDriver, clock: SystemClock, soon: Soon) -> None:
    frames = [not_none(driver.frame(soon()))]
    eventually(lambda: clock.monotonic() > frames[0].monotonic + 0.5)
    frames.append(not_none(driver.frame(soon())))
    late = frames[1]
    ages = [(clock.monotonic() - late.monotonic, (clock.wall_ns() - late.captured_ns) / 1e9) for _ in range(9)]
    frames += [not_none(driver.frame(soon())) for _ in range(10)]
    assert steps(frames) == {1}
    assert ages[0][0] > 0.3
    assert min(abs(age - by_the_wall) for age, by_the_wall in ages) < 0.05  # the test may pause between two clocks


def test_a_reader_after_a_long_pause_gets_no_old_frame(driver: FarDriver, clock: SystemClock, soon: Soon) -> None:
    driver.frame(soon())
    read_at = clock.monotonic()
    eventually(lambda: clock.monotonic() > read_at + STREAMING_S)
    requested_at = clock.monotonic()
    assert not_none(driver.frame(soon())).monotonic > requested_at - 1


def test_a_still_takes_no_frame_out_of_the_stream(driver: FarDriver, soon: Soon) -> None:
    frames = [not_none(driver.frame(soon())) for _ in range(3)]
    still = not_none(driver.expose(ExposureRequest(), soon()).frame)
    frames += [not_none(driver.frame(soon())) for _ in range(6)]
    assert steps(frames) == {1}
    assert still.number in [frame.number for frame in frames]


def test_a_still_was_captured_after_its_request(
    driver: FarDriver, usb_camera: UsbCamera, clock: SystemClock, soon: Soon
) -> None:
    usb_camera.begin("late")
    eventually(lambda: clock.monotonic() - not_none(driver.frame(soon())).monotonic > 0.3)
    ordered = clock.monotonic()
    still = not_none(driver.expose(ExposureRequest(), soon()).frame)
    assert still.monotonic > ordered
    assert clock.monotonic() - still.monotonic > 0.3


def test_a_camera_that_stops_delivering_is_too_slow(
    driver: FarDriver, usb_camera: UsbCamera, clock: SystemClock, soon: Soon
) -> None:
    driver.frame(soon())
    usb_camera.begin("stall")
    error = failure(lambda: [driver.expose(ExposureRequest(), clock.monotonic() + 0.3) for _ in range(5)])
    assert error.reason == "too_slow"


@pytest.mark.slow
def test_a_silent_camera_is_noticed_while_no_one_reads_frames(
    driver: FarDriver, usb_camera: UsbCamera, soon: Soon
) -> None:
    usb_camera.begin("stall")
    error = failure(lambda: eventually(lambda: driver.check_alive(soon())))
    assert error.reason == "camera_unreachable"
    assert str(error) == SILENT
    assert str(failure(lambda: [driver.frame(soon()) for _ in range(80)])) == SILENT


def test_an_unplugged_camera_is_noticed_while_no_one_reads_frames(
    driver: FarDriver, usb_camera: UsbCamera, soon: Soon
) -> None:
    usb_camera.unplug()
    error = failure(lambda: driver.check_alive(soon()))
    assert error.reason == "camera_unreachable"
    assert str(error) == GONE


def test_a_camera_that_was_unplugged_is_unreachable(driver: FarDriver, usb_camera: UsbCamera, soon: Soon) -> None:
    usb_camera.unplug()
    assert str(failure(lambda: [driver.frame(soon()) for _ in range(80)])) == GONE
    assert str(failure(lambda: driver.read_back(soon()))) == GONE
    assert str(failure(lambda: driver.apply({"exposure_us": 5000}, soon()))) == GONE


def test_a_camera_that_was_plugged_in_again_opens(driver: FarDriver, usb_camera: UsbCamera, soon: Soon) -> None:
    usb_camera.unplug()
    failure(lambda: [driver.frame(soon()) for _ in range(80)])
    driver.close()
    usb_camera.plug()
    driver.open(soon())
    assert driver.frame(soon()) is not None


def test_a_read_that_hangs_does_not_hold_up_closing(
    driver: FarDriver, usb_camera: UsbCamera, clock: SystemClock
) -> None:
    usb_camera.begin("hang")
    assert failure(lambda: driver.expose(ExposureRequest(), clock.monotonic() + 0.5)).reason == "too_slow"
    driver.close()


def test_a_read_that_returns_closes_the_camera(driver: FarDriver, usb_camera: UsbCamera, soon: Soon) -> None:
    usb_camera.begin("hang")
    failure(lambda: driver.expose(ExposureRequest(), driver.clock.monotonic() + 0.5))
    driver.close()
    assert failure(lambda: driver.open(soon())).reason == "camera_held"
    usb_camera.end("hang")
    eventually(lambda: opens(driver, soon()))


def opens(driver: FarDriver, deadline: float) -> bool:
    try:
        driver.open(deadline)
    except CameraError:
        return False
    return True


def test_a_process_that_ends_with_its_camera_open_keeps_its_exit_status(usb_camera: UsbCamera) -> None:
    environment = {**usb_camera.environment, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", LEFT_OPEN], env=environment, timeout=PATIENCE_S, capture_output=True)
    assert done.returncode == 3
    assert b"terminate" not in done.stderr
