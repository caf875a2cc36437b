"""`ClipRecorder` writes the frames of a camera into clips. It runs in a camera process, without Django.

The camera loop's thread converts each frame to I420 and queues it; for a camera that sends H.264 the driver's thread
queues its packets. The recorder's thread (`ClipWriter`) encodes or copies and writes them, and waits for a sync only
where a clip begins. `ClipSync` syncs the open clip each second, `ClipFinalizer` finalizes clips that have ended; each
has its own thread. An error ends a clip, never the camera.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from cameras.drivers import driver_class
from cameras.runtime.consumers import Context, DeviceConditions
from cameras.runtime.messages import Command, ConsumerStats, RotateCommand
from cameras.runtime.spec import Recording, Spec
from cameras.spool.recovery import DecidedOutcome
from cameras.spool.storage import Storage
from captures.paths import ImageOrganizer, Site
from captures.recordings.recorder.clip_finalizer import ClipFinalizer
from captures.recordings.recorder.clip_policy import KEY_FRAME_TIMEOUT_S, ClipPolicy, CopyingPolicy
from captures.recordings.recorder.clip_root import ClipRoot, DiskGuard, RootError
from captures.recordings.recorder.clip_writer import ClipWriter
from captures.recordings.recorder.failures import RetryTimer, describe_hang
from captures.recordings.recorder.open_clip import PART, ClipSync, OpenClip
from captures.recordings.recorder.recorder_inbox import FrameQueue, LossCounter, RecorderInbox
from captures.recordings.recorder.recorder_reports import CLIPS_FINALIZED, FRAME_WRITTEN, RecorderReports
from captures.recordings.recorder.tracks import FrameOrPacket
from core.camera_names import CameraName
from core.dataclass_json import dataclass_from_json


@dataclass(frozen=True, slots=True)
class RecorderTimes:
    """In seconds."""

    write_s: float = 3.0
    """At the end of the process, to write queued frames."""
    write_out_s: float = 4.0
    """The same, until the clip is finalized."""
    stuck_s: float = 6.0
    """Longer than the thread needs for a frame, and than a disk needs to sync a second of frames."""
    key_frame_s: float = KEY_FRAME_TIMEOUT_S


class ClipRecorder:
    """The thread of the camera loop calls all methods but `stats`, which any thread may call."""

    keeps_frames = True

    def __init__(self, context: Context, times: RecorderTimes | None = None) -> None:
        spec, self._times = context.spec, times or RecorderTimes()
        self._path, camera = spec["video_root_path"], CameraName(spec["camera"], spec["slug"])
        self._slug = camera.slug
        self._reports = RecorderReports(context.link.send, camera, self._path, context.conditions)
        self._set_site(spec["site"])
        self._queue = FrameQueue(context.buffer, LossCounter(numbered=driver_class(spec["kind"]).numbers_frames))
        self._inbox = RecorderInbox(self._queue)
        # One for all threads: whichever finds that the root cannot be written, the recorder's thread closes it.
        root_error = RootError()
        self._finalizer = ClipFinalizer(self._reports, root_error.report)
        self._sync = ClipSync(root_error.report)
        self._writer = self._make_writer(spec, root_error, context.conditions)
        self._inbox.request(spec["recording"])
        # A predecessor that was killed may have left its alerts open.
        if self._inbox.desired is None:
            self._reports.report_idle()
        # A daemon: a thread that hangs in a call to the disk must not keep the process from ending.
        self._thread = threading.Thread(target=self._writer.run, name="recorder", daemon=True)
        self._thread.start()

    def _make_writer(self, spec: Spec, root_error: RootError, conditions: DeviceConditions) -> ClipWriter:
        times, reports, finalizer = self._times, self._reports, self._finalizer
        retry = RetryTimer(time.monotonic)
        root = ClipRoot(
            self._path,
            # Called on the recorder's thread: a disk that hangs must not block the camera loop, which runs this.
            open_storage=lambda: Storage(self._path, spec["video_root"], spec["camera"], PART),
            retry=retry,
            recoverer=finalizer,
            on_opened=lambda: reports.report_root_opened(is_idle=self._inbox.desired is None),
            decided=_decided_outcome(spec),
            close_s=times.write_out_s,
        )
        disk = DiskGuard(root.free_bytes, reports.status.set_disk_space, time.monotonic)
        policy = ClipPolicy(retry, disk, CopyingPolicy(self._queue.refuse_packets, times.key_frame_s))

        def make_clip(storage: Storage, first: FrameOrPacket, desired: Recording) -> OpenClip:
            return OpenClip(storage, spec["camera"], self._organizer, first, desired, conditions)

        return ClipWriter(self._inbox, root, root_error, policy, finalizer, self._sync.set_file, reports, make_clip)

    def handle_command(self, command: Command) -> None:
        """Handle `record`, `configure` with a recording or a site, and `rotate`."""
        if command["type"] == "configure" and "site" in command:
            self._set_site(command["site"])
        if command["type"] == "record" or (command["type"] == "configure" and "recording" in command):
            self._record(command, command["recording"])
        elif command["type"] == "rotate":
            self._rotate(command)

    def _set_site(self, site: dict[str, Any]) -> None:
        """For the next clip. Replaced whole: the recorder's thread reads it."""
        self._organizer = ImageOrganizer(self._slug, dataclass_from_json(Site, site))

    def _record(self, command: Command, desired: Recording | None) -> None:
        """None stops."""
        self._inbox.request(desired)
        # Added before the reader is checked: if the recorder's thread ends the recording in between, it answers this
        # command too; if it has ended it already, only the line below does.
        self._reports.answers.add(command, FRAME_WRITTEN if desired else CLIPS_FINALIZED)
        if desired is None and self._queue.reader is None:
            self._finalizer.run_after(self._reports.answer_stop)

    def _rotate(self, command: RotateCommand) -> None:
        """Let the next frame begin another clip."""
        # Read once: the recorder's thread replaces it at any time.
        clip = self._writer.clip
        if clip is None:
            self._reports.reject_rotation(command)
            return
        # Before `rotate`: the finalizer's thread answers as soon as the ended clip is in its place.
        self._reports.answers.add(command, clip.id)
        self._inbox.rotate(clip.id)

    @property
    def wants_frames(self) -> bool:
        """False while the camera's own packets are copied."""
        # `copies_packets` takes no lock: while a recording is desired, the last reader is open, and only closed readers
        # are dropped.
        return self._inbox.desired is not None and not self._queue.copies_packets

    def stop(self) -> None:
        """Write the queued frames, as far as there is time, and finalize the clip."""
        self._inbox.stop(self._times.write_s)
        self._thread.join(self._times.write_out_s)

    def stats(self) -> ConsumerStats:
        clip, desired = self._writer.clip, self._inbox.desired
        # The threads that wait for the disk cannot report it; the process's reporting thread calls this each second.
        if desired is not None and self._is_stuck():
            if clip is not None:
                # The alert then closes only after another sync: frames reach the page cache while the disk still hangs.
                clip.file.synced = False
            self._reports.report_failure(describe_hang(self._path, self._times.stuck_s))
        return {"recorder": self._reports.snapshot(desired, clip)}

    def _is_stuck(self) -> bool:
        """A disk that hangs raises no error: calls to it do not return."""
        now = time.monotonic()
        # Two threads, as either can hang alone: writes go to the page cache while a sync waits for the disk.
        return max(now - self._writer.ran_at, self._sync.runs_for_s(now)) > self._times.stuck_s


def _decided_outcome(spec: Spec) -> DecidedOutcome | None:
    return dataclass_from_json(DecidedOutcome, spec["decided_outcome"]) if spec["decided_outcome"] else None
