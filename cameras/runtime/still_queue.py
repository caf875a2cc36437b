"""The still thread: it fetches, encodes, writes, commits and places exposures, in the order of their plans; then come
the report, the thumbnails and the deletion from the camera's card. The camera loop does not encode or fsync, since
that would slow down frames and stills."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from cameras.drivers.base import CameraError, Exposure
from cameras.runtime.clock import CameraClock
from cameras.runtime.consumers import StillConsumer
from cameras.runtime.device import Device
from cameras.runtime.link import Reporter
from cameras.runtime.messages import LastCapture
from cameras.runtime.stills import PictureFetcher, Still
from cameras.spool.records import CaptureRecord
from cameras.spool.storage import Storage
from core.watchdog import DISK_TIMEOUT_S

log = logging.getLogger(__name__)
MOST_WAITING = 4


class StillQueue:
    """`fetch` and `write` run on the still thread and handle the errors of the camera and of the disk themselves.
    `on_timeout` gets the error of a disk that hangs.

    `_changed` guards all fields. The disk is real, so its time is that of the machine, not of the camera's clock.
    """

    def __init__(
        self,
        fetch: Callable[[Still], None],
        write: Callable[[Storage, Still], None],
        on_timeout: Callable[[Exception], None],
    ) -> None:
        self._fetch, self._write, self._on_timeout = fetch, write, on_timeout
        self._waiting: deque[tuple[Storage, Still]] = deque()
        self._changed = threading.Condition()
        self.timeout_s = DISK_TIMEOUT_S
        self._is_busy = self.is_fetching = False
        self._began: float | None = None
        """When the still thread began to write its still; None while it writes none."""
        self.unfetched = 0
        """Pictures that the camera still holds. Any thread may read it."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="stills", daemon=True)
        self._thread.start()

    def put(self, storage: Storage, still: Still) -> None:
        """Block while MOST_WAITING stills wait, since the disk is slower than the camera. After `timeout_s` the root
        counts as lost; this still waits with the others until the disk answers."""
        with self._changed:
            if not self._changed.wait_for(self._has_room, self.timeout_s):
                self._on_timeout(self.timeout_error())
            self._waiting.append((storage, still))
            self.unfetched += still.waits_for_fetch
            self._changed.notify_all()

    def _has_room(self) -> bool:
        # During a fetch it is not the disk that is slow, and the camera loop may have to close the camera.
        return len(self._waiting) < MOST_WAITING or self.is_fetching

    @property
    def is_stuck(self) -> bool:
        """Whether the still thread has waited for the disk for longer than `timeout_s`. Never waits."""
        # Read without the lock, and once: the still thread sets it to None at any time.
        began = self._began
        return began is not None and time.monotonic() - began > self.timeout_s

    def timeout_error(self) -> OSError:
        return TimeoutError(errno.ETIMEDOUT, f"it takes longer than {self.timeout_s:g} s")

    def drain(self, timeout: float) -> bool:
        """Wait until all stills are fetched and written; False when that takes longer than `timeout`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_busy, timeout)

    def stop(self, timeout: float) -> bool:
        done = self.drain(timeout)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        return done

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                # Only when nothing waits: `stop` drops no still.
                if not self._waiting:
                    return
                storage, still = self._waiting.popleft()
                # In one step with popleft: `drain` must not see an empty queue and an idle thread in between.
                self._is_busy, self.is_fetching = True, still.waits_for_fetch
                self._changed.notify_all()
            try:
                if still.waits_for_fetch:
                    self._fetch_picture(still)
                self._began = time.monotonic()
                self._write(storage, still)
            except Exception:  # the record is safe, and without this thread the camera would take no more stills
                log.exception("Capture %s was recorded, and what follows it failed.", still.plan["id"])
            finally:
                # Its picture would stay in memory until the next one comes.
                del still
                with self._changed:
                    self._is_busy, self._began = False, None
                    self._changed.notify_all()

    def _fetch_picture(self, still: Still) -> None:
        try:
            self._fetch(still)
        finally:
            with self._changed:
                self.is_fetching = False
                self.unfetched -= 1
                self._changed.notify_all()


class StillOutcomes:
    """Used by the still thread; any thread may read `last_capture`. `delete_later` gets the exposures whose files on
    the camera's card are no longer needed."""

    def __init__(
        self, reporter: Reporter, writer: StillConsumer, clock: CameraClock, delete_later: Callable[[Exposure], None]
    ) -> None:
        self._reporter, self._writer, self._clock, self._delete_later = reporter, writer, clock, delete_later
        self.last_capture: LastCapture | None = None

    def add_record(self, record: CaptureRecord, still: Still) -> None:
        """The record is durable."""
        body, exposure = record["body"], still.exposure
        self.last_capture = LastCapture(
            id=record["id"], status=body["outcome"], reason=body["reason"], at=body["ended"]
        )
        self._reporter.report_record(record["id"], still.command)
        # Otherwise the file on the card may be all that there is of the picture.
        if exposure is not None and exposure.card and body["outcome"] == "saved":
            self._delete_later(exposure)
        if exposure is not None and record["files"]:
            self._writer.handle_saved(record, exposure)
        # The capture is settled, so the next start of the session may be due.
        self._clock.wake()


class CardCleaner:
    """Any thread may call `delete_later`; the camera loop's thread deletes, since it uses the driver."""

    def __init__(self, device: Device, handle_error: Callable[[CameraError], None]) -> None:
        self._device, self._handle_error = device, handle_error
        self._waiting: deque[Exposure] = deque()

    def delete_later(self, exposure: Exposure) -> None:
        self._waiting.append(exposure)

    def delete_waiting(self) -> None:
        """Those that wait when the camera is closed are deleted once it is open."""
        while self._waiting and self._device.is_open:
            try:
                # Removed from the queue first: a picture that cannot be deleted would close the camera again and again.
                self._device.exposures.delete_from_card(self._waiting.popleft())
            except CameraError as error:
                self._handle_error(error)


@dataclass(frozen=True, slots=True)
class StillParts:
    """What happens to a still after its exposure."""

    queue: StillQueue
    fetcher: PictureFetcher
    outcomes: StillOutcomes
    card: CardCleaner
