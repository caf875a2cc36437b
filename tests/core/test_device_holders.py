"""The programs that have a device open, as /proc and /sys show them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.device_holders import (
    CameraClaim,
    CameraDevice,
    DeviceHolder,
    camera_of_process,
    claims,
    find_holders,
    format_holders,
    format_holders_with_commands,
    usb_device_node,
)
from tests.harness.project import PROJECT
from tests.harness.waiting import eventually

CLAIM = """
import sys
from core.device_holders import CameraClaim
claim = CameraClaim("bench", "pixelink")
claim.hold("777")
print("held", flush=True)
sys.stdin.read()
"""
HOLD = "import sys; f = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


@pytest.fixture
def node(tmp_path: Path) -> str:
    (tmp_path / "node").touch()
    return os.path.realpath(tmp_path / "node")


@pytest.fixture
def pid(node: str) -> Iterator[int]:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(["/opt/cheese", "-c", HOLD, node], executable=sys.executable, **pipes) as program:
        program.stdout.readline()
        yield program.pid


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """Two USB devices, of which one has no serial number."""
    for port, number, serial in (("1-1", 3, ""), ("1-2.4", 12, "3012345")):
        folder = tmp_path / "bus" / "usb" / "devices" / port
        folder.mkdir(parents=True)
        (folder / "busnum").write_text("1\n")
        (folder / "devnum").write_text(f"{number}\n")
        (folder / "serial").write_text(f"{serial}\n")
    return tmp_path


def test_the_program_that_has_a_device_open_is_named(node: str, pid: int) -> None:
    assert list(find_holders(node)) == [DeviceHolder(pid, "cheese", f"kill {pid}")]


def test_a_suspect_is_listed_with_its_own_command(pid: int) -> None:
    found = list(find_holders("", {"cheese": "cheese --quit"}))
    assert DeviceHolder(pid, "cheese", "cheese --quit") in found


def test_an_unknown_device_has_no_holders(pid: int) -> None:
    assert list(find_holders("")) == []


@pytest.fixture
def camera() -> Iterator[int]:
    """The process of the camera bench, which has a device open that no node shows."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", CLAIM], cwd=PROJECT, **pipes) as process:
        process.stdout.readline()
        yield process.pid


def holders_of(kind: str, location: str) -> list[DeviceHolder]:
    return list(find_holders("", camera=CameraDevice(kind, location)))


def test_a_camera_of_skycam_is_named_by_its_device(camera: int) -> None:
    own = DeviceHolder(camera, "the camera bench of Skycam", "")
    assert own.remedy == "remove one of the two cameras"
    assert holders_of("pixelink", "777") == [own]
    assert holders_of("pixelink", "778") == holders_of("opencv", "777") == []
    assert camera_of_process(camera) == "bench"


def test_a_camera_of_skycam_that_has_ended_holds_nothing(camera: int) -> None:
    os.kill(camera, signal.SIGKILL)
    eventually(lambda: holders_of("pixelink", "777") == [])


def test_a_camera_of_skycam_that_is_closed_holds_nothing() -> None:
    claim = CameraClaim("bench", "pixelink")
    for location in ("777", "778"):
        claim.hold(location)
    assert "bench" in held_here()
    claim.release()
    assert "bench" not in held_here()


def held_here() -> set[str]:
    """The cameras of this process: those of other tests may still be open."""
    return {one.slug for one in claims() if one.pid == os.getpid()}


def test_holders_are_listed_with_and_without_commands() -> None:
    found = [DeviceHolder(7, "cheese", "kill 7"), DeviceHolder(9, "gvfs", "gio mount")]
    assert format_holders(found) == "cheese (pid 7), gvfs (pid 9)"
    assert (
        format_holders_with_commands(found)
        == "cheese (pid 7; stop it with `kill 7`), gvfs (pid 9; stop it with `gio mount`)"
    )


@pytest.mark.parametrize(("serial", "found"), [("3012345", "/dev/bus/usb/001/012"), ("77", "")])
def test_a_usb_device_is_found_by_its_serial_number(sysfs: Path, serial: str, found: str) -> None:
    assert usb_device_node(serial, sysfs) == found
