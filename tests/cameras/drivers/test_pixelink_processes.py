"""A PixeLink camera and several processes: one holds it, or another that was killed left it streaming."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.camera_processes.pixelink_driver import run_script, running
from tests.harness.far_ends.pixelink.build import ADDRESSING, SERIAL, SHUTTER, Sdk

STREAMING = """
driver.open(soon())
driver.apply({"exposure_us": 20_000, "gain": 3.0}, soon())
driver.frame(soon())
report("streaming")
time.sleep(600)
"""
ANOTHER_PROGRAM = f"""
from pixelinkWrapper import PxLApi
_, camera = PxLApi.initialize({SERIAL})
assert PxLApi.setFeature(camera, {ADDRESSING}, 2, [2, 0, 2, 2]) == (0,)
assert PxLApi.setStreamState(camera, 0) == (0,)
report("streaming")
time.sleep(600)
"""
A_PICTURE = """
driver.open(soon())
applied = driver.apply({"width": 160}, soon())
frame = driver.expose(ExposureRequest(exposure_us=1000), soon()).frame
report([applied.warnings, list(frame.image.shape)])
"""


@pytest.fixture
def holder(sdk: Sdk) -> Iterator[subprocess.Popen[str]]:
    """A process that has the camera open and streams from it."""
    with running(sdk.environment, STREAMING) as process:
        assert process.stdout
        assert process.stdout.readline() == '"streaming"\n'
        yield process


def test_a_camera_that_another_process_holds_is_reported(sdk: Sdk, holder: subprocess.Popen[str]) -> None:
    refusal = run_script(sdk.environment, "report(failure(driver.open, soon()))")
    assert refusal["reason"] == "camera_held"
    assert refusal["message"].startswith(f"The PixeLink camera {SERIAL} is in use by another program")


def scope(sdk: Sdk, root: Path, slug: str) -> CameraProcess:
    """The process of a camera without an address: it is the first one that is attached."""
    root.mkdir()
    return CameraProcess(root, kind="pixelink", slug=slug, settings={"exposure_us": 10_000}, variables=sdk.environment)


def test_a_second_camera_on_one_device_names_the_first_one(sdk: Sdk, tmp_path: Path) -> None:
    with scope(sdk, tmp_path / "first", "scope-a") as first:
        first.wait_for_type("observed", observed="ready")
        with scope(sdk, tmp_path / "second", "scope-b") as second:
            refused = second.wait_for_type("observed", observed="reconnecting")
    assert refused["code"] == "camera_held"
    assert refused["reason"].startswith(
        f"The PixeLink camera {SERIAL} is in use by the camera scope-a of Skycam (pid {first.process.pid}; remove one "
        "of the two cameras)."
    )


def test_a_camera_that_a_killed_process_left_streaming_is_opened(sdk: Sdk, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    assert sdk.streams()
    assert run_script(sdk.environment, A_PICTURE) == [[], [240, 160, 3]]


def test_settings_of_another_program_apply_to_the_picture(sdk: Sdk) -> None:
    with running(sdk.environment, ANOTHER_PROGRAM) as process:
        assert process.stdout
        assert process.stdout.readline() == '"streaming"\n'
    assert run_script(sdk.environment, A_PICTURE) == [[], [120, 80, 3]]


def test_an_exposure_is_aborted_while_it_lasts(sdk: Sdk) -> None:
    sdk.limits(SHUTTER, 0.00002, 1000)
    script = """
import threading
from cameras.drivers.base import Aborted
driver.open(soon())
ended = threading.Event()
def abort():
    while not ended.wait(0.05):
        driver.abort()
threading.Thread(target=abort, daemon=True).start()
try:
    driver.expose(ExposureRequest(exposure_us=900_000_000), clock.monotonic() + 1000)
except Aborted:
    ended.set()
    report(driver.apply({}, soon()).actual["exposure_us"])"""
    assert run_script(sdk.environment, script) == 3096
    assert not sdk.streams()
