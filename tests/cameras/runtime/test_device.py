"""How long the device waits before it opens a camera again: what was well for a while starts afresh."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from cameras.drivers.base import CameraError
from cameras.drivers.network import NetworkDriver
from cameras.runtime.device import Device
from cameras.runtime.report import Report
from cameras.runtime.watch import Watch
from core.outgoing import OutgoingGuard
from tests.cameras.runtime.owner_bench import HeardLink, OwnerBench
from tests.fakes.camera import ToldCamera
from tests.fakes.owner_clock import SetClock

GONE = CameraError("The camera broke off.", reason="camera_unreachable")
REFUSED = CameraError("The camera refuses the password.", permanent=True)
DEAD = CameraError("The shutter does not open.")


class FarCamera(ToldCamera):
    """It is tried again as often as a network camera is."""

    longest_pause_s: ClassVar[float] = NetworkDriver.longest_pause_s


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def device(tmp_path: Path, clock: SetClock) -> Device:
    bench = OwnerBench(tmp_path, clock)
    link: Any = HeardLink()
    device = Device(bench.spec, clock, Watch(), Report(link), bench.buffer)
    device.driver = bench.camera
    return device


@pytest.fixture
def far(device: Device, clock: SetClock) -> Device:
    device.driver = FarCamera(clock)
    return device


def test_a_camera_is_opened_only_where_its_job_lets_it(tmp_path: Path, clock: SetClock) -> None:
    bench = OwnerBench(tmp_path, clock)
    link: Any = HeardLink()
    rules = OutgoingGuard(own_ports=[8001]).rules()
    spec = {**bench.spec, "kind": "network", "address": "http://127.0.0.1:8001/video", "outgoing": rules}
    device = Device(spec, clock, Watch(), Report(link), bench.buffer)  # type: ignore[arg-type]
    assert not device.ready()
    assert "leads to a port of the station itself, which is always refused" in str(device.trouble)


def break_off(device: Device, clock: SetClock, *, after_s: float, error: CameraError = GONE) -> None:
    """Opened as soon as it may be, well for so long, and gone."""
    clock.go_on(device.next_try_s())
    assert device.ready()
    clock.go_on(after_s)
    assert device.ready()
    device.failed(error)


def fail_a_picture(device: Device, clock: SetClock, *, after_s: float) -> None:
    clock.go_on(device.next_try_s())
    assert device.ready()
    clock.go_on(after_s)
    assert device.ready()
    device.driver.next.append(DEAD)  # type: ignore[attr-defined]
    with pytest.raises(CameraError):
        device.expose({}, 5.0)
    device.failed(DEAD)


def test_a_camera_that_was_well_for_a_while_is_opened_again_at_once(device: Device, clock: SetClock) -> None:
    for _ in range(20):
        break_off(device, clock, after_s=45)
    assert (device.failures, device.next_try_s()) == (1, 0.05)


def test_a_camera_that_breaks_off_again_and_again_is_tried_less_often(device: Device, clock: SetClock) -> None:
    for _ in range(6):
        break_off(device, clock, after_s=10)
    assert device.failures == 6
    assert device.next_try_s() > 10


def test_tries_that_do_not_open_it_are_counted_from_the_last_that_did(device: Device, clock: SetClock) -> None:
    break_off(device, clock, after_s=10)
    assert device.unopened == 0
    device.failed(GONE)
    device.failed(GONE)
    assert device.unopened == 2
    break_off(device, clock, after_s=10)
    assert device.unopened == 0


def test_a_camera_that_opens_and_takes_no_picture_was_not_well(device: Device, clock: SetClock) -> None:
    for _ in range(8):
        fail_a_picture(device, clock, after_s=60)
    assert device.failures == 8


def test_a_picture_makes_it_well(device: Device, clock: SetClock) -> None:
    for _ in range(3):
        fail_a_picture(device, clock, after_s=60)
    device.delivered()
    break_off(device, clock, after_s=45)
    assert device.failures == 1


def test_a_network_camera_is_tried_every_10_s_at_least(far: Device, clock: SetClock) -> None:
    for _ in range(20):
        far.failed(GONE)
        assert far.next_try_s() <= 10
    assert far.next_try_s() > 7


def test_a_camera_that_refuses_the_password_is_tried_once_a_minute(far: Device) -> None:
    for _ in range(20):
        far.failed(REFUSED)
    assert 45 < far.next_try_s() <= 60


def test_other_cameras_are_tried_once_a_minute_at_last(device: Device) -> None:
    for _ in range(20):
        device.failed(GONE)
    assert 45 < device.next_try_s() <= 60
