"""A driver with a scripted camera: frames, the camera's own files, or an error."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cameras.drivers.abilities import CameraBody, SettableStream, StoppableStream, Supplies
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
)

JPEG = b"\xff\xd8" + b"j" * 3000 + b"\xff\xd9"


class OwnFile:
    """A picture as the camera made it; with `breaks_off` the cable is pulled half-way."""

    def __init__(self, kind: str, suffix: str, content: bytes, *, breaks_off: bool = False) -> None:
        self.kind, self.suffix, self.content, self.breaks_off = kind, suffix, content, breaks_off
        self.size = len(content)

    def chunks(self) -> Iterator[bytes]:
        half = len(self.content) // 2
        yield self.content[:half]
        if self.breaks_off:
            raise CameraError("The camera disconnected while its file was read.", reason="camera_unreachable")
        yield self.content[half:]


class HeldPicture:
    """The picture of the camera's next exposure, which the camera holds until the test releases it, or until it is
    closed. `error` is raised instead of delivering it."""

    def __init__(self, camera: ScriptedCamera, error: Exception | None = None, fetch_s: float = 60.0) -> None:
        self.begun, self.released = threading.Event(), threading.Event()
        self.closed, self._error = False, error
        self.exposure = exposure(fetch=self.fetch, fetch_s=fetch_s)
        self._camera = camera
        camera.next.append(self.exposure)
        camera.held.append(self)

    def fetch(self, deadline: float) -> None:
        self.begun.set()
        self.released.wait()
        if self.closed:
            raise CameraError("The camera was closed before it had delivered the picture.")
        if self._error:
            raise self._error
        self.exposure.frame = self._camera.image(np.zeros((16, 16, 3), np.uint8))

    def close(self) -> None:
        self.closed = not self.released.is_set()
        self.released.set()


class ScriptedCamera(Driver, CameraBody, SettableStream, StoppableStream):
    """`next` holds what the next exposures give: an Exposure, or an error to raise; then plain frames.

    `streams`: whether the camera has a stream of frames; `previews`: whether it has a live view. `body_us`: the shutter
    time on the dial of its body, if it has one; it then ignores the requested time. `age_s`: the age of a frame when it
    arrives. `turned`: the settings on its body that it reports. `supplies_take_s`, `read_back_takes_s`: how long it
    takes to report battery and card, and its settings. `meanwhile`: called while settings are applied. `overlap`: as in
    its capabilities. `held`: the pictures that it holds, which end when it is closed.
    """

    kind = "scripted"

    def __init__(self, clock: Clock) -> None:
        super().__init__("", clock)
        self.next: deque[Exposure | CameraError] = deque()
        self.open_errors: deque[CameraError] = deque()
        self.apply_errors: deque[CameraError] = deque()
        self.frame_errors: deque[CameraError] = deque()
        self.calls: list[str] = []
        self.forgotten: list[Any] = []
        self.number = 0
        self.rest_errors: deque[CameraError] = deque()
        self.supplies_results: deque[Supplies | CameraError] = deque()
        self.streams = True
        self.previews = False
        self.body_us: int | None = None
        self.age_s = 0.0
        self.turned: dict[str, Any] = {}
        self.supplies_take_s = 0.0
        self.supplies_asked: list[int] = []
        """The number of other calls before each."""
        self.read_back_takes_s = 0.0
        self.read_back_errors: deque[CameraError] = deque()
        self.read_backs = 0
        self.meanwhile: Callable[[], object] | None = None
        self.overlap = 0
        self.held: list[HeldPicture] = []
        self.of_stream: list[dict[str, Any]] = []
        """The settings that the stream was given."""

    def use_for_stream(self, settings: dict[str, Any], deadline: float) -> None:
        self.of_stream.append(settings)

    def open(self, deadline: float) -> Identity:
        self.calls.append("open")
        if self.open_errors:
            raise self.open_errors.popleft()
        return Identity(vendor="Söhne & Co", model="Scripted", serial="1")

    def close(self) -> None:
        self.calls.append("close")
        for picture in self.held:
            picture.close()
        self.held.clear()

    def capabilities(self) -> Capabilities:
        return Capabilities(stream=self.streams, preview=self.previews, readout_s=0.1, overlap=self.overlap)

    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        self.calls.append("apply")
        if self.apply_errors:
            raise self.apply_errors.popleft()
        if self.meanwhile is not None:
            self.meanwhile()
        return Applied({**settings, **self._dial})

    def read_back(self, deadline: float) -> dict[str, Any]:
        time.sleep(self.read_back_takes_s)
        error, found = self.read_back_errors.popleft() if self.read_back_errors else None, dict(self.turned)
        self.read_backs += 1  # last: tests wait for it before they script the next reading
        if error:
            raise error
        return found

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        return Applied(self._dial)

    @property
    def _dial(self) -> dict[str, int]:
        return {} if self.body_us is None else {"exposure_us": self.body_us}

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        self.calls.append("expose")
        if self.next:
            result = self.next.popleft()
            if isinstance(result, CameraError):
                raise result
            # Not a copy: a fetch fills the exposure that was returned.
            result.started_ns, result.ended_ns = self._times()["started_ns"], self._times()["ended_ns"]
            return result
        if self.clock.wait((request.exposure_us or 1000) / 1e6):
            raise Aborted
        return exposure(
            frame=self.image(np.zeros((16, 16, 3), np.uint8)),
            actual={"exposure_us": self.body_us or request.exposure_us or 1000},
            **self._times(),
        )

    def _times(self) -> dict[str, int]:
        """The times of an exposure that has just ended."""
        return {"started_ns": self.clock.wall_ns(), "ended_ns": self.clock.wall_ns() + 1_000_000}

    def frame(self, deadline: float) -> FrameData | None:
        self.calls.append("frame")
        if not (self.streams or self.previews):
            return super().frame(deadline)
        if self.frame_errors:
            raise self.frame_errors.popleft()
        return None if self.clock.wait(0.005) else self.image(np.zeros((16, 16, 3), np.uint8))

    def stop_frames(self, deadline: float) -> None:
        self.calls.append("rest")
        if self.rest_errors:
            raise self.rest_errors.popleft()

    def supplies(self, deadline: float) -> Supplies:
        self.supplies_asked.append(len(self.calls))
        time.sleep(self.supplies_take_s)
        result = self.supplies_results.popleft() if self.supplies_results else Supplies()
        if isinstance(result, CameraError):
            raise result
        return result

    def image(self, pixels: Any) -> FrameData:
        self.number += 1
        return FrameData(pixels, self.clock.wall_ns() - round(self.age_s * 1e9), self.clock.monotonic(), self.number)

    def delete_from_card(self, exposure: Exposure, deadline: float) -> None:
        self.forgotten += exposure.card


def exposure(**fields: Any) -> Exposure:
    actual = {"exposure_us": 1000}
    return Exposure(**{"started_ns": 1_800_000_000_000_000_000, "ended_ns": 1_800_000_000_001_000_000,
                       "actual": actual, **fields})  # fmt: skip
