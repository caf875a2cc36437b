"""The parts of a device, each alone: back-off, timing, states, telemetry, card."""

from __future__ import annotations

from pathlib import Path

import pytest

from cameras.drivers.abilities import Supplies
from cameras.drivers.base import CameraError
from cameras.runtime.device import MOVES, Device, DeviceEvent, DeviceState
from cameras.runtime.device_timing import HEALTHY_S, SHORTEST_S, DeviceTimes, DeviceTiming, RetrySchedule
from cameras.runtime.still_queue import CardCleaner
from tests.harness.camera_processes.camera_loop import CameraLoopBench, RecordingLink, make_device
from tests.harness.clocks.camera_clock import SetClock
from tests.harness.far_ends.scripted_camera import ScriptedCamera, exposure

SPEC = {"margin_s": 2.0, "settings": {}}


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def camera(clock: SetClock) -> ScriptedCamera:
    return ScriptedCamera(clock)


@pytest.fixture
def device(clock: SetClock, camera: ScriptedCamera) -> Device:
    return make_device(SPEC, clock, camera, RecordingLink())


def test_the_pauses_between_tries_double_up_to_the_longest() -> None:
    retries = RetrySchedule()
    pauses = []
    for _ in range(6):
        retries.record_failure(100.0, longest_s=5.0)
        pauses.append(retries.next_try_s(100.0))
    assert pauses[0] == SHORTEST_S
    assert all(0.8 * most <= pause <= most for pause, most in zip(pauses[1:], (1, 2, 4, 5, 5), strict=True))


def test_a_camera_that_is_away_for_days_is_tried_at_the_longest_pause() -> None:
    retries = RetrySchedule()
    for _ in range(2000):
        retries.record_failure(100.0, longest_s=60.0)
    assert 48 <= retries.next_try_s(100.0) <= 60


def test_only_a_camera_without_failed_pictures_becomes_healthy() -> None:
    retries = RetrySchedule()
    retries.record_failure(0.0, 60.0)
    retries.record_opened(1.0)
    retries.record_failed_picture("camera_error")
    retries.reset_when_healthy(2.0 + HEALTHY_S)
    assert retries.failures == 1
    retries.record_picture()
    assert retries.failures == 0


def test_a_rejected_setting_does_not_keep_a_camera_from_being_healthy() -> None:
    retries = RetrySchedule()
    retries.record_failure(0.0, 60.0)
    retries.record_opened(1.0)
    retries.record_failed_picture("rejected_setting")
    retries.reset_when_healthy(2.0 + HEALTHY_S)
    assert retries.failures == 0


def test_settings_that_a_closed_camera_rejects_at_its_opening_are_not_stored(
    device: Device, camera: ScriptedCamera
) -> None:
    camera.apply_errors.append(CameraError("It has no such gain.", reason="rejected_setting"))
    with pytest.raises(CameraError, match="no such gain"):
        device.apply_settings({"gain": 5.0})
    assert device.settings.desired == {}
    assert device.ensure_open()


def test_an_exposure_may_take_its_time_the_interval_the_readout_and_the_margin() -> None:
    timing = DeviceTiming(margin_s=2.0)
    timing.readout_s = 0.5
    timing.record_settings({"fps": 4.0})
    assert timing.allowed_s({"exposure_us": 3_000_000}) == pytest.approx(3.0 + 0.25 + 0.5 + 2.0)


def test_the_shutter_time_of_the_body_counts_if_it_is_longer() -> None:
    timing = DeviceTiming(margin_s=0.0)
    timing.record_settings({"exposure_us": 30_000_000})
    assert timing.allowed_s({}) == pytest.approx(31.0)
    assert timing.shutter_s == 30.0


def test_every_state_of_a_device_can_fail() -> None:
    assert {state for state, event in MOVES if event is DeviceEvent.FAILURE} == set(DeviceState)


def test_a_device_reports_why_it_is_not_open_until_it_is(
    device: Device, camera: ScriptedCamera, clock: SetClock
) -> None:
    camera.open_errors.append(CameraError("It is gone.", reason="camera_unreachable"))
    assert not device.ensure_open()
    assert device.trouble == {"reason": "camera_unreachable", "permanent": False}
    clock.go_on(device.next_try_s())
    assert device.ensure_open() is True
    assert device.trouble is None


def test_a_real_camera_has_no_faults_to_switch_on(device: Device) -> None:
    with pytest.raises(CameraError, match="for simulated cameras only; this is a scripted camera") as error:
        device.inject_faults({"hang": 1})
    assert error.value.reason == "rejected_setting"


class SlowCamera(ScriptedCamera):
    """It takes three seconds to report battery and card."""

    def supplies(self, deadline: float) -> Supplies:
        self.clock.wait(3.0)
        return super().supplies(deadline)


def test_telemetry_waits_for_its_time_and_delays_no_exposure(clock: SetClock) -> None:
    device = make_device(SPEC, clock, SlowCamera(clock), RecordingLink())
    assert device.ensure_open()
    device.telemetry.read()
    assert not device.telemetry.is_due(100.0)
    clock.go_on(DeviceTimes().telemetry_s)
    assert device.telemetry.is_due(100.0)
    assert device.telemetry.is_due(5.0) is False
    assert device.telemetry.is_due(7.0) is True


def test_a_card_is_cleared_only_while_the_camera_is_open(device: Device, camera: ScriptedCamera) -> None:
    card = CardCleaner(device, device.handle_failure)
    card.delete_later(exposure(card=["IMG_1"]))
    card.delete_waiting()
    assert camera.forgotten == []
    assert device.ensure_open()
    card.delete_waiting()
    assert camera.forgotten == ["IMG_1"]


def test_a_capture_of_a_camera_process_ends_by_its_clock(tmp_path: Path, clock: SetClock) -> None:
    with CameraLoopBench(tmp_path, clock) as bench:
        bench.camera.next.append(CameraError("The shutter does not open."))
        failed = bench.outcome(bench.capture())
    assert failed["ended"].startswith("2027-01-15T2")
