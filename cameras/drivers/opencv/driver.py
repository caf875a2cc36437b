"""The driver of USB cameras and video files, through OpenCV."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

import cv2

from cameras.drivers.abilities import AttachedDevice, SettableStream
from cameras.drivers.base import (
    Aborted,
    Applied,
    CameraError,
    Capabilities,
    Clock,
    Driver,
    Exposure,
    ExposureRequest,
    FrameData,
    Identity,
    remaining,
)
from cameras.drivers.opencv import source as addresses
from cameras.drivers.opencv import v4l2_devices
from cameras.drivers.opencv.device import VideoDevice
from cameras.drivers.opencv.file import VideoFile
from cameras.drivers.opencv.source import Source, camera_errors
from cameras.drivers.options import DriverSettings
from cameras.drivers.parts import opened
from core.resources.fields import field

ROUNDING_S = 0.005
"""How many seconds before the deadline a wait may end."""


class OpencvSettings(DriverSettings):
    """A device uses the settings that it supports. The rate and size of a file are fixed."""

    white_balance_k: int | None = field(None, ge=1000, le=40_000, help="kelvin")
    fps: float | None = field(None, gt=0, le=1000, help="frames per second")
    width: int | None = field(None, ge=16, le=16_384, help="pixels")
    height: int | None = field(None, ge=16, le=16_384, help="pixels")


class OpencvDriver(Driver, AttachedDevice, SettableStream):
    """A still is the first frame that arrives after the request; it is a frame of the stream as well."""

    kind = "opencv"
    numbers_frames = True
    stills_from_stream = True
    settings_model = OpencvSettings

    def __init__(self, address: str, clock: Clock) -> None:
        super().__init__(address, clock)
        self._source: Source | None = None

    @classmethod
    def check_address(cls, address: str, sources: list[str]) -> str:
        return addresses.normalise_address(address, sources)

    @classmethod
    def discover(cls, held: Collection[str] = ()) -> list[dict[str, str]]:
        return v4l2_devices.attached_devices(held)

    def device_location(self) -> str:
        return os.path.realpath(self.address) if addresses.is_device(self.address) else ""

    def open(self, deadline: float) -> Identity:
        self.close()
        with camera_errors(self._name):
            self._source = self._open_source(deadline)
        remaining(self.clock, deadline)
        return Identity(model=self._source.model, library=f"OpenCV {cv2.__version__}")

    @property
    def _name(self) -> str:
        """In messages: paths of files are for managers."""
        return self.address if addresses.is_device(self.address) else "The video file"

    def close(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def capabilities(self) -> Capabilities:
        source = opened(self._source)
        with camera_errors(self._name):
            actual, ranges = source.actual(), source.ranges()
        return Capabilities(stream=True, width=actual.get("width"), height=actual.get("height"), settings=ranges)

    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        source = opened(self._source)
        remaining(self.clock, deadline)
        with camera_errors(self._name):
            return source.apply(self.validated(settings), deadline)

    def read_back(self, deadline: float) -> dict[str, Any]:
        source = opened(self._source)
        with camera_errors(self._name):
            return source.own()

    def use_for_stream(self, settings: dict[str, Any], deadline: float) -> None:
        source = opened(self._source)
        with camera_errors(self._name):
            source.use_for_stream(self.validated(settings))

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        source = opened(self._source)
        remaining(self.clock, deadline)
        started_ns, started = self.clock.wall_ns(), self.clock.monotonic()
        with camera_errors(self._name), source.overridden(request.settings(), deadline) as applied:
            frame = source.next_still(deadline)
        if frame is None:
            remaining(self.clock, deadline - ROUNDING_S)
            raise Aborted
        return Exposure(
            started_ns=started_ns,
            # By the monotonic clock: the wall clock may be set during the exposure.
            ended_ns=started_ns + round(max(0.0, frame.monotonic - started) * 1e9),
            actual={name: applied.actual[name] for name in ("exposure_us", "gain") if name in applied.actual},
            warnings=applied.warnings,
            frame=frame,
        )

    def frame(self, deadline: float) -> FrameData | None:
        source = opened(self._source)
        with camera_errors(self._name):
            return source.next_frame(deadline)

    def check_alive(self, deadline: float) -> None:
        if self._source is not None:
            self._source.check_present()

    def _open_source(self, deadline: float) -> Source:
        if addresses.is_device(self.address):
            return VideoDevice(self.address, self.clock, deadline)
        # The address may never have been checked: only a full path can be compared with the opened file, and only a
        # known suffix has a demuxer.
        if not self.address.startswith("/") or addresses.suffix(self.address) not in addresses.FORMATS:
            raise CameraError(
                "The camera's address is neither a device nor the full path of a video file. Save it again.",
                permanent=True,
            )
        return VideoFile(self.address, self.clock, deadline)
