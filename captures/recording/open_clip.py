"""A clip while it is being recorded: its plan on the disk, its file, its track, and the data of its record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import uuid6

from cameras.drivers.packets import CodedStream
from cameras.runtime.spec import Recording
from cameras.spool.spool import ClipPlan, PartFile, Record
from cameras.spool.storage import Storage
from captures.paths.organizer import ImageOrganizer
from captures.recording.track_factory import make_track
from captures.recording.tracks import FrameOrPacket
from captures.recording.video_file import VideoFile

KIND = "clip"
FIRST_INTERVAL_S = 1 / 15
"""The duration of a clip's only frame."""
TIMEOUT_S = 5.0
TIMEOUT_INTERVALS = 5
"""A clip ends when no frame comes for TIMEOUT_S and for TIMEOUT_INTERVALS intervals of its frames."""
FIRST_TIMEOUT_S = 20.0
"""The same for a clip with a single frame, whose interval is unknown."""
COPIED_TIMEOUT_S = 30.0
"""The same where packets are copied: the end of their stream is announced, and packets after a pause may be useless
without those before it."""
SAME_CLOCK_S = 1.0
"""A clip ends where the next one begins, unless the wall clock was set meanwhile."""


class OpenClip:
    """Begins with its first frame or packet; one thread writes it. OSError of the disk, RootMissing, LockLost;
    Unplayable for a packet that no clip can begin with."""

    def __init__(
        self, storage: Storage, camera: str, organizer: ImageOrganizer, first: FrameOrPacket, desired: Recording
    ) -> None:
        self.storage, self.desired = storage, desired
        self._track = make_track(first, desired)
        self.plan = self._planned(camera, organizer, first)
        storage.check()
        storage.files.make_folders(self.plan["path"].rpartition("/")[0])
        storage.spool.plan(self.plan)
        self.file = VideoFile(storage.files, storage.spool.folder, self.part)
        self._track.begin(self.file)
        self._first, self._newest, self._interval_s = first.monotonic, first.monotonic, FIRST_INTERVAL_S
        self._first_ns = first.captured_ns
        self.frames = 0
        self.lost_frames = 0
        self.interrupted = False
        self._finished = False
        self.reason = ""
        self.message = ""

    def _planned(self, camera: str, organizer: ImageOrganizer, first: FrameOrPacket) -> ClipPlan:
        clip, started, (width, height) = str(uuid6.uuid7()), moment(first.captured_ns), self._track.size
        return ClipPlan(
            id=clip, camera=camera, slug=organizer.slug, path=organizer.clip(clip, started), kind=self.desired["kind"],
            started=started.isoformat(), simulated=first.simulated, codec="h264", copied=self.source is not None,
            width=width, height=height, requested_by=self.desired["requested_by"],
        )  # fmt: skip

    @property
    def source(self) -> CodedStream | None:
        """The stream whose packets are copied; None where frames are encoded."""
        return self._track.source

    def accepts(self, frame: FrameOrPacket) -> bool:
        return self._track.accepts(frame)

    @property
    def id(self) -> str:
        return self.plan["id"]

    @property
    def started(self) -> float:
        """When its first frame was captured, in seconds since 1970."""
        return self._first_ns / 1e9

    @property
    def part(self) -> str:
        return f"{self.plan['id']}.{KIND}.part"

    @property
    def newest(self) -> float:
        """When its newest frame was captured, in seconds of the monotonic clock."""
        return self._newest

    @property
    def length_s(self) -> float:
        return self._newest - self._first

    @property
    def timeout_s(self) -> float:
        """How long after the newest frame the next one still belongs to this clip."""
        if self.source is not None:
            return COPIED_TIMEOUT_S
        return FIRST_TIMEOUT_S if self.frames < 2 else max(TIMEOUT_S, TIMEOUT_INTERVALS * self._interval_s)

    def age_s(self, frame: FrameOrPacket) -> float:
        return frame.monotonic - self._first

    def add(self, frame: FrameOrPacket) -> None:
        """OSError of the disk: what was written before is kept. av.FFmpegError of the encoder."""
        if not self._track.add(frame, self.age_s(frame)):
            return
        if self.frames and frame.monotonic > self._newest:
            self._interval_s = frame.monotonic - self._newest
        self._newest = max(self._newest, frame.monotonic)
        self.frames += 1

    def interrupt(self, reason: str, message: str) -> None:
        """Mark the clip as cut off early."""
        self.interrupted, self.reason, self.message = True, reason, message

    def finish(self) -> None:
        """Write the end of the file. OSError of the disk."""
        self._track.finish()
        self._finished = True

    @property
    def is_whole(self) -> bool:
        """Whether all added frames are in the file. After an encoder failed, only the file itself can tell."""
        return self.frames > 0 and self._finished and self.file.failed is None

    def ended(self, next_frame: FrameOrPacket | None) -> datetime:
        """The exclusive end: where recording continues, the start of the next clip."""
        length_s = self._newest - self._first + self._interval_s
        if next_frame is not None:
            length_s = next_frame.monotonic - self._first
        ended = moment(self._first_ns) + timedelta(seconds=length_s)
        if next_frame is not None and abs((moment(next_frame.captured_ns) - ended).total_seconds()) < SAME_CLOCK_S:
            return max(moment(next_frame.captured_ns), moment(self._first_ns))
        return ended


def make_record(plan: ClipPlan, root: str, outcome: dict[str, object], size: int, sha256: str) -> Record:
    """`outcome`: ended, frames, lost_frames, interrupted, reason, message."""
    file = PartFile(
        kind=KIND, bytes=size, sha256=sha256, part=f"{plan['id']}.{KIND}.part", path=plan["path"],
        width=plan["width"], height=plan["height"],
    )  # fmt: skip
    kept = {name: plan[name] for name in ("kind", "started", "simulated", "codec", "copied", "requested_by")}
    return Record(
        kind="clip", id=plan["id"], camera=plan["camera"], slug=plan["slug"], root=root, files=[file],
        body={**kept, **outcome},
    )  # fmt: skip


def moment(nanoseconds: int) -> datetime:
    """Exact to the microsecond, unlike a float of seconds."""
    whole, rest = divmod(nanoseconds // 1000, 1_000_000)
    return datetime.fromtimestamp(whole, UTC) + timedelta(microseconds=rest)
