"""`Thumbnailer`: thumbnails of what was just saved, from memory, on a thread that nobody waits for. Django-free."""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from dataclasses import dataclass

from PIL import Image

from cameras.drivers.base import Exposure
from cameras.runtime.spool import Record
from cameras.runtime.storage import RootMissing
from captures.stills.drawing import Unreadable, from_file, from_frame, thumbnails
from captures.stills.thumbnails import ThumbnailStore, pictured

log = logging.getLogger(__name__)
REST = 7
"""How often as long as it worked the thread rests: an eighth of a core is the most that it takes."""
MOST_REST_S = 2.0
LULL_S = 0.1
"""A burst of captures has the processor to itself for so long."""
NICE = 10


@dataclass(frozen=True, slots=True)
class Saved:
    """A capture that is safe on the disk, with what it was made of."""

    record: Record
    exposure: Exposure


class Thumbnailer:
    """The newest capture only: what comes too fast is dropped, counted, and drawn when somebody looks at it."""

    def __init__(self, path: str, root: str) -> None:
        self._path, self._root = path, root
        self._waiting: Saved | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.made = self.dropped = self.failed = 0

    def take(self, saved: Saved) -> None:
        """Returns at once."""
        with self._changed:
            self.dropped += self._waiting is not None
            self._waiting = saved
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="thumbnails", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while True:
            saved = self._next()
            began = time.monotonic()
            self._make(saved)
            del saved
            time.sleep(min(MOST_REST_S, REST * (time.monotonic() - began)))

    def _next(self) -> Saved:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None)
        time.sleep(LULL_S)
        with self._changed:
            saved, self._waiting = self._waiting, None
        assert saved is not None
        return saved

    def _make(self, saved: Saved) -> None:
        """What fails here is drawn when somebody looks at it, or says then why it cannot be."""
        try:
            self._draw(saved)
        except (Unreadable, RootMissing, OSError, ValueError) as error:
            self.failed += 1
            log.warning("No thumbnails of %s: %s", saved.record["id"], error)
        else:
            self.made += 1

    def _draw(self, saved: Saved) -> None:
        files = saved.record["files"]
        place = pictured([file["kind"] for file in files])
        if place is None:
            return
        image = picture_of(saved.exposure, files[place]["kind"])
        with ThumbnailStore(self._path, self._root) as store:
            for size, jpeg in thumbnails(image, simulated=saved.exposure.simulated):
                store.put(files[place]["sha256"], size, jpeg)


def picture_of(exposure: Exposure, kind: str) -> Image.Image:
    """Unreadable."""
    if exposure.frame is not None:
        return from_frame(exposure.frame.image)
    file = next(file for file in exposure.files if file.kind == kind)
    return from_file(io.BytesIO(b"".join(file.chunks())), kind)
