"""The back-off before a camera is opened again. A camera that was healthy for a while starts with no back-off."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from cameras.drivers.base import CameraError, Pixels
from cameras.drivers.network import NetworkDriver
from cameras.runtime.assembly import make_driver
from cameras.runtime.device import Device
from core.outgoing import OutgoingGuard
from tests.harness.camera_processes.camera_loop import CameraLoopBench, make_device
from tests.harness.clocks.camera_clock import SetClock
from tests.harness.far_ends.scripted_camera import ScriptedCamera

GONE = CameraError("The camera broke off.", reason="camera_unreachable")
REFUSED = CameraError("The camera refuses the password.", permanent=True)
DEAD = CameraError("The shutter does not open.")


class FarCamera(ScriptedCamera):
    """It is tried as often as a network camera."""

    max_retry_interval_s: ClassVar[float] = NetworkDriver.max_retry_interval_s


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def device(tmp_path: Path, clock: SetClock) -> Device:
    bench = CameraLoopBench(tmp_path, clock)
    return make_device(bench.spec, clock, bench.camera, bench.link)


@pytest.fixture
def far(tmp_path: Path, clock: SetClock) -> Device:
    bench = CameraLoopBench(tmp_path, clock)
    return make_device(bench.spec, clock, FarCamera(clock), bench.link)


def test_a_camera_is_opened_only_at_an_address_that_its_spec_allows(tmp_path: Path, clock: SetClock) -> None:
    bench = CameraLoopBench(tmp_path, clock)
    rules = OutgoingGuard(own_ports=[8001]).rules()
    spec = {**bench.spec, "kind": "network", "address": "http://127.0.0.1:8001/video", "outgoing": rules}
    device = make_device(spec, clock, make_driver(spec, clock), bench.link)  # type: ignore[arg-type]
    assert not device.ensure_open()
    assert "leads to a port of the station itself, which is always refused" in str(device.error)


def test_a_driver_gets_the_site_of_its_spec(tmp_path: Path) -> None:
    """It is 20:00 UTC: night at 11° east, morning at 169° west. The height shows in the Moon's place."""
    night = sky_of(tmp_path, latitude=48.0, longitude=11.0)
    morning = sky_of(tmp_path, latitude=-48.0, longitude=-169.0)
    above = sky_of(tmp_path, latitude=48.0, longitude=11.0, elevation=4000.0)
    assert morning.mean() > 2 * night.mean()
    assert not np.array_equal(above, night)
    assert np.array_equal(sky_of(tmp_path, latitude=None, longitude=None), night)


def sky_of(folder: Path, **site: float | None) -> Pixels:
    """A frame of a simulated camera whose spec has this site."""
    clock = SetClock()
    bench = CameraLoopBench(folder, clock)
    spec = {**bench.spec, "kind": "simulated", "site": {**site, "time_zone": None}}
    driver = make_driver(spec, clock)  # type: ignore[arg-type]
    driver.open(clock.monotonic() + 5)
    driver.apply({"scene": "allsky", "width": 320, "height": 240, "gain": 4.0, "iso": 25_600}, clock.monotonic() + 5)
    frame = driver.frame(clock.monotonic() + 5)
    assert frame is not None
    return frame.image


def disconnect(device: Device, clock: SetClock, *, after_s: float, error: CameraError = GONE) -> None:
    """Open the camera at its next try; it is healthy for `after_s` seconds and then fails."""
    clock.go_on(device.next_try_s())
    assert device.ensure_open()
    clock.go_on(after_s)
    assert device.ensure_open()
    device.handle_failure(error)


def fail_a_picture(device: Device, clock: SetClock, *, after_s: float) -> None:
    clock.go_on(device.next_try_s())
    assert device.ensure_open()
    clock.go_on(after_s)
    assert device.ensure_open()
    device.driver.next.append(DEAD)  # type: ignore[attr-defined]
    with pytest.raises(CameraError):
        device.exposures.expose({}, 5.0)
    device.handle_failure(DEAD)


def test_a_camera_that_was_healthy_for_a_while_is_reopened_at_once(device: Device, clock: SetClock) -> None:
    for _ in range(20):
        disconnect(device, clock, after_s=45)
    assert device.retries.failures == 1
    assert device.next_try_s() == 0.05


def test_a_camera_that_disconnects_again_and_again_is_tried_less_often(device: Device, clock: SetClock) -> None:
    for _ in range(6):
        disconnect(device, clock, after_s=10)
    assert device.retries.failures == 6
    assert device.next_try_s() > 10


def test_failed_opens_are_counted_since_the_camera_was_last_open(device: Device, clock: SetClock) -> None:
    disconnect(device, clock, after_s=10)
    assert device.failed_opens == 0
    device.handle_failure(GONE)
    device.handle_failure(GONE)
    assert device.failed_opens == 2
    disconnect(device, clock, after_s=10)
    assert device.failed_opens == 0


def test_a_camera_that_opens_but_takes_no_picture_is_not_healthy(device: Device, clock: SetClock) -> None:
    for _ in range(8):
        fail_a_picture(device, clock, after_s=60)
    assert device.retries.failures == 8


def test_a_picture_resets_the_failures(device: Device, clock: SetClock) -> None:
    for _ in range(3):
        fail_a_picture(device, clock, after_s=60)
    device.stream.record_picture()
    disconnect(device, clock, after_s=45)
    assert device.retries.failures == 1


def test_a_network_camera_is_tried_every_10_s_at_least(far: Device, clock: SetClock) -> None:
    for _ in range(20):
        far.handle_failure(GONE)
        assert far.next_try_s() <= 10
    assert far.next_try_s() > 7


def test_a_camera_that_refuses_the_password_is_tried_once_a_minute(far: Device) -> None:
    for _ in range(20):
        far.handle_failure(REFUSED)
    assert 45 < far.next_try_s() <= 60


def test_other_cameras_are_tried_at_least_once_a_minute(device: Device) -> None:
    for _ in range(20):
        device.handle_failure(GONE)
    assert 45 < device.next_try_s() <= 60
