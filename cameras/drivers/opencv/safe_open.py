"""Opens a path that was checked earlier, and refuses it if the file was replaced since."""

from __future__ import annotations

import io
import os
import stat

from cameras.drivers.base import CameraError


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
