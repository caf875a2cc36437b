"""An exposure whose command has no reply yet. The camera loop and the still thread both wait for it."""

from __future__ import annotations

import threading

from scheduler.telescope.driver.clock import SocketClock
from scheduler.telescope.driver.commands import ExposureMode
from scheduler.telescope.driver.connection import OpenCommand
from scheduler.telescope.driver.image_memory import Image, ImageMemory, settle
from scheduler.telescope.driver.profiles import POLL_S
from scheduler.telescope.driver.replies import check_reply


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
