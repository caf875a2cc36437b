"""A setting is changed on the camera's body: what the camera process reports, and when it reads the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cameras.runtime.device_timing import DeviceTimes
from cameras.runtime.settings_drift import SettingsDrift, still_desired
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.clocks.camera_clock import SetClock
from tests.harness.far_ends.gphoto2_port.build import EXPOSURE, ISO, build, plug, turn
from tests.harness.far_ends.pixelink.build import GAIN, SHUTTER, Sdk
from tests.harness.waiting import eventually

DESIRED = {"gain": 2.0, "iso": 200}
OFTEN_S = 0.1


@pytest.fixture
def bench(tmp_path: Path) -> CameraLoopBench:
    """A camera whose settings are read very often, in a time that passes as fast as they are read."""
    bench = CameraLoopBench(tmp_path, SetClock(), times=DeviceTimes(telemetry_s=0.02), settings=dict(DESIRED))
    bench.camera.streams = False
    return bench


def with_differs(*names: str) -> Callable[[dict[str, Any]], bool]:
    """The message that reports differences of exactly these settings."""
    return lambda message: message["type"] == "settings" and [one["name"] for one in message["differs"]] == list(names)


def test_a_setting_changed_on_the_body_is_a_difference(bench: CameraLoopBench) -> None:
    with bench:
        bench.wait_for_type("settings", differs=[])
        bench.camera.turned = {"gain": 4.0}
        message = bench.wait_for_message(with_differs("gain"))
    assert message["differs"] == [{"name": "gain", "wished": 2.0, "has": 4.0}]
    assert message["actual"] == {**DESIRED, "gain": 4.0}


def test_a_difference_is_reported_once_and_again_when_it_ends(bench: CameraLoopBench) -> None:
    with bench:
        bench.camera.turned = {"gain": 4.0}
        bench.wait_for_message(with_differs("gain"))
        count = len(bench.camera.supplies_asked)
        eventually(lambda: len(bench.camera.supplies_asked) > count + 1)
        bench.camera.turned = {"gain": 2.0}
        bench.wait_for_message(with_differs())
    assert len([message for message in bench.link.messages if with_differs("gain")(message)]) == 1


def test_applying_the_desired_settings_again_ends_the_difference(bench: CameraLoopBench) -> None:
    with bench:
        bench.camera.turned = {"gain": 4.0}
        bench.wait_for_message(with_differs("gain"))
        bench.camera.turned = {}
        answer = bench.wait_for_type("answer", command_id=bench.send_command("configure", settings=dict(DESIRED)))
    assert answer["body"]["differs"] == []
    assert answer["body"]["actual"] == DESIRED


def test_a_setting_that_is_no_longer_desired_is_left_to_the_camera(bench: CameraLoopBench) -> None:
    with bench:
        bench.wait_for_type("answer", command_id=bench.send_command("configure", settings={"iso": 400}, whole=True))
        bench.camera.turned = {"gain": 4.0}
        message = bench.wait_for_message(
            lambda message: message["type"] == "settings" and message["actual"].get("gain") == 4.0
        )
    assert bench.process.device.settings.desired == {"iso": 400}
    assert message["differs"] == []


def test_reading_the_camera_does_not_adopt_its_change(bench: CameraLoopBench) -> None:
    with bench:
        bench.camera.turned = {"gain": 4.0}
        bench.wait_for_message(with_differs("gain"))
        bench.wait_for_type("answer", command_id=bench.send_command("configure", settings={}))
        bench.wait_for_message(with_differs("gain"))
    assert bench.process.device.settings.desired == DESIRED


def test_the_camera_may_change_settings_that_are_left_to_it(bench: CameraLoopBench) -> None:
    with bench:
        bench.camera.turned = {"exposure_us": 20_000}
        message = bench.wait_for_message(
            lambda message: message["type"] == "settings" and "exposure_us" in message["actual"]
        )
    assert message["differs"] == []


@pytest.mark.parametrize(("has", "differs"), [(2.0, False), (2.00001, False), (2.01, True), (None, True)])
def test_a_difference_is_more_than_the_rounding_of_a_camera(has: float | None, differs: bool) -> None:
    drift = SettingsDrift()
    drift.record_applied(["gain"], {"gain": 2.0})
    assert bool(drift.find_differences({"gain": 2.0}, {"gain": has})) is differs


def test_the_nearest_value_that_a_camera_took_is_no_difference() -> None:
    drift = SettingsDrift()
    drift.record_applied(["exposure_us"], {"exposure_us": 8_000_000})
    desired = {"exposure_us": 8_300_000}
    assert drift.find_differences(desired, {"exposure_us": 8_000_000}) == []
    assert drift.find_differences(desired, {"exposure_us": 4_000_000})[0]["wished"] == 8_300_000


def test_a_difference_ends_with_its_desired_value() -> None:
    found: Any = [{"name": "gain", "wished": 2.0, "has": 4.0}]
    assert still_desired(found, {"gain": 2.0}) == found
    assert still_desired(found, {"gain": 4.0}) == still_desired(found, {}) == []


@pytest.mark.slow
def test_a_dial_on_a_dslr_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = tmp_path / "far"
    far.mkdir()
    for name, value in build(far).items():
        monkeypatch.setenv(name, value)
    plug(far, "usb:001,004 6012345")
    desired = {"iso": 400, "exposure_us": 1_000_000}
    with CameraProcess(tmp_path, kind="gphoto2", address="6012345", settings=desired, telemetry_s=OFTEN_S) as process:
        process.wait_for_message(with_differs())
        turn(far, "usb:001,004", ISO, 1600)
        iso = process.wait_for_message(with_differs("iso"))["differs"]
        turn(far, "usb:001,004", EXPOSURE, 20_000)
        both = process.wait_for_message(with_differs("exposure_us", "iso"))["actual"]
        answer = process.wait_for_type("answer", command_id=process.send("configure", settings=desired))
    assert iso == [{"name": "iso", "wished": 400, "has": 1600}]
    assert both["exposure_us"] == 2_000_000
    assert answer["body"]["actual"]["iso"] == 400
    assert answer["body"]["differs"] == []


def test_a_setting_changed_by_another_program_on_a_pixelink_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = Sdk(tmp_path / "sdk")
    for name, value in sdk.environment.items():
        monkeypatch.setenv(name, value)
    with CameraProcess(tmp_path, kind="pixelink", settings={"exposure_us": 10_000}, telemetry_s=OFTEN_S) as process:
        process.wait_for_message(with_differs())
        sdk.is_turned(GAIN, 6.0)
        sdk.is_turned(SHUTTER, 0.02)
        message = process.wait_for_message(with_differs("exposure_us"))
    assert message["differs"] == [{"name": "exposure_us", "wished": 10_000, "has": 20_000}]
