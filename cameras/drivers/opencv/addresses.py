"""Validation of addresses: a V4L2 device, or a video file inside a configured folder, which is opened only if it was
not replaced since. Protocols, patterns and options of FFmpeg are refused. A file's address is stored as its real
path, without symbolic links, so that opening can detect that the file was replaced by a link."""

from __future__ import annotations

import io
import os
import re
import stat
from typing import NoReturn

from cameras.drivers.base import CameraError
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
