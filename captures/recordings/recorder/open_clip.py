"""The clip that is being recorded: its file, its track and its times."""

from __future__ import annotations

import time

import uuid6

from cameras.drivers.packets import CodedStream, PacketData
from cameras.runtime.clock import CameraClock, ClockMonitor
from cameras.runtime.consumers import DeviceConditions
from cameras.runtime.spec import Recording
from cameras.spool.records import ClipOrigin, ClipPlan
from cameras.spool.spool import boot_id
from cameras.spool.storage import Storage
from captures.paths import ImageOrganizer
from captures.recordings.recorder.clip_file import KIND, VideoFile
from captures.recordings.recorder.delivery import ClipDelivery, stills_before
from captures.recordings.recorder.failures import Failure
from captures.recordings.recorder.tracks import ClipTimes, FrameOrPacket, Track, moment


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
        from captures.recordings.recorder.stream_copy import CopiedTrack

        return CopiedTrack(first)
    from captures.recordings.recorder.encoding import EncodedTrack

    return EncodedTrack(first, desired)
