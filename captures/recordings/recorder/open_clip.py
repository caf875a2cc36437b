"""The clip that is being recorded: its file with its record, its track and its times. The file is hashed while it is
written, so that it need not be read again, and synced each second, so that a power cut costs no more than that."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import uuid6

from cameras.drivers.packets import CodedStream, PacketData
from cameras.runtime.clock import CameraClock, ClockMonitor
from cameras.runtime.consumers import DeviceConditions
from cameras.runtime.spec import Recording
from cameras.spool.durable import LockLost, RootFiles
from cameras.spool.records import ClipBody, ClipOrigin, ClipOutcome, ClipPlan, ClipRecord, PartFile
from cameras.spool.spool import boot_id
from cameras.spool.storage import RootMissing, Storage
from captures.paths import ImageOrganizer
from captures.recordings.recorder.delivery import ClipDelivery, stills_before
from captures.recordings.recorder.failures import Failure
from captures.recordings.recorder.tracks import ClipTimes, FrameOrPacket, Track, moment

log = logging.getLogger(__name__)

PART: Final = "clips"
"""The part of the camera's spool with its clips."""
KIND = "clip"
"""The kind of a clip's only file."""


def make_record(plan: ClipPlan, root: str, outcome: ClipOutcome, size: int, sha256: str) -> ClipRecord:
    """The record of a clip that has ended."""
    file = PartFile(
        kind=KIND, bytes=size, sha256=sha256, part=f"{plan['id']}.{KIND}.part", path=plan["path"],
        width=plan["width"], height=plan["height"],
    )  # fmt: skip
    body = ClipBody(
        kind=plan["kind"], started=plan["started"], simulated=plan["simulated"], codec=plan["codec"],
        copied=plan["copied"], requested_by=plan["requested_by"], origin=plan.get("origin", {}), **outcome,
    )  # fmt: skip
    return ClipRecord(
        kind="clip", id=plan["id"], camera=plan["camera"], slug=plan["slug"], root=root, files=[file], body=body
    )


class VideoFile:
    """A new file of the spool. `write` is called by one thread, `sync` by any."""

    def __init__(self, files: RootFiles, folder: str, name: str) -> None:
        """OSError of the disk."""
        self._file = files.open_new(folder, name)
        self._digest = hashlib.sha256()
        self._closing = threading.Lock()
        self.bytes = 0
        self.synced = False
        """Whether the disk has synced a part of it."""
        self.failed: OSError | None = None

    def write(self, data: Any) -> int:
        """Raises OSError once. Later writes are discarded, so that the encoder of a failed file can finish."""
        view = memoryview(data)
        if self.failed is not None:
            return len(view)
        try:
            self._append(view)
        except OSError as error:
            self.failed = error
            raise
        return len(view)

    def _append(self, view: memoryview) -> None:
        """Hash exactly what is on the disk, also when a write is cut short."""
        while view:
            # Not a buffered file: what os.write has accepted survives a kill of the process.
            written = os.write(self._file, view)
            self._digest.update(view[:written])
            self.bytes += written
            view = view[written:]

    def sync(self) -> None:
        """Make all bytes written so far survive a power cut. A closed file needs no sync. After an OSError the content
        of the disk is unknown, and a later sync cannot reveal it."""
        # Held during the sync: were the file closed meanwhile, its descriptor could already be another file.
        with self._closing:
            if self._file >= 0:
                # fdatasync includes the new length of the file and leaves out its times.
                self._sync(os.fdatasync)
                self.synced = True

    def close(self) -> None:
        """Sync and close. OSError as in `sync`; the file is closed all the same."""
        # The recorder's thread writes nothing more; a sync on the thread of `ClipSync` may still run.
        with self._closing:
            try:
                self._sync(os.fsync)
            finally:
                os.close(self._file)
                self._file = -1

    def _sync(self, how: Callable[[int], None]) -> None:
        try:
            how(self._file)
        except OSError as error:
            self.failed = error
            raise

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


SYNC_S = 1.0
ErrorHandler = Callable[[Exception], None]


class Syncable(Protocol):
    def sync(self) -> None:
        """OSError."""


class ClipSync:
    """Has a thread of its own: neither the recorder nor the recovery of other clips waits for it. `on_error` gets the
    error of a sync."""

    def __init__(self, on_error: ErrorHandler) -> None:
        self._on_error = on_error
        self._file: Syncable | None = None
        self._began: float | None = None
        threading.Thread(target=self._run, name="clip-sync", daemon=True).start()

    def set_file(self, file: Syncable | None) -> None:
        """Set the file of the open clip."""
        self._file = file

    def runs_for_s(self, now: float) -> float:
        """Seconds since the running sync began; 0 if there is none."""
        began = self._began
        return 0.0 if began is None else now - began

    def _run(self) -> None:
        while True:
            time.sleep(SYNC_S)
            # Read once: the recorder's thread replaces it. A file that is closed meanwhile is not synced
            # (`VideoFile.sync`).
            file = self._file
            if file is not None:
                self._began = time.monotonic()
                run_and_report(file.sync, self._on_error)
                self._began = None


