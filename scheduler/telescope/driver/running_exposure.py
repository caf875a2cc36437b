"""An exposure whose command has no reply yet, for which the camera loop and the still thread both wait; the images
that are read and not fetched yet, their fetch, and their files in a folder that the controller shares with this
machine; and a clock whose waits `abort` ends."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from cameras.drivers.base import Aborted, CameraError
from scheduler.telescope.driver.clock import SocketClock
from scheduler.telescope.driver.connection import CommandPort, OpenCommand
from scheduler.telescope.driver.options import Mode
from scheduler.telescope.driver.protocol import (
    MARGIN_S,
    POLL_S,
    TRANSFER_S,
    CommandError,
    ExposureMode,
    check_reply,
    fetch_command,
)

LINGER_S = 5.0
"""An image in the memory of the controllers is fetched when no exposure has followed it for so long."""


class RunningExposure:
    """The reply says what has become of the images:

    | mode   | its own image    | the oldest in memory |
    |--------|------------------|----------------------|
    | single | fetched          | stays                |
    | first  | into the memory  | stays                |
    | next   | into the memory  | fetched              |
    | last   | it has none      | fetched              |

    After an error no one knows, and none of them counts as fetched.
    """

    def __init__(
        self,
        command: OpenCommand,
        mode: ExposureMode,
        image: Image,
        memory: ImageMemory,
        clock: SocketClock,
        deadline: float,
    ) -> None:
        """`clock`: no abort ends its waits, because a reply that is read in part is lost."""
        self.image, self._clock = image, clock
        self._command, self._mode, self._memory, self._deadline = command, mode, memory, deadline
        self._reading = threading.Lock()
        self.reply = ""
        self.error: Exception | None = None
        self._cancelled: Exception | None = None
        self.is_done = False

    def wait(self, clock: SocketClock) -> None:
        """Until the reply is read, by this thread or another. Raises what has become of the command: ConnectionError,
        TimeoutError, CommandError; and Aborted by the clock."""
        while not self.is_done:
            self.check(clock, POLL_S)
        if self.error is not None:
            raise self.error

    def check(self, clock: SocketClock, seconds: float) -> None:
        """Wait for so long at most, and read the reply if it comes. Errors as those of `wait`."""
        if not self._reading.acquire(blocking=False):
            clock.sleep(min(seconds, POLL_S))
            return
        try:
            if self.is_done:
                clock.sleep(seconds)
            elif self._is_due(clock, seconds):
                self._read()
        finally:
            self._reading.release()

    def _is_due(self, clock: SocketClock, seconds: float) -> bool:
        left_s = self._deadline - clock.monotonic()
        return left_s <= 0 or bool(clock.wait_ready([self._command.connection], [], min(left_s, seconds)))

    def _read(self) -> None:
        try:
            self.reply = check_reply(self._command.command, self._command.read(self._clock, self._deadline))
        except Exception as error:
            self.error = self._cancelled or error
            settle(self.image, self.error)
            self._memory.clear(self.error)
            raise self.error from error
        else:
            self._settle_images()
        finally:
            self.is_done = True

    def _settle_images(self) -> None:
        if self._mode == "single":
            settle(self.image, None)
        if self._mode in ("next", "last"):
            self._memory.settle_oldest()
        if self._mode in ("first", "next"):
            self._memory.add(self.image)

    def cancel(self, error: Exception) -> None:
        """The connection is closed, and a thread that waits for the reply ends with an error."""
        self._cancelled = error
        self._command.interrupt()
        with self._reading:
            if not self.is_done:
                self._command.close()
                self.error, self.is_done = error, True
                settle(self.image, error)


@dataclass(eq=False, slots=True)
class Image:
    """An exposure, by the root of its files."""

    root: str
    is_fetched: bool = False
    error: Exception | None = None
    """Why it will not be fetched."""

    @property
    def is_settled(self) -> bool:
        return self.is_fetched or self.error is not None


@dataclass(slots=True)
class ImageMemory:
    """Used by the camera loop's thread, which exposes, and by the still thread, which waits for the files."""

    _images: deque[Image] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, image: Image) -> None:
        """It is read, and stays in memory."""
        with self._lock:
            self._images.append(image)

    @property
    def is_empty(self) -> bool:
        with self._lock:
            return not self._images

    @property
    def oldest_root(self) -> str:
        """Of the files of the oldest image. IndexError without one."""
        with self._lock:
            return self._images[0].root

    def settle_oldest(self) -> None:
        """It was fetched."""
        with self._lock:
            if self._images:
                settle(self._images.popleft(), None)

    def clear(self, error: Exception) -> None:
        """None of them will be fetched."""
        with self._lock:
            while self._images:
                settle(self._images.popleft(), error)


