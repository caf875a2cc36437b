"""`import scheduler_camera`, as the module is installed; what it does with a controller is in
tests/cameras/drivers/telescope/."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import scheduler_camera as cam
from astropy.time import Time

ROOT = Path(__file__).parents[2]
MODULE = "scheduler/telescope/driver/scheduler_camera.py"
CHECKLIST = """
import sys
import scheduler_camera as cam
cam.set_host_name("pco-nuc")
cam.configure_status_channel(True)
cam.init_semaphores()
assert cam.status_channel_active and cam.host_name == "pco-nuc"
assert not {"django", "celery", "rest_framework"} & set(sys.modules)
print(cam.__file__)
"""


@pytest.fixture(autouse=True)
def state_of_the_module() -> Iterator[None]:
    yield
    cam.set_profile("seed")
    cam.set_host_name("pco-nuc")


def run_checklist(folder: Path, *paths: Path) -> Path:
    """Where the module is that a program in `folder` imports."""
    environment = {"PYTHONPATH": ":".join(map(str, paths))}
    done = subprocess.run(
        [sys.executable, "-c", CHECKLIST], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


def test_a_program_imports_it_from_an_editable_install(tmp_path: Path) -> None:
    assert run_checklist(tmp_path) == ROOT / MODULE


def test_a_program_imports_it_from_the_wheel(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    assert run_checklist(tmp_path, installed) == installed / MODULE
    assert (installed / "scheduler_camera.py").exists()
    assert not (installed / "scheduler" / "top_level").exists()


def test_both_names_are_one_module() -> None:
    from scheduler.telescope.driver import scheduler_camera

    assert cam is scheduler_camera


def test_the_constants_are_those_of_the_seed() -> None:
    assert (cam.COMMAND_PORT, cam.STATUS_PORT, cam.READOUT_TIME_SEC, cam.NUM_CAMERA_CLEARS) == (5000, 5001, 40, 0)
    assert (cam.COMMAND_DELAY_USEC, cam.CAMERA_TIMEOUT_SEC, cam.CLEAR_TIME, cam.TRANSFER_TIME_SEC) == (
        100000,
        5,
        20,
        10,
    )
    assert (cam.BAD_ERROR_CODE, cam.BAD_READOUT_TIME, cam.MAXBUFSIZE, cam.LOOP_WAIT_SEC) == (2, 60.0, 1024, 10)
    assert (cam.MAX_FITS_WORDS, cam.MAX_OBS_PER_FIELD, cam.MAX_FIELDS, cam.FILENAME_LENGTH) == (100, 100, 500, 16)
    assert (cam.MACHINE_NAME, cam.status_channel_active) == ("pco-nuc", False)
    assert cam.EXPOSURE_OVERHEAD == (cam.READOUT_TIME_SEC + 5) / 3600


def test_the_commands_are_those_of_the_c_header() -> None:
    assert (cam.OPEN_COMMAND, cam.CLOSE_COMMAND, cam.STATUS_COMMAND) == ("open_shutter", "close_shutter", "status")
    assert (cam.CLEAR_COMMAND, cam.HEADER_COMMAND, cam.EXPOSE_COMMAND) == ("clear", "header", "expose")
    assert (cam.SHUTDOWN_COMMAND, cam.REBOOT_COMMAND, cam.RESTART_COMMAND) == ("shutdown", "reboot", "restart")


def test_no_constant_of_the_c_header_is_missing() -> None:
    names = {
        "MACHINE_NAME", "COMMAND_PORT", "STATUS_PORT", "COMMAND_DELAY_USEC", "ERROR_REPLY", "DONE_REPLY", "CLEAR_TIME",
        "NUM_CAMERA_CLEARS", "READOUT_TIME_SEC", "TRANSFER_TIME_SEC", "EXPOSURE_OVERHEAD", "CAMERA_TIMEOUT_SEC",
        "EXP_MODE_SINGLE", "EXP_MODE_FIRST", "EXP_MODE_NEXT", "EXP_MODE_LAST", "OPEN_COMMAND", "CLOSE_COMMAND",
        "STATUS_COMMAND", "CLEAR_COMMAND", "HEADER_COMMAND", "EXPOSE_COMMAND", "SHUTDOWN_COMMAND", "REBOOT_COMMAND",
        "RESTART_COMMAND",
    }  # fmt: skip
    assert names - {*cam.__all__} == set()
    assert [name for name in names if not hasattr(cam, name)] == []


@pytest.mark.parametrize("profile", ["2025", "2026"])
def test_a_later_version_has_other_constants(profile: cam.ProfileName) -> None:
    cam.set_profile(profile)
    assert (cam.COMMAND_PORT, cam.STATUS_PORT, cam.READOUT_TIME_SEC, cam.NUM_CAMERA_CLEARS) == (6000, 6001, 20, 1)
    assert cam.EXPOSURE_OVERHEAD == (cam.READOUT_TIME_SEC + cam.TRANSFER_TIME_SEC) / 3600
    assert cam.status_channel_active


def test_the_states_have_the_numbers_of_the_c_code() -> None:
    numbers = [getattr(cam, name) for name in cam.STATE_NAMES]
    assert numbers == list(range(cam.NUM_STATES)) == list(range(19))
    assert (cam.EXPOSING, cam.FETCH_PENDING, cam.ERRORED) == (3, 15, 18)


def test_a_program_may_set_the_status_channel_as_in_c() -> None:
    cam.status_channel_active = True
    assert cam.status_channel_active
    cam.configure_status_channel(False)
    assert not cam.status_channel_active


def test_the_times_are_of_one_clock() -> None:
    before = datetime.now(UTC)
    now, ut = cam.get_tm()
    hours, jd = cam.get_ut(), cam.get_jd()
    after = datetime.now(UTC)
    passed_h = (after - before).total_seconds() / 3600
    assert before <= now <= after
    assert ut == pytest.approx(now.hour + now.minute / 60 + (now.second + now.microsecond / 1e6) / 3600, abs=1e-9)
    # Also over midnight.
    assert -1e-6 <= (hours - ut + 12) % 24 - 12 <= passed_h + 1e-6
    assert Time(before).jd - 1e-6 <= jd <= Time(after).jd + 1e-6


def test_a_port_that_the_controller_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="ports 5000 and 5001, and not 80"):
        cam.do_command("status", port=80)


def test_every_public_name_exists() -> None:
    assert [name for name in cam.__all__ if not hasattr(cam, name)] == []