def run_and_report(job: Callable[[], None], on_error: ErrorHandler) -> None:
    """Run `job`; its error is logged and passed on, so that its thread continues."""
    try:
        job()
    except (RootMissing, LockLost, OSError) as error:
        log.error("A clip is not safe on the disk: %s", error)
        on_error(error)
    except Exception as error:
        log.exception("A clip could not be finalized; it is recovered when its spool is opened again.")
        on_error(error)


class OpenClip:
    """Begins with its first frame or packet; one thread writes it. OSError of the disk, RootMissing, LockLost;
    Unplayable for a packet that no clip can begin with."""

    def __init__(
        self,
        storage: Storage,
        camera: str,
        organizer: ImageOrganizer,
        first: FrameOrPacket,
        desired: Recording,
        conditions: DeviceConditions,
    ) -> None:
        self.storage, self.desired, self._conditions = storage, desired, conditions
        # Before anything is on the disk: a packet that no clip can begin with leaves no trace.
        self._track = make_track(first, desired)
        self.plan = self._make_plan(camera, organizer, first)
        # The open descriptors would also write to a root that was unmounted or replaced since.
        storage.check()
        # The folder in the archive before the first frame, the plan before the file: a disk without space for a folder
        # is noticed at the beginning, and recovery knows from the plan what a file is.
        storage.files.make_folders(self.plan["path"].rpartition("/")[0])
        storage.spool.plan(self.plan)
        self.file = VideoFile(storage.files, storage.spool.folder, f"{self.id}.{KIND}.part")
        self._track.begin(self.file)
        self.times, self.delivery = ClipTimes(first, copied=self.source is not None), ClipDelivery()
        self.clock_monitor = ClockMonitor(CameraClock())
        """Since the beginning of the clip. Times of clips are those of the machine."""
        self.lost_frames = 0
        self._lost_before = 0
        """Frames that were lost before the next picture."""
        self.interruption: Failure | None = None
        """Why it was cut off early."""
        self._finished = False

    def _make_plan(self, camera: str, organizer: ImageOrganizer, first: FrameOrPacket) -> ClipPlan:
        clip, started, (width, height) = str(uuid6.uuid7()), moment(first.captured_ns), self._track.size
        return ClipPlan(
            id=clip, camera=camera, slug=organizer.slug, path=organizer.clip(clip, started), kind=self.desired["kind"],
            started=started.isoformat(), simulated=first.simulated, codec="h264", copied=self.source is not None,
            width=width, height=height, requested_by=self.desired["requested_by"], origin=self._origin(first),
        )  # fmt: skip

    def _origin(self, first: FrameOrPacket) -> ClipOrigin:
        age_s = time.monotonic() - first.monotonic
        return ClipOrigin(
            boot=boot_id(), boot_s=time.clock_gettime(time.CLOCK_BOOTTIME) - age_s,
            experiments=list(self.desired.get("experiments", [])), conditions=self._conditions.snapshot(),
            stream_fps=self._conditions.stream_fps,
        )  # fmt: skip

    @property
    def id(self) -> str:
        return self.plan["id"]

    @property
    def source(self) -> CodedStream | None:
        """The stream whose packets are copied; None where frames are encoded."""
        return self._track.source

    def accepts(self, frame: FrameOrPacket) -> bool:
        return self._track.accepts(frame)

    def add(self, frame: FrameOrPacket, lost: int) -> None:
        """`lost` frames were lost before it. OSError of the disk: what was written before is kept. av.FFmpegError of
        the encoder."""
        self._lost_before += lost
        if self._track.add(frame, self.times.age_s(frame)):
            # Counted after it was written: a frame whose write failed is not in the file.
            self.times.add(frame)
            self.measure(frame, self._lost_before)
            self._lost_before = 0

    def measure(self, frame: FrameOrPacket, lost: int) -> None:
        """A frame of this clip, or the first of the next one, which begins where this one ends."""
        self.delivery.add(frame.monotonic, self._conditions.stream_fps, stills_before(frame), lost)

    def finish(self) -> None:
        """Write the end of the file. OSError of the disk."""
        self._track.finish()
        self._finished = True

    @property
    def is_whole(self) -> bool:
        """Whether all added frames are in the file. After an encoder failed, only the file itself can tell."""
        return self.times.frames > 0 and self._finished and self.file.failed is None


def make_track(first: FrameOrPacket, desired: Recording) -> Track:
    """The track of a clip that begins with `first`. The first call loads FFmpeg. Unplayable."""
    if isinstance(first, PacketData):
        # Imported here, as `av` takes 62 ms and 12 MB: a camera that does not record starts without it.
        from captures.recordings.recorder.encoding import CopiedTrack

        return CopiedTrack(first)
    from captures.recordings.recorder.encoding import EncodedTrack

    return EncodedTrack(first, desired)
