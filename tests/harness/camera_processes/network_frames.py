"""Frames of a network camera, whose pictures carry numbers."""

from __future__ import annotations

from cameras.drivers.base import FrameData
from cameras.drivers.network import NetworkDriver
from cameras.drivers.simulated.codec import read_frame_number
from tests.harness.waiting import PATIENCE_S


def frames(camera: NetworkDriver, count: int) -> list[FrameData]:
    found = [camera.frame(camera.clock.monotonic() + PATIENCE_S) for _ in range(count)]
    return [frame for frame in found if frame is not None]


def number(frame: FrameData | None) -> int:
    """The number in the picture; -1 for a damaged picture."""
    found = None if frame is None else read_frame_number(frame.image)
    return -1 if found is None else found
