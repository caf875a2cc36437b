"""`ThumbnailThread`: renders thumbnails of new captures from memory, on a background thread. Django-free."""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from dataclasses import dataclass

from PIL import Image

from cameras.drivers.base import Exposure
from cameras.spool.records import Record
from cameras.spool.storage import RootMissing
from captures.thumbnails.rendering import (
    Unreadable,
    image_from_file,
    image_from_frame,
    image_from_pixels,
    render_thumbnails,
)
from captures.thumbnails.store import ThumbnailStore, picture_index

log = logging.getLogger(__name__)
REST_FACTOR = 7
"""The thread rests seven times as long as it worked, so it uses an eighth of a core at most."""
MAX_REST_S = 2.0
BURST_DELAY_S = 0.1
"""The thread waits this long before it starts, so that a burst of captures has the processor to itself."""
NICE = 10


@dataclass(frozen=True, slots=True)
class SavedCapture:
    """A capture whose files are safe on the disk, with its exposure still in memory."""

    record: Record
    exposure: Exposure


class ThumbnailThread:
    """Holds the newest capture only. A capture that comes too fast is dropped and counted; its thumbnails are rendered
    when someone opens them."""

    def __init__(self, path: str, root: str) -> None:
        self._path, self._root = path, root
        self._waiting: SavedCapture | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.made = self.dropped = self.failed = 0

    def submit_capture(self, saved: SavedCapture) -> None:
        """Returns at once."""
        with self._changed:
            self.dropped += self._waiting is not None
            self._waiting = saved
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="thumbnails", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        # On Linux a priority belongs to a thread: the camera loop keeps its own.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while True:
            saved = self._next_capture()
            began = time.monotonic()
            self._make_thumbnails(saved)
            # Frees the exposure for the time of the rest: a frame of 24 megapixels has 72 MB.
            del saved
            time.sleep(min(MAX_REST_S, REST_FACTOR * (time.monotonic() - began)))

    def _next_capture(self) -> SavedCapture:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None)
        # Outside the lock: the still thread must not wait. What comes during the delay replaces the capture.
        time.sleep(BURST_DELAY_S)
        with self._changed:
            saved, self._waiting = self._waiting, None
        assert saved is not None
        return saved

    def _make_thumbnails(self, saved: SavedCapture) -> None:
        """After a failure the host renders them when someone opens them, or reports then why it cannot."""
        try:
            self._render(saved)
            self.made += 1
        except (Unreadable, RootMissing, OSError, ValueError) as error:
            self.failed += 1
            log.warning("No thumbnails of %s: %s", saved.record["id"], error)
        except Exception:
            self.failed += 1
            log.exception("The thumbnails of %s could not be rendered; the next ones are.", saved.record["id"])

    def _render(self, saved: SavedCapture) -> None:
        files = saved.record["files"]
        place = picture_index([file["kind"] for file in files])
        if place is None:
            return
        image = image_of(saved.exposure, files[place]["kind"])
        with ThumbnailStore(self._path, self._root) as store:
            for size, jpeg in render_thumbnails(image, simulated=saved.exposure.simulated):
                store.write_thumbnail(files[place]["sha256"], size, jpeg)


def image_of(exposure: Exposure, kind: str) -> Image.Image:
    """The exposure's picture of this kind. Unreadable."""
    if exposure.frame is not None:
        # As the file is rendered later, if its thumbnails are lost. A JPEG has the upper 8 bits of each pixel.
        render = image_from_frame if kind == "jpeg" else image_from_pixels
        return render(exposure.frame.image)
    file = next(file for file in exposure.files if file.kind == kind)
    return image_from_file(io.BytesIO(b"".join(file.chunks())), kind)
