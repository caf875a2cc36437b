"""`ClipRecorder`: the frames of a camera into clips. Runs in a camera process, without Django.

The owner's thread turns each frame into I420 and queues it, or the driver's thread the packets of a camera that sends
H.264; the thread here encodes or copies, writes, and waits for a disk to sync only where a clip begins; `Filer` brings
what has ended to its record. Whatever goes wrong ends a clip, never the camera.
"""

from __future__ import annotations

import errno
import logging
import math
import threading
import time
from collections import deque
from typing import Any

from cameras.drivers import driver_class
from cameras.drivers.packets import PacketData
from cameras.runtime.consumers import Context
from cameras.runtime.durable import LockLost
from cameras.runtime.last_floor import ROOM_AGAIN
from cameras.runtime.recovery import Verdict, remove_temporaries
from cameras.runtime.spec import Recording
from cameras.runtime.spool import is_out_of_space
from cameras.runtime.storage import RootMissing, SpoolTaken, Storage, apart_sentence
from captures.night import Site
from captures.organizer import ImageOrganizer
from captures.recording.filing import Filer
from captures.recording.losses import Losses
from captures.recording.open_clip import OpenClip
from captures.recording.pauses import PAUSE_S, Pauses
from captures.recording.queue import Queue
from captures.recording.recovery import left_over
from captures.recording.telling import PART, Telling, floor_of
from captures.recording.tracks import Recorded, Unplayable, may_begin
from core.dataclass_json import dataclass_from_json

log = logging.getLogger(__name__)
ROOM = {"floor_bytes": 0, "rolling_floor_bytes": 0}
"""What of a wish may change within a clip."""
WAIT_S = 0.2
LOOK_S = 2.0
"""From one look at the disk to the next."""
KEY_PATIENCE_S = 60.0
"""How long a camera whose packets are copied may go without a key frame where a clip is to begin with one."""
MOST_CHANGES, CHANGES_S = 4, 60.0
"""A camera whose parameters change so often in so many seconds would have a clip for each moment."""
WRITE_S, WRITE_OUT_S = 3.0, 4.0
"""For what is still queued when the process is to end, and until its clip is filed."""
STUCK_S = 6.0
"""More than the thread takes for a frame, and a disk to sync a second of them."""
WRONG = (RootMissing, SpoolTaken, LockLost, OSError)


