"""Where frames come from: a device or a file. A source has no thread; its owner reads it often enough."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from cameras.drivers.base import Applied, CameraError, SettingRange

Image = NDArray[np.uint8]

VIDEOIO_ENVIRONMENT = {
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "2",  # seconds; 10 without it
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
}


class Taken(NamedTuple):
    """A frame, RGB. `captured` is seconds of the monotonic clock, where the source says when that was."""

    image: Image
    captured: float | None = None


class Source(Protocol):
    def close(self) -> None:
        """Idempotent."""

    def look(self) -> None:
        """CameraError when it is gone. Waits for nothing."""

    def next(self, deadline: float) -> Taken | None:
        """The next frame; None when the deadline passed or the wait was interrupted."""

    def skip_old(self, deadline: float) -> list[Taken]:
        """What came in before now, so that `next` gives a frame that was not there yet."""

    def apply(self, values: dict[str, Any]) -> Applied: ...

    def overridden(self, values: dict[str, Any]) -> AbstractContextManager[Applied]:
        """`values` for one still; afterwards everything is as it was."""

    def actual(self) -> dict[str, Any]:
        """The settings as read back, without those that the source does not have."""

    def ranges(self) -> dict[str, SettingRange]: ...


def capture(path: str, backend: int, parameters: list[int], environment: dict[str, str]) -> cv2.VideoCapture:
    """An OpenCV capture, perhaps not opened; OpenCV takes part of its settings from the environment only."""
    os.environ.update(VIDEOIO_ENVIRONMENT | environment)
    return cv2.VideoCapture(path, backend, parameters)


def retrieved(source: cv2.VideoCapture, name: str) -> Image:
    """The grabbed frame as contiguous RGB; CameraError when it cannot be decoded."""
    found, picture = source.retrieve()
    if not found or picture is None:
        raise CameraError(f"{name} gave a frame that cannot be decoded. Look at it with another program.")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


@contextmanager
def sentences(name: str) -> Iterator[None]:
    """OpenCV's own exceptions as CameraError."""
    try:
        yield
    except cv2.error as error:
        raise CameraError(f"{name}: OpenCV failed ({error.err}). Open the camera again.") from error
