"""docs/cameras/telescope-simulator.md: its session runs as written, its times and limits are those of the code."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from scheduler.telescope.simulator import procedures
from scheduler.telescope.simulator.connections import MOST_CONNECTIONS
from scheduler.telescope.simulator.exposure_pixels import LIGHTS, build_mosaic
from scheduler.telescope.simulator.faults import FAULTS
from scheduler.telescope.simulator.options import FETCH_S, READOUT_S, SimulatorOptions
from tests.harness.documents.controller import controller
from tests.harness.documents.pages import blocks, section

PAGE = "docs/cameras/telescope-simulator.md"


@pytest.mark.slow
def test_the_session_of_the_page_prints_what_the_page_shows(tmp_path: Path) -> None:
    """With the ports of this run and a folder of the test."""
    (command,) = blocks(PAGE, "sh")
    (session,), (printed,) = blocks(PAGE, "bash"), blocks(PAGE, "text")
    with controller(command.replace("/tmp", str(tmp_path))) as (commands, status):
        session = session.replace("send 6000 ", f"send {commands} ").replace("send 6001 ", f"send {status} ")
        done = subprocess.run(["bash", "-c", session], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (printed, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"rehearsal_C{number}.fits" for number in range(4)]


def test_the_times_are_those_of_the_code() -> None:
    rows = dict(re.findall(r"^\| (`.+?) \| (.+) \|$", section(PAGE, "Times"), re.MULTILINE))
    assert rows["`expose ... single`"] == (
        f"exposure + {READOUT_S:g} (readout) + {FETCH_S:g} (fetch): {1.5 + READOUT_S + FETCH_S:g} for 1.5"
    )
    assert rows["`expose ... next`"] == f"the longer of exposure + {READOUT_S:g} and {FETCH_S:g}"
    assert rows["`header`"] == f"{procedures.HEADER_S:g}"
    assert rows["`open_shutter`, `close_shutter`"] == f"{procedures.SHUTTER_S:g}"
    assert rows["`erase`"] == f"{procedures.ERASE_S:g}"
    assert rows["`purge`"] == f"{procedures.PURGE_S[False]:g}; fast {procedures.PURGE_S[True]:g}"
    assert rows["`flush`"] == f"{procedures.FLUSH_S[False]:g} for each count; fast {procedures.FLUSH_S[True]:g}"
    assert rows["`power_on` and the other switches"] == f"{procedures.SWITCH_S:g}"
    restart, reboot = (sum(seconds for _, seconds in procedures.STAGES[name]) for name in ("restart", "reboot"))
    assert rows["`restart`"] == f"{restart:g}; `reboot` {reboot:g}"


def test_the_page_has_all_faults() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", section(PAGE, "Faults"), re.MULTILINE)
    assert dict(rows) == {kind: fault.effect for kind, fault in FAULTS.items()}


def test_the_limits_are_those_of_the_code() -> None:
    assert f"it keeps {MOST_CONNECTIONS} connections" in section(PAGE, "What a real controller does differently")


def test_the_images_are_described_as_they_are() -> None:
    text, options = section(PAGE, "Images"), SimulatorOptions()
    mosaic = build_mosaic(options)
    degrees = [size * mosaic.arcsec_per_pixel / 3600 for size in (mosaic.width, mosaic.height)]
    assert f"{options.width} by {options.height} pixels by default and {mosaic.ccds[0].overscan} columns" in text
    assert f"{degrees[0]:.1f}° by {degrees[1]:.1f}°" in text
    assert {kind for kind in LIGHTS if kind.endswith("flat")} <= set(re.findall(r"`(\w+)`", text))
