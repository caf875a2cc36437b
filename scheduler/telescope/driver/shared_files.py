"""The files of an image, in a folder that the controller shares with this machine."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cameras.drivers.base import CameraError
from scheduler.telescope.driver.clock import SocketClock

BLOCK_BYTES = 2880
"""The size of a FITS file is a multiple of it."""
CHUNK_BYTES = 1 << 20
MOST_FILES = 9
WAIT_S = 5.0
"""How long files may take to appear here after the controller has said that they are written."""
LOOK_S = 0.1
MESSAGE_NOT_READ = "The file {name} of the controller cannot be read: {reason}. Check the folder that it shares."


@dataclass(slots=True)
class SharedFile:
    """A `CameraFile`: its bytes are stored unchanged."""

    path: str
    kind: str
    size: int
    suffix: str = ".fits"

    def chunks(self) -> Iterator[bytes]:
        """CameraError when the file cannot be read, or has another size by now."""
        found = 0
        try:
            # Not through a link: the folder is another machine's.
            with open(os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    found += len(chunk)
                    yield chunk
        except OSError as error:
            raise CameraError(MESSAGE_NOT_READ.format(name=self.name, reason=error.strerror)) from error
        if found != self.size:
            raise CameraError(f"The file {self.name} has {found} bytes; it had {self.size} when it was complete.")

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @property
    def is_complete(self) -> bool:
        return self.size > 0 and self.size % BLOCK_BYTES == 0

    def sha256(self) -> str:
        """CameraError as `chunks`."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()


class SharedFolder:
    """Waits for the files of images. As many are expected as the image with the most has had."""

    def __init__(self, path: str, clock: SocketClock) -> None:
        self._path, self._clock = path, clock
        self._expected = 1

    def wait_for(self, root: str) -> tuple[list[SharedFile], list[str]]:
        """The files of an image, in the order of their names: once as many as expected are complete, or after WAIT_S
        those that are. Then a warning, if some are missing. CameraError when the folder cannot be read."""
        files = self._complete_files(root)
        if len(files) < self._expected:
            found = f"{len(files)} of {self._expected} files {root}*.fits have come complete into {self._path}."
            return files, [f"{found} Look for the others on the controller."]
        self._expected = len(files)
        return files, []

    def _complete_files(self, root: str) -> list[SharedFile]:
        deadline, before = self._clock.monotonic() + WAIT_S, list[SharedFile]()
        while True:
            files = find_files(self._path, root)
            # Twice the same: a file may reach this machine in pieces, each of whole blocks.
            complete = [file for file in files if file.is_complete and file in before]
            is_whole = complete == files and len(complete) >= self._expected
            if is_whole or self._clock.monotonic() >= deadline:
                return complete
            before = files
            self._clock.sleep(LOOK_S)


def find_files(folder: str, root: str) -> list[SharedFile]:
    """The FITS files of an image, of the kinds fits, fits2, fits3 and so on, also those that are incomplete."""
    names = re.compile(rf"{re.escape(root)}(?:[._-].*)?\.fits?", re.IGNORECASE)
    try:
        with os.scandir(folder) as entries:
            found = sorted(
                (entry.name, entry.stat(follow_symlinks=False).st_size)
                for entry in entries
                if names.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
            )
    except FileNotFoundError:
        # A file was renamed between the two calls, or the folder is not mounted.
        if not os.path.isdir(folder):
            raise CameraError(f"The folder {folder} is not there. Mount what the controller shares.") from None
        return []
    except OSError as error:
        raise CameraError(f"The folder {folder} cannot be read: {error.strerror}.") from error
    kinds = ["fits", *(f"fits{number}" for number in range(2, MOST_FILES + 1))]
    return [
        SharedFile(os.path.join(folder, name), kind, size) for kind, (name, size) in zip(kinds, found, strict=False)
    ]
