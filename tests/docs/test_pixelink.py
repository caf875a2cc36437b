"""docs/cameras/pixelink.md: its settings are the driver's, its messages exist, its command installs the fake SDK."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from cameras.drivers.options import DriverSettings
from cameras.drivers.pixelink.driver import PixelinkSettings
from tests.harness.documents.pages import page, section
from tests.harness.documents.sources import code
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

PAGE = "docs/cameras/pixelink.md"
MESSAGES = [quoted.replace("\n  ", " ") for quoted in re.findall(r"\*([^*]+)\*", section(PAGE, "Messages"))]


def test_the_table_names_every_setting() -> None:
    own = PixelinkSettings.model_fields.keys() - DriverSettings.model_fields.keys()
    rows = [line.split("|")[1] for line in section(PAGE, "Settings").splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", "".join(rows))) == own | {"exposure_us", "gain"}


def test_each_quoted_message_exists() -> None:
    wanted = [sentence.removesuffix(" ...").split("PIXELINK_SDK_LIB")[-1] for sentence in MESSAGES]
    assert wanted
    assert [sentence for sentence in wanted if sentence not in code("cameras/drivers/pixelink/")] == []


def test_the_command_installs_the_stand_in(tmp_path: Path) -> None:
    assert ".venv/bin/python -m tests.harness.far_ends.pixelink.build /tmp/sdk" in page(PAGE)
    command = [sys.executable, "-m", "tests.harness.far_ends.pixelink.build", str(tmp_path)]
    subprocess.run(command, cwd=PROJECT, check=True, timeout=PATIENCE_S)
    assert {"cameras", "libPxLApi.so"} < {path.name for path in tmp_path.iterdir()}
