"""What the recorder says: its state each second, events, and answers to who asked for something."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from cameras.runtime.link import Link
from cameras.runtime.recording_state import Recorder, waiting
from cameras.runtime.sessions import iso
from cameras.runtime.spec import Recording
from cameras.runtime.spool import Record
from captures.recording.open_clip import OpenClip
from captures.recording.recovery import Recovered, left_sentence
from core.plurals import pluralize, was_or_were

RATE_S = 5.0
"""A clip shorter than this says nothing of how fast it grows; the one before it does."""
MINUTE_S = 60
PART = "clips"
"""Of the camera's spool."""
PROBLEMS = {"disk_full": "disk-full", "write_error": "disk-full"}
UNREACHABLE = "camera-not-reachable"
NOT_RECORDING = "not-recording"


class Telling:
    def __init__(self, link: Link, slug: str, path: str) -> None:
        self._link, self._slug, self._path = link, slug, path
        self._lock = threading.Lock()
        self._waiting: deque[dict[str, Any]] = deque()
        self._trouble = ("", "")
        self._clean = False
        """What a recorder before this one complained of is over, too."""
        self._since: float | None = None
        self._free: int | None = None
        self._floor = 0
        self._lost = 0
        self._rate: float | None = None
        """Bytes a second of the newest clip that was long enough to say."""
        self._filed: str | None = None
        self._left: dict[str, OSError] = {}
        """Clips that the disk does not let be brought to their end."""

    @property
    def why(self) -> str:
        return self._trouble[1]

    def status(self, wish: Recording | None, clip: OpenClip | None) -> Recorder | None:
        """None while nothing shall be recorded."""
        if wish is None:
            return None
        told = waiting(wish, self._trouble[1])
        told["state"] = "failing" if self._trouble[0] else "recording" if clip else "waiting"
        told["since"], told["reason"] = iso(self._since) if self._since else None, self._trouble[0]
        told["lost_frames"], told["free_bytes"] = self._lost, self._free
        if clip:
            self._tell_clip(told, clip)
        return told

    def _tell_clip(self, told: Recorder, clip: OpenClip) -> None:
        if clip.length_s > RATE_S:
            self._rate = clip.file.bytes / clip.length_s
        rate = self._rate
        told["clip"], told["clip_started"] = clip.id, iso(clip.started)
        told["frames"], told["bytes"] = clip.frames, clip.file.bytes
        told["mb_per_min"] = round(rate * MINUTE_S / 1e6, 2) if rate else None
        if rate and self._free is not None:
            told["floor_s"] = round(max(0.0, (self._free - self._floor) / rate))

    # Who asked

    def asked(self, order: dict[str, Any], awaits: str) -> None:
        """Answered when what was asked for is observed: a frame `written`, the recording `stopped`, or a
        clip, by its id, filed."""
        if order.get("command_id"):
            with self._lock:
                self._waiting.append({**order, "awaits": awaits})

    def _answer(self, awaited: str, **fields: Any) -> None:
        with self._lock:
            ready = [order for order in self._waiting if order["awaits"] == awaited]
            self._waiting = deque(order for order in self._waiting if order["awaits"] != awaited)
        for order in ready:
            self._link.send("answer", command_id=order["command_id"], **fields)

    # What happened

    def began(self, clip: OpenClip) -> None:
        """A clip is open."""
        if self._since is None:
            self._since, self._lost, self._rate = time.time(), 0, None
            self._log("recording.started", f"{self._slug} records ({clip.plan['kind']}).", "info")

    def wrote(self, clip: OpenClip) -> None:
        """A frame was added to the clip. The first is in its file once the second is added. A disk that failed has to
        sync as well."""
        if clip.frames < 2:
            return
        if (self._trouble[0] or not self._clean) and (clip.file.synced or self._trouble[0] != "write_error"):
            self._end_of_trouble()
        if self._waiting:
            self._answer("written", ok=True, body={"clip": clip.id, "recorder": self.status(clip.wish, clip)})

    def lost(self, clip: OpenClip, frames: int) -> None:
        if not clip.lost_frames:
            said = f"{self._slug} loses frames of its recording: this machine, its disk or its network is too slow."
            self._log("recording.lost", said, "error")
            self._alert("lost", said)
        clip.lost_frames += frames
        self._lost += frames

    def filed(self, record: Record) -> None:
        self._filed = record["id"]
        self._link.send("spooled", id=record["id"], command_id="", part=PART)
        self._answer(record["id"], ok=True, body={"clip": record["id"]})
        if record["body"]["lost_frames"] == 0:
            self._alert("lost", "")

    def ended(self, *, for_good: bool) -> None:
        """It was stopped, and all that was queued is written; `for_good` unless it was started again meanwhile."""
        if self._since is not None:
            self._log("recording.stopped", f"{self._slug} records no longer.", "info")
        self._since = None
        self.at_rest()
        if for_good:
            self._answer("written", ok=False, problem=NOT_RECORDING, detail=f"{self._slug} was told to stop meanwhile.")

    def at_rest(self) -> None:
        """Nothing shall be recorded: there is nothing to complain of."""
        self._end_of_trouble()
        self._alert("lost", "")

    def stopped(self) -> None:
        """Its last clip is filed."""
        self._answer("stopped", ok=True, body={"clip": self._filed, "recorder": None})

    def has_no_clip(self, order: dict[str, Any]) -> None:
        """There is none that could be ended."""
        said = f"{self._slug} writes no clip now. {self.why}".strip()
        self._link.send("answer", command_id=order["command_id"], ok=False, problem=NOT_RECORDING, detail=said)

    def failed(self, reason: str, message: str) -> None:
        """Nothing can be written now. Told once, until it can again."""
        if (reason, message) != self._trouble:
            self._log("recording.failed", f"{self._slug} cannot record: {message}", "critical")
            self._alert("failed", f"{self._slug} cannot record: {message}")
        self._trouble = (reason, message)
        self._answer("written", ok=False, problem=PROBLEMS.get(reason, UNREACHABLE), reason=reason, detail=message)

    def _end_of_trouble(self) -> None:
        self._trouble, self._clean = ("", ""), True
        self._alert("failed", "")

    def saw(self, free: int, floor: int) -> None:
        """How much room there is, in bytes."""
        self._free, self._floor = free, floor

    def full(self, wish: Recording) -> None:
        """There is not enough."""
        floor = floor_of(wish)
        said = f"The disk of {self._path} has less than {floor / 1e9:g} GB left. Free some space"
        if floor > wish["floor_bytes"]:
            why = "No clip of it may go: there is none, or they are pinned or held."
            self.failed("disk_full", f"{said}, or lower camera_config.soft_floor_gb. {why}")
        else:
            self.failed("disk_full", f"{said}.")

    def holds(self) -> None:
        """The root is open, and all that was left in it is tried again."""
        self._left = {}
        if self._trouble[0] == "root_missing":
            self._end_of_trouble()

    def recovered(self, found: Recovered) -> None:
        for clip in (*found.filed, *found.repaired):
            self._link.send("spooled", id=clip, command_id="", part=PART)
            self._answer(clip, ok=True, body={"clip": clip})
        for clip in found.empty:
            self._answer(clip, ok=False, problem=NOT_RECORDING, detail=f"No frame of {self._slug} came into the clip.")
        if found.repaired:
            number = len(found.repaired)
            clips = f"{pluralize(number, 'clip')} of {self._slug} that {was_or_were(number)} cut off"
            said = f"{clips} {was_or_were(number)} repaired and kept."
            self._log("spool.recovered", said, "warning")
        for clip in found.tried:
            self._left.pop(clip, None)
        self._left |= found.failed
        self._alert("left", left_sentence(self._slug, self._path, self._left))
        if found.rejected:
            said = f"Clips of {self._slug} could not be recovered: {'; '.join(found.rejected)[:500]}"
            self._log("spool.rejected", said, "error")

    def _alert(self, about: str, message: str) -> None:
        """Raised, or with no message resolved: `recording.failed:<slug>`."""
        self._link.send("alert", key=f"recording.{about}:{self._slug}", message=message)

    def _log(self, kind: str, message: str, level: str) -> None:
        self._link.send("log", level=level, kind=kind, message=message)


def floor_of(wish: Recording) -> int:
    """Bytes that have to be free."""
    floor = wish["floor_bytes"]
    return wish.get("rolling_floor_bytes", floor) if wish["kind"] == "rolling" else floor
