"""docs/cameras/usb-cameras.md: its settings are the driver's, its limits those of the code, its message exists."""

from __future__ import annotations

import re

from cameras.drivers.opencv import OpencvSettings, reader, stream
from cameras.drivers.opencv import reader as frame_queue
from cameras.drivers.opencv.device import SETTINGS
from core.device_holders import DeviceHolder, format_holders_with_commands
from tests.harness.documents.pages import page, section

PAGE = "docs/cameras/usb-cameras.md"


def test_the_table_names_every_setting() -> None:
    rows = [line.split("|")[1] for line in section(PAGE, "What can be set").splitlines() if line.startswith("| `")]
    own = OpencvSettings.model_fields.keys() - {"iso", "f_number"}
    assert set(re.findall(r"`(\w+)`", "".join(rows))) == own
    assert own > SETTINGS.keys()


def test_the_limits_are_those_of_the_code() -> None:
    text = section(PAGE, "How a camera is read")
    assert f"nothing for {reader.SILENT_S:g} s" in text
    assert f"in the last {reader.STREAMING_S:g} s" in text
    assert f"up to {frame_queue.MOST_FRAMES} of them" in text
    assert f"{frame_queue.MOST_BYTES // 1_000_000} MB in all, at least {frame_queue.FEWEST_FRAMES}" in text
    assert stream.QUEUED == 10
    assert "ten more in the kernel" in text


def test_the_holder_of_a_camera_is_named_as_documented() -> None:
    holders = format_holders_with_commands([DeviceHolder(4711, "cheese", "kill 4711")])
    assert f"    /dev/video0 is held by {holders}.\n" in page(PAGE)
