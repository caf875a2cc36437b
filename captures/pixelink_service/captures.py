"""Captures and lists of files for the service; captures are taken in the order of their requests."""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from uuid import UUID

from django.conf import settings

from cameras.models import Camera
from cameras.spool.records import FileOptions
from captures.capturing.models import Capture, CaptureFile
from captures.capturing.outcomes import Outcome, check_saved
from captures.capturing.requests import CaptureRequest
from captures.capturing.service import CaptureService, SentCapture
from captures.pixelink_service.bodies import (
    Captured,
    ImageInfo,
    Listed,
    ListedFile,
    Metadata,
    Resolution,
    UsedSettings,
    warning_of,
)
from captures.pixelink_service.errors import RemotePicture, TooMany, TooSlow
from captures.pixelink_service.served_camera import ACTOR
from captures.roots.models import StorageRoot
from captures.roots.roots import root_of
from core.times.timestamps import stamp


class RequestOrder:
    """A first-in, first-out lock (`wait_turn`), with a limit of concurrent requests (`admit`)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._admitted = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def queued(self) -> int:
        """How many requests hold the lock or wait for it."""
        return len(self._queue)

    @contextmanager
    def admit(self) -> Iterator[None]:
        """TooMany when `limit` requests are admitted already."""
        with self._changed:
            if self._admitted >= self.limit:
                raise TooMany(f"{self.limit} captures are waiting already. Try again when some of them have finished.")
            # Counted until the capture has its outcome: each request holds a thread of the service until then.
            self._admitted += 1
        try:
            yield
        finally:
            with self._changed:
                self._admitted -= 1

    @contextmanager
    def wait_turn(self, timeout_s: float) -> Iterator[None]:
        """Hold the lock. TooSlow when it is not free within `timeout_s`."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            in_time = self._changed.wait_for(lambda: self._queue[0] is ticket, timeout_s)
        try:
            if not in_time:
                raise TooSlow("The captures before this one took too long, so this capture was not started.")
            yield
        finally:
            with self._changed:
                # Not popleft(): a request that waited too long leaves from the middle. All wake up, since notify()
                # could choose one that is not the first.
                self._queue.remove(ticket)
                self._changed.notify_all()


MAX_WAITING = 100
NAME = "capture"
# One for all requests: the service part is one process.
_request_order = RequestOrder(MAX_WAITING)


def take_capture(camera: Camera, request: CaptureRequest) -> Outcome:
    """Take one picture and wait until it is saved. TooSlow when it has no outcome within SERVICE_TIMEOUT; it still ends
    with one. TooMany; NotSaved."""
    deadline = time.monotonic() + settings.STATION.service.timeout_ms / 1000
    service = CaptureService(ACTOR)
    with _request_order.admit():
        # Held only until the command is sent: the host's list and the camera process keep the order.
        with _request_order.wait_turn(deadline - time.monotonic()):
            sent = service.begin_capture(
                camera, request, wait_s=max(0.0, deadline - time.monotonic()), file=file_options()
            )
        outcome = service.finish_capture(sent) if isinstance(sent, SentCapture) else sent
    check_saved(outcome)
    if outcome.pending:
        raise TooSlow(f"The capture {outcome.capture.pk} was not finished in time; it still ends with an outcome.")
    return outcome


def file_options() -> FileOptions:
    return FileOptions(name=NAME, jpeg_quality=settings.STATION.service.image_quality)


def captured_body(outcome: Outcome, warnings: Sequence[str] = ()) -> Captured:
    """The response body; `warnings` come before those of the capture. RemotePicture."""
    capture = outcome.capture
    if not capture.shown_files:
        raise RemotePicture(f"The capture {capture.pk} is saved, but its files stay with the camera.")
    file = capture.shown_files[0]
    kind, at = format_of(file), stamp(capture.started_at)
    return Captured(
        success=True,
        id=str(capture.pk),
        filename=name_of(file),
        filepath=full_path(file),
        captured_at=at,
        timestamp=at,
        exposure_time=capture.exposure_us,
        gain=capture.gain,
        file_size=file.bytes,
        width=file.width,
        height=file.height,
        sha256=file.sha256,
        settings=UsedSettings(
            exposure=capture.exposure_us,
            gain=capture.gain,
            resolution=Resolution(width=file.width or 0, height=file.height or 0),
        ),
        image_info=ImageInfo(size_bytes=file.bytes, format=kind),
        metadata=Metadata(
            format=kind,
            quality=settings.STATION.service.image_quality,
            camera_connected=True,
            simulated_mode=capture.simulated,
        ),
        warning=warning_of([*warnings, *capture.warnings]),
    )


def list_captures(camera: Camera, limit: int) -> Listed:
    """The files that the service has saved with any camera, newest first; `path` is the folder of new pictures."""
    captures = (
        Capture.objects.present().filter(requested_by=ACTOR, status=Capture.Status.SAVED).prefetch_related("files")
    )
    files = [listed_file(capture, file) for capture in captures[:limit] for file in capture.files.all()]
    folder = PurePosixPath(root_of(camera)["path"], "captures", camera.slug)
    return Listed(files=files, count=len(files), path=str(folder))


def listed_file(capture: Capture, file: CaptureFile) -> ListedFile:
    return ListedFile(
        filename=name_of(file),
        size=file.bytes,
        modified=stamp(capture.ended_at or capture.started_at),
        filepath=full_path(file),
    )


def name_of(file: CaptureFile) -> str:
    return file.path.rpartition("/")[2]


def full_path(file: CaptureFile) -> str:
    return str(PurePosixPath(root_path(file.root_id), file.path))


@functools.cache
def root_path(root: UUID) -> str:
    """The folder of a storage root, which never changes."""
    return StorageRoot.objects.get(pk=root).path


def format_of(file: CaptureFile) -> str:
    """`JPG`, `NEF`, ...: the file's ending in capitals."""
    return PurePosixPath(file.path).suffix.removeprefix(".").upper()
