"""Sources of frames: a device, which has its own reading thread, or a file, which the driver's thread reads."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from cameras.drivers.base import Applied, CameraError, FrameData, SettingRange

Image = NDArray[np.uint8]

VIDEOIO_ENVIRONMENT = {
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "2",  # seconds; 10 without it
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
}


class Source(Protocol):
    model: str

    def close(self) -> None:
        """Idempotent."""

    def check_present(self) -> None:
        """CameraError when the source is gone. Does not wait."""

    def next_frame(self, deadline: float) -> FrameData | None:
        """The next frame of the stream; None when the deadline passed or the wait was interrupted."""

    def next_still(self, deadline: float) -> FrameData | None:
        """A frame that arrives after the call, and stays in the stream; None as for `next_frame`."""

    def apply(self, values: dict[str, Any], deadline: float) -> Applied: ...

    def use_for_stream(self, values: dict[str, Any]) -> None:
        """Apply `values` until the next call, which restores what they have replaced."""

    def overridden(self, values: dict[str, Any], deadline: float) -> AbstractContextManager[Applied]:
        """Apply `values` for one still, and restore the settings afterwards."""

    def actual(self) -> dict[str, Any]:
        """The settings as read back; only those that the source has."""

    def own(self) -> dict[str, Any]:
        """The same, without those of `use_for_stream`."""

    def ranges(self) -> dict[str, SettingRange]:
        """The ranges of the settings in `actual`."""


def capture(path: str, backend: int, parameters: list[int], environment: dict[str, str]) -> cv2.VideoCapture:
    """An OpenCV capture, which may have failed to open. OpenCV reads some of its settings only from the environment."""
    # The environment is the whole process's; each camera has a process of its own.
    os.environ.update(VIDEOIO_ENVIRONMENT | environment)
    return cv2.VideoCapture(path, backend, parameters)


def rgb(source: cv2.VideoCapture) -> Image | None:
    """The grabbed frame, contiguous; None when it cannot be decoded."""
    found, picture = source.retrieve()
    if not found or picture is None:
        return None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


@contextmanager
def camera_errors(name: str) -> Iterator[None]:
    """Turn the errors of OpenCV and the kernel into CameraError."""
    try:
        yield
    except cv2.error as error:
        raise CameraError(f"{name}: OpenCV failed ({error.err}). Open the camera again.") from error
    except OSError as error:
        # The kernel's error for each ioctl on a device that was unplugged.
        if error.errno == errno.ENODEV:
            raise CameraError(f"{name} is gone. Plug the camera in again.", reason="camera_unreachable") from error
        message = (
            f"{name} does not answer ({error.strerror}). Open it again; if it happens often, change its cable or port."
        )
        raise CameraError(message, reason="camera_unreachable") from error
