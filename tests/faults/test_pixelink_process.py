"""A PixeLink camera in its own camera process: a still, settings read back, unplugged, hung, killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.far_ends.pixelink.build import GAIN, SERIAL, Sdk

SPEC: dict[str, Any] = {
    "slug": "microscope", "kind": "pixelink", "address": SERIAL, "settings": {"exposure_us": 2000}, "telemetry_s": 0.5,
}  # fmt: skip
UNNOTICED_S = 600.0
"""Between two readings of the temperature, the first of which would notice that the camera is away."""


@pytest.fixture
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sdk:
    sdk = Sdk(tmp_path / "sdk")
    for name, value in sdk.environment.items():
        monkeypatch.setenv(name, value)
    return sdk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def process(sdk: Sdk, root: Path) -> Iterator[CameraProcess]:
    root.mkdir()
    with CameraProcess(root, **SPEC) as process:
        process.wait_for_type("observed", observed="ready")
        yield process


def outcome(process: CameraProcess, capture: str) -> dict[str, Any]:
    process.wait_for_type("spooled", id=capture)
    return dict(process.done()[capture])


def test_a_still_is_saved_with_the_cameras_actual_settings(process: CameraProcess, root: Path) -> None:
    record = outcome(process, process.capture(gain=99.0))
    body, (file,) = record["body"], record["files"]
    assert body["outcome"] == "saved"
    assert body["exposure_us"] == 2000
    assert body["gain"] == 0.0
    assert body["serial"] == SERIAL
    assert body["warnings"][0].endswith("99 was requested.")
    assert body["temperature_celsius"] == 31.5
    assert body["simulated"] is False
    assert body["library"] == "PixeLink SDK 4.2.6.30"
    with Image.open(root / file["path"]) as image:
        assert image.size == (320, 240)


def test_settings_are_answered_with_the_actual_values_and_a_warning(process: CameraProcess) -> None:
    command = process.send("configure", settings={"exposure_us": 100_000_000, "gain": 4.0})
    body = process.wait_for_type("answer", command_id=command)["body"]
    assert body["actual"]["exposure_us"] == 2000
    assert body["actual"]["gain"] == 4.0
    assert [warning[:37] for warning in body["warnings"]] == ["The camera keeps its exposure time of"]


def test_an_unplugged_camera_is_reported_and_resumes_when_it_is_back(process: CameraProcess, sdk: Sdk) -> None:
    sdk.unplug()
    gone = process.wait_for_type("observed", observed="reconnecting")
    assert gone["reason"].startswith(f"The PixeLink camera {SERIAL} is no longer attached. Check its cable")
    missing = process.wait_for_type("observed", observed="reconnecting")
    assert missing["reason"].startswith(f"No PixeLink camera has the serial number {SERIAL}; none is attached.")
    sdk.plug(SERIAL)
    process.wait_for_type("observed", observed="ready")
    assert outcome(process, process.capture())["body"]["outcome"] == "saved"


def test_a_camera_replugged_between_two_captures_loses_none(sdk: Sdk, root: Path) -> None:
    root.mkdir()
    with CameraProcess(root, **{**SPEC, "telemetry_s": UNNOTICED_S}) as process:
        process.wait_for_type("observed", observed="ready")
        assert outcome(process, process.capture())["body"]["outcome"] == "saved"
        sdk.unplug()
        sdk.plug(SERIAL)
        body = outcome(process, process.capture())["body"]
    assert body["outcome"] == "saved"
    assert body["exposure_us"] == 2000


def test_the_next_process_opens_the_camera_of_a_killed_one(process: CameraProcess, sdk: Sdk, root: Path) -> None:
    sdk.fails("PxLGetNextFrame", "hang", times=1)
    capture = process.capture(gain=7.0)
    process.wait_for_type("state", doing="exposing")
    process.kill()
    assert sdk.streams() is True
    assert sdk.has(GAIN)[0] == 7.0
    with CameraProcess(root, **SPEC) as next_one:
        next_one.wait_for_type("recovered")
        assert next_one.done()[capture]["body"]["outcome"] == "failed"
        assert outcome(next_one, next_one.capture())["body"]["outcome"] == "saved"


@pytest.mark.slow
def test_a_camera_hung_in_the_sdk_is_overdue(sdk: Sdk, root: Path) -> None:
    root.mkdir()
    with CameraProcess(root, margin_s=0.2, **SPEC) as process:
        process.wait_for_type("observed", observed="ready")
        sdk.fails("PxLGetNextFrame", "hang")
        process.capture()
        process.wait_for_message(
            lambda message: message["type"] == "state" and message["doing"] == "exposing" and message["overdue_s"] > 0
        )