def settle(image: Image, error: Exception | None) -> None:
    """The image was fetched, or `error` says why it was not."""
    image.error, image.is_fetched = error, error is None


class ImageFetcher:
    """Fetches the images in the memory of the controllers, and knows the exposure that may still bring one. It outlives
    a connection: the still thread may wait for an image while the camera is closed."""

    def __init__(self, clock: SocketClock) -> None:
        self._clock = clock
        self.memory = ImageMemory()
        self.running: RunningExposure | None = None
        """The newest exposure."""
        self.sequence = threading.Lock()
        """Held by the thread that gives the controller commands."""
        self.port: CommandPort
        """Set while a camera is open."""

    def choose_mode(self, mode: Mode) -> ExposureMode:
        """The mode for the controller. `single` and `first` begin with an empty memory, `next` and `last` with an
        image in it."""
        if mode in ("single", "first"):
            while not self.memory.is_empty:
                self._fetch_oldest()
            return cast(ExposureMode, mode)
        return "first" if self.memory.is_empty else "next"

    def wait_for_running(self, clock: SocketClock) -> None:
        """Until the exposure before has its reply. What has become of it, its own capture reports."""
        if self.running is not None:
            with contextlib.suppress(ConnectionError, TimeoutError, CommandError, CameraError):
                self.running.wait(clock)

    def wait(self, image: Image, left_s: float, linger_s: float) -> None:
        """Until the next exposure has fetched it, or `linger_s` after the last one has ended. `left_s`: how long that
        may take, without the time of exposures."""
        idle_s = 0.0
        while not image.is_settled:
            begin, is_idle = self._clock.monotonic(), False
            if self.sequence.acquire(blocking=False):
                try:
                    is_idle = self.running is not None and self.running.is_done
                    if is_idle and idle_s >= linger_s:
                        self._fetch_oldest()
                        continue
                finally:
                    self.sequence.release()
            self._wait_a_moment()
            waited_s = self._clock.monotonic() - begin
            idle_s, left_s = (idle_s + waited_s, left_s - waited_s) if is_idle else (0.0, left_s)
            if left_s <= 0:
                raise TimeoutError(f"The controller did not deliver the image {image.root} in time.")
        if image.error is not None:
            raise image.error

    def _wait_a_moment(self) -> None:
        """Read the reply to the exposure that runs, if it comes: no one else may wait for it. Its error is that of
        another capture."""
        running = self.running
        if running is None or running.is_done:
            self._clock.sleep(POLL_S)
        else:
            with contextlib.suppress(ConnectionError, TimeoutError, CommandError, CameraError):
                running.check(self._clock, POLL_S)

    def _fetch_oldest(self) -> None:
        command = fetch_command(self.memory.oldest_root)
        try:
            check_reply(command, self.port.send(command, TRANSFER_S + MARGIN_S))
        except Exception as error:
            self.memory.clear(error)
            raise
        self.memory.settle_oldest()

    def cancel(self, error: Exception) -> None:
        """No image will be fetched any more; those who wait for one get the error."""
        if self.running is not None:
            self.running.cancel(error)
        self.memory.clear(error)
        self.running = None


class AbortableClock:
    """A `SocketClock`. After `abort` each wait raises Aborted, until `reset`."""

    def __init__(self, clock: SocketClock) -> None:
        self._clock = clock
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)

    def wall_ns(self) -> int:
        return self._clock.wall_ns()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self.wait_ready([], [], max(0.0, seconds))

    def wait_ready(
        self, readers: Sequence[socket.socket], writers: Sequence[socket.socket], seconds: float | None
    ) -> list[socket.socket]:
        found = self._clock.wait_ready([self._receiver, *readers], writers, seconds)
        if self._receiver in found:
            raise Aborted
        return found

    def abort(self) -> None:
        # Full of earlier aborts, it does not need this one.
        with contextlib.suppress(BlockingIOError):
            self._sender.send(b"a")

    def reset(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._receiver.recv(64):
                pass

    def close(self) -> None:
        self._receiver.close()
        self._sender.close()


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
