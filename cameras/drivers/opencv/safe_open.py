"""Opens a path that was checked earlier, and refuses a file that was put in its place since."""

from __future__ import annotations

import io
import os
import stat

from cameras.drivers.base import CameraError


def open_regular_file(path: str) -> io.FileIO:
    """The regular file at `path`, which must be real: no symbolic link in any part. Raises CameraError without the path
    in its message, because paths are for managers."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise CameraError(
            "The camera's video file is not there. Put it there, or change the camera's address.",
            reason="camera_unreachable",
        ) from None
    except PermissionError:
        raise CameraError(
            "The camera's video file may not be read. Give the user that runs Skycam the right to."
        ) from None
    except OSError as error:
        raise CameraError(f"The camera's video file cannot be opened ({error.strerror}). Look at the file.") from error
    file = io.FileIO(descriptor, closefd=True)
    if stat.S_ISREG(os.fstat(descriptor).st_mode) and os.readlink(f"/proc/self/fd/{descriptor}") == path:
        return file
    file.close()
    raise CameraError(
        "The camera's video file is no longer the one that was checked: it, or a folder above it, was replaced. "
        "Save the camera's address again.",
        permanent=True,
    )
