"""Sources of frames: a V4L2 device, which has its own reading thread, or a video file inside a configured folder,
which the driver's thread reads. Their addresses are checked: protocols, patterns and options of FFmpeg are refused. A
file's address is stored as its real path, without symbolic links, so that opening can detect that the file was
replaced by a link."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NoReturn, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from cameras.drivers.base import Applied, CameraError, FrameData, SettingRange
from core.folders import real_path_inside

DEVICE = re.compile(r"/dev/video\d{1,3}|/dev/v4l/by-(?:id|path)/\w[\w.:+-]*", re.ASCII)
INDEX = re.compile(r"\d{1,3}", re.ASCII)
FORMATS = {
    ".avi": "avi",
    ".mjpeg": "mjpeg",
    ".mjpg": "mjpeg",
    ".mkv": "matroska",
    ".mov": "mov",
    ".mp4": "mov",
    ".ts": "mpegts",
    ".webm": "matroska",
}
"""File extension -> the only FFmpeg demuxer that opens it."""
REFUSED = frozenset(':|,;?%*<>"\\[]{}')


def normalise_address(address: str, sources: list[str]) -> str:
    """The address in its normal form: a path below /dev, or a file's real path; ValueError with a sentence."""
    address = address.strip(" ")
    if INDEX.fullmatch(address):
        return f"/dev/video{int(address)}"
    if is_device(address):
        return address
    if not address.isprintable() or REFUSED & set(address):
        _refuse("An address has no protocol, pattern, option or control character.", sources)
    if suffix(address) not in FORMATS:
        _refuse("This is neither a device nor a video file.", sources)
    return _file_inside(address, sources)


def is_device(address: str) -> bool:
    return DEVICE.fullmatch(address) is not None


def suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _file_inside(address: str, sources: list[str]) -> str:
    if ".." in address.split("/"):
        _refuse("An address must not contain `..`.", sources)
    # join() with an absolute address returns that address, so full paths are compared with the folders as well.
    paths = [real_path_inside(os.path.join(folder, address), sources) for folder in sources]
    # The suffix again, of the real path: a link named `x.mp4` may lead to a file of another kind.
    inside = [path for path in paths if path is not None and suffix(path) in FORMATS]
    if not inside:
        _refuse("This file is not in a folder for video files.", sources)
    return next(filter(os.path.exists, inside), inside[0])


def _refuse(cause: str, sources: list[str]) -> NoReturn:
    folders = ", ".join(sources) or "one of the folders of the setting `sources` (none is configured)"
    raise ValueError(
        f"{cause} Give a USB camera (0, /dev/video0 or /dev/v4l/by-id/...), "
        f"or a video file ({', '.join(sorted(FORMATS))}) inside {folders}."
    )


def open_regular_file(path: str) -> io.FileIO:
    """The regular file at `path`, which must be real: no symbolic link in any part. Raises CameraError without the path
    in its message, because paths are for managers."""
    try:
        # O_NOFOLLOW checks only the last part of the path, hence the comparison below. O_NONBLOCK: a pipe with a
        # video's name would block until someone writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise CameraError(
            "The camera's video file is missing. Restore it, or change the camera's address.",
            reason="camera_unreachable",
        ) from None
    except PermissionError:
        raise CameraError(
            "Skycam may not read the camera's video file. Give the user that runs Skycam permission to read it."
        ) from None
    except OSError as error:
        raise CameraError(f"The camera's video file cannot be opened ({error.strerror}). Check the file.") from error
    # On the descriptor, not the path: what was checked is what is read. Before FileIO, which refuses a folder.
    if stat.S_ISREG(os.fstat(descriptor).st_mode) and os.readlink(f"/proc/self/fd/{descriptor}") == path:
        return io.FileIO(descriptor, closefd=True)
    os.close(descriptor)
    raise CameraError(
        "The camera's video file has changed since it was checked: it, or a folder above it, was replaced. "
        "Save the camera's address again.",
        permanent=True,
    )


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
