"""docs/cameras/dslr.md: its settings are the driver's, its messages exist, and its command creates cameras."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from cameras.drivers.gphoto2.driver import Gphoto2Settings
from cameras.drivers.gphoto2.errors import DESKTOP
from cameras.drivers.options import DriverSettings
from tests.harness.documents.pages import page, section
from tests.harness.documents.sources import code
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

PAGE = "docs/cameras/dslr.md"
MESSAGES = re.findall(r"\*([^*]+)\*", section(PAGE, "Messages"))


def test_the_table_names_every_setting() -> None:
    own = Gphoto2Settings.model_fields.keys() - DriverSettings.model_fields.keys()
    rows = [line.split("|")[1] for line in section(PAGE, "Settings").splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", "".join(rows))) == own | {"exposure_us", "f_number", "iso"}


def test_each_quoted_message_exists() -> None:
    assert MESSAGES
    assert [sentence for sentence in MESSAGES if sentence not in code("cameras/drivers/gphoto2/")] == []


def test_the_commands_that_stop_desktop_programs_are_those_of_the_message() -> None:
    assert [command for command in DESKTOP.values() if command not in page(PAGE)] == []


def test_the_command_attaches_cameras(tmp_path: Path) -> None:
    (line,) = re.findall(r"\.venv/bin/python (-m tests\.harness\.far_ends\.gphoto2_port\.build .*)", page(PAGE))
    words = shlex.split(line.replace("/tmp/desk", str(tmp_path)))
    done = subprocess.run(
        [sys.executable, *words], cwd=PROJECT, check=True, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert f"IOLIBS={tmp_path}/iolibs" in done.stdout.splitlines()
    assert (tmp_path / "cameras").read_text() == "usb:001,004 6012345 battery=77\nusb:001,005 6012346\n"