class ClipRecorder:
    def __init__(self, context: Context) -> None:
        self._spec, self._buffer = context.spec, context.buffer
        self._organizer = ImageOrganizer(context.spec["slug"], dataclass_from_json(Site, context.spec["site"]))
        self._verdict = dataclass_from_json(Verdict, context.spec["verdict"]) if context.spec["verdict"] else None
        self._telling = Telling(context.link, context.spec["slug"], context.spec["video_root_path"])
        self._filer = Filer(self._lose)
        self._wish: Recording | None = None
        self._queued_for: Recording | None = None
        """The wish that what is queued was captured for: it outlives a stop."""
        self._queue = Queue(context.buffer)
        self._write_until = math.inf
        self._storage: Storage | None = None
        self._lost: Exception | None = None
        self._clip: OpenClip | None = None
        self._losses = Losses(numbered=driver_class(context.spec["kind"]).numbers_frames)
        self._rotate = False
        self._keyless_since: float | None = None
        self._changes: deque[float] = deque(maxlen=MOST_CHANGES)
        self._not_before, self._pauses = 0.0, Pauses()
        self._looked_at = 0.0
        self._full = False
        self._turned_at = time.monotonic()
        self._stopping = False
        self._changed = threading.Condition()
        self._obey(context.spec["recording"])
        if self._wish is None:
            self._telling.at_rest()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    # On the owner's thread

    def order(self, message: dict[str, Any]) -> None:
        """`record` and `configure` with what shall be recorded (`recording`, None for nothing); `rotate`."""
        if "recording" in message:
            self._obey(message["recording"])
            self._telling.asked(message, "written" if self._wish else "stopped")
            if self._wish is None and self._queue.reader is None:
                self._filer.then(self._telling.stopped)
        elif message["type"] == "rotate":
            self._end_clip(message)

    def _end_clip(self, order: dict[str, Any]) -> None:
        """The next frame begins another."""
        clip = self._clip
        if clip is None:
            self._telling.has_no_clip(order)
            return
        self._telling.asked(order, clip.id)
        self._rotate = True

    def _obey(self, wish: Recording | None) -> None:
        with self._changed:
            if wish and wish != self._wish:
                self._not_before, self._full = 0.0, False
            self._wish, self._queued_for = wish, wish or self._queued_for
            if wish:
                self._queue.go_on()
            else:
                self._queue.end()
            self._changed.notify_all()

    @property
    def wants_frames(self) -> bool:
        """Not while the camera's own packets are copied."""
        return self._wish is not None and not self._queue.copies

    def stop(self) -> None:
        """What is queued is written, as far as there is time, and the clip filed."""
        self._write_until = time.monotonic() + WRITE_S
        self._obey(None)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(WRITE_OUT_S)

    def stats(self) -> dict[str, Any]:
        if self._wish is not None and self._is_stuck():
            if self._clip is not None:
                self._clip.file.synced = False
            path = self._spec["video_root_path"]
            said = f"The disk of {path} has not answered for {STUCK_S:g} s. Recording goes on when it does."
            self._telling.failed("write_error", said)
        return {"recorder": self._telling.status(self._wish, self._clip)}

    def _is_stuck(self) -> bool:
        """A disk that hangs says nothing: whoever waits for it does not come back."""
        now = time.monotonic()
        return now - self._turned_at > STUCK_S or self._filer.syncs_for_s(now) > STUCK_S

    def _lose(self, error: Exception) -> None:
        """From any thread: the root cannot be written to."""
        self._lost = error

    # The thread

    def _run(self) -> None:
        while not self._is_over():
            try:
                self._turn()
            except Exception as error:
                log.exception("The recorder stumbled and goes on.")
                self._give_up(*self._said_of(error))
        self._let_go()

    def _is_over(self) -> bool:
        return self._stopping and self._queue.reader is None

    def _turn(self) -> None:
        self._turned_at = time.monotonic()
        if self._lost is not None or self._storage is None:
            self._hold()
        frame = self._next()
        if frame is not None:
            self._take(frame)
        self._look()

    def _next(self) -> Recorded | None:
        """The next frame or packet; None when none came in time. A reader that was closed is read to its end."""
        reader = self._queue.reader
        if reader is None:
            with self._changed:
                self._changed.wait_for(lambda: self._queue.reader is not None or self._stopping, WAIT_S)
            return None
        frame = reader.get(WAIT_S) if time.monotonic() < self._write_until else None
        if frame is None and reader.closed:
            self._end_of()
        return frame

    def _end_of(self) -> None:
        """Recording was stopped, and all that was queued is written; what is not, as the process ends, is lost."""
        reader = self._queue.reader
        assert reader is not None
        lost = self._losses.after(reader) + len(reader)
        if lost and self._clip is not None:
            self._telling.lost(self._clip, lost)
        self._close(None)
        self._full = False
        self._losses.forget()
        self._keyless_since = None
        with self._changed:
            reader = self._queue.next_reader()
        self._telling.ended(for_good=reader is None)
        self._filer.then(self._telling.stopped)

    # Frames and packets

    def _take(self, frame: Recorded) -> None:
        assert self._queue.reader is not None
        lost, clip = self._losses.before(frame, self._queue.reader.lost), self._clip
        if clip is not None and self._ends_before(clip, frame):
            self._close(frame if self._follows(clip, frame) else None)
        if self._clip is None and not self._open(frame):
            return
        self._add(frame, lost)

    def _ends_before(self, clip: OpenClip, frame: Recorded) -> bool:
        if not clip.fits(frame):
            self._count_change(clip, frame)
            return True
        if not self._follows(clip, frame):
            return True
        return self._is_due(clip, frame) and self._may_begin(frame)

    def _is_due(self, clip: OpenClip, frame: Recorded) -> bool:
        """Not once recording was stopped: what is still queued goes into the clip that is open."""
        wish = self._wish
        if wish is None:
            return False
        return self._rotate or clip.age_s(frame) >= wish["clip_s"] or {**wish, **ROOM} != {**clip.wish, **ROOM}

    def _may_begin(self, frame: Recorded) -> bool:
        """Whether a clip may begin with this one. A camera that sends no key frame for long is decoded from now on,
        until it is opened anew."""
        if may_begin(frame):
            self._keyless_since = None
            return True
        self._keyless_since = self._keyless_since or frame.monotonic
        if frame.monotonic - self._keyless_since > KEY_PATIENCE_S:
            self._refuse(frame, f"It has sent no key frame for {KEY_PATIENCE_S:g} s.")
        return False

    def _count_change(self, clip: OpenClip, frame: Recorded) -> None:
        """Of the parameters within a stream."""
        if isinstance(frame, PacketData) and frame.of is clip.of:
            self._changes.append(frame.monotonic)
            if len(self._changes) == MOST_CHANGES and frame.monotonic - self._changes[0] < CHANGES_S:
                self._refuse(frame, "Its parameters change too often.")

    def _refuse(self, frame: Recorded, why: str) -> None:
        if self._queue.reader is not None and isinstance(frame, PacketData):
            log.warning("What this camera sends is decoded and encoded anew. %s", why)
            self._keyless_since = None
            self._queue.reader.refuse(frame.of)

    def _follows(self, clip: OpenClip, frame: Recorded) -> bool:
        return 0 <= frame.monotonic - clip.newest <= clip.patience_s

    def _open(self, frame: Recorded) -> bool:
        """False while nothing can be written; why is told."""
        wish = self._queued_for
        if wish is None or self._storage is None or time.monotonic() < self._not_before:
            return False
        if not self._may_begin(frame) or self._is_full(wish):
            return False
        self._rotate = False
        try:
            self._clip = OpenClip(self._storage, self._spec["camera"], self._organizer, frame, wish)
        except Unplayable as error:
            self._refuse(frame, str(error))
            return False
        except WRONG as error:
            self._failed(error)
            return False
        self._filer.watch(self._clip)
        self._telling.began(self._clip)
        return True

    def _add(self, frame: Recorded, lost: int) -> None:
        assert self._clip is not None
        try:
            self._clip.add(frame)
        except OSError as error:
            self._failed(error)
            return
        if lost:
            self._telling.lost(self._clip, lost)
        self._telling.wrote(self._clip)

    def _close(self, next_frame: Recorded | None) -> None:
        """The open clip is whole, or as whole as it gets; the filer brings it to its record."""
        clip, self._clip, self._rotate = self._clip, None, False
        self._filer.watch(None)
        if clip is None:
            return
        try:
            clip.finish()
        except OSError as error:
            clip.cut(*self._said_of(error))
        except Exception as error:  # an encoder that failed may fail at its end again
            log.exception("A clip could not be ended as it should.")
            clip.cut(*self._said_of(error))
        self._filer.file(clip, clip.ended(next_frame), self._telling.filed, self._telling.recovered)

    # The disk

    def _look(self) -> None:
        clip = self._clip
        if clip is not None and self._has_ended(clip):
            self._close(None)
        if time.monotonic() - self._looked_at >= LOOK_S:
            self._looked_at = time.monotonic()
            if clip is not None and self._is_full(self._wish or clip.wish):
                self._give_up("disk_full", self._telling.why)

    def _has_ended(self, clip: OpenClip) -> bool:
        """Its camera is gone, or silent; not while frames wait, as after a disk that hung."""
        if self._queue.reader is not None and len(self._queue.reader):
            return False
        if clip.of is not None and clip.of is not self._buffer.coded:
            return True
        return time.monotonic() - clip.newest > clip.patience_s

    def _is_full(self, wish: Recording) -> bool:
        """Below the floor: told once, until there is a tenth more room than that."""
        if self._storage is None:
            return False
        free, floor = self._storage.files.free_bytes(), floor_of(wish)
        self._full = free < floor * (ROOM_AGAIN if self._full else 1.0)
        self._telling.saw(free, floor)
        if self._full:
            self._telling.full(wish)
        return self._full

    def _failed(self, error: Exception) -> None:
        """The clip ends with what is on the disk, and the next one is tried after a pause."""
        if not isinstance(error, OSError):
            self._lose(error)
        self._give_up(*self._said_of(error))

    def _give_up(self, reason: str, message: str) -> None:
        wrote_s = self._clip.length_s if self._clip is not None else 0.0
        self._not_before = time.monotonic() + self._pauses.after(reason, wrote_s)
        self._telling.failed(reason, message)
        if self._clip is not None:
            self._clip.cut(reason, message)
            self._close(None)

    def _said_of(self, error: Exception) -> tuple[str, str]:
        if isinstance(error, RootMissing):
            return "root_missing", str(error)
        if isinstance(error, OSError) and is_out_of_space(error):
            return "disk_full", f"The disk of {self._spec['video_root_path']} is full."
        if isinstance(error, OSError) and error.errno == errno.EXDEV:
            return "write_error", apart_sentence(self._spec["video_root_path"], "clips")
        if not isinstance(error, WRONG):
            return "camera_error", f"The recorder failed ({type(error).__name__}: {error})."
        said = error.strerror if isinstance(error, OSError) else error
        return "write_error", f"Writing to {self._spec['video_root_path']} failed: {said}."

    # The root

    def _hold(self) -> None:
        """Open the root, or a while after it was lost open it anew, and bring to its end what lies in its spool."""
        if self._lost is not None:
            self._give_up(*self._said_of(self._lost))
            self._let_go()
            self._lost = None
        if time.monotonic() < self._not_before:
            return
        try:
            self._storage = Storage(self._spec["video_root_path"], self._spec["video_root"], self._spec["camera"], PART)
            self._storage.reaches("clips")
            remove_temporaries(self._storage.spool)
            self._storage.spool.refill_slots()
            clips = left_over(self._storage.spool)
        except WRONG as error:
            self._let_go()
            self._not_before = time.monotonic() + PAUSE_S
            if self._wish is not None:
                self._telling.failed(*self._said_of(error))
            return
        self._telling.holds()
        self._filer.recover(self._storage, clips, self._verdict, self._telling.recovered)
        self._verdict = None

    def _let_go(self) -> None:
        """Nothing more is written to the root; what is not filed by then is the next recovery's."""
        if self._clip is not None:
            self._close(None)
        self._filer.drain(WRITE_OUT_S)
        if self._storage is not None:
            self._storage.close()
            self._storage = None
