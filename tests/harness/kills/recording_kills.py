"""A station that records while its processes are killed: whether each written frame is in its clip; how much video is
lost, and how long the gaps are."""

from __future__ import annotations

import os
import platform
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.harness.camera_processes.recorded_clips import shown
from tests.harness.kills.faults import kill
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

FRAME = b"moof"
"""Begins each frame of a growing clip: a fragment of its own."""
CLIPS = "SELECT path, started_at, ended_at, interrupted FROM captures_clip ORDER BY started_at"
RECORD = "UPDATE cameras_camera SET recording = ? WHERE slug = 'simulated'"


@dataclass(frozen=True)
class Cost:
    """The cost of one kill, in seconds."""

    target: str
    lost_s: float
    gap_s: float


@dataclass
class RecordingStation:
    """A station whose simulated camera records."""

    station: Station
    chance: random.Random = field(default_factory=lambda: random.Random(4))
    kills: list[tuple[str, datetime]] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)
    """Clip -> the number of its frames that were in the file just before a kill."""

    def record(self, kind: str) -> None:
        self.station.database.execute(RECORD, kind)

    def kill(self, target: str) -> None:
        """Kill at a random frame of a clip; returns once recording resumes."""
        self.wait_for_frames(self.chance.randint(8, 45))
        self.written |= {clip_of(file): frames_in(file) for file in self.growing()}
        self.kills.append((target, datetime.now(UTC)))
        kill(self.station, target)
        eventually(self.has_resumed, "recording has resumed")

    def wait_for_frames(self, frames: int) -> str:
        """The open clip, once it has grown by this many frames, or has ended."""
        [file] = eventually(self.growing, "a clip is open")
        before = frames_in(file)
        eventually(lambda: not file.exists() or frames_in(file) >= before + frames, "it grows")
        return clip_of(file)

    @property
    def spool(self) -> Path:
        return self.station.config.storage_root / ".spool"

    def growing(self) -> list[Path]:
        """The open clip, if there is one: after a kill, the file of the clip before it may still be there."""
        return sorted(self.spool.glob("*/clips/*.clip.part"))[-1:]

    def row_of(self, clip: str) -> dict[str, Any]:
        """Its row, once it has one."""
        names = ("frames", "lost_frames", "interrupted")
        question = f"SELECT {', '.join(names)} FROM captures_clip WHERE id = ?"
        [row] = eventually(lambda: self.station.database.rows(question, UUID(clip).hex), f"the row of {clip}")
        return dict(zip(names, row, strict=True))

    def lost_of_written(self) -> list[str]:
        """Clips that lack frames which were in their file when a process was killed."""
        return [clip for clip, frames in self.written.items() if self.row_of(clip)["frames"] < frames]

    def has_resumed(self) -> bool:
        since = self.kills[-1][1].timestamp()
        return any(started(file) > since and frames_in(file) > 0 for file in self.growing())

    def costs(self) -> list[Cost]:
        """The cost of each kill, by the rows of the clips before and after it."""
        return [self._cost(target, at) for target, at in self.kills]

    def _cost(self, target: str, at: datetime) -> Cost:
        clips = [(moment(begun), moment(ended)) for _, begun, ended, _ in self.station.database.rows(CLIPS)]
        before = max(ended for begun, ended in clips if begun < at)
        after = min(begun for begun, _ in clips if begun > at)
        return Cost(target, (at - before).total_seconds(), (after - at).total_seconds())

    def paths(self) -> list[Path]:
        return [self.station.config.storage_root / path for path, *_ in self.station.database.rows(CLIPS)]

    def incomplete_clips(self) -> list[str]:
        """Clips whose frames are not complete and in order, each once."""
        return [path.name for path in self.paths() if not is_complete([frame.number for frame in shown(path)])]

    def summary(self) -> str:
        return "\n".join(table(self.costs()))


def table(costs: list[Cost]) -> Iterator[str]:
    yield (
        f"{len(costs)} times SIGKILL at random moments while the simulated camera records 1280x1024 at 15 fps; Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[2]:.1f}. Lost: from the end of "
        "the last whole frame of the last clip to the kill (below 0: that frame had not ended yet). Gap: from the kill "
        "to the first frame of the next clip (all: the whole station is killed and started again). "
        "`make prove` writes this page."
    )
    yield ""
    yield "| killed | times | lost s, median | longest | gap s, median | longest |"
    yield "|---|---|---|---|---|---|"
    for target in sorted({cost.target for cost in costs}):
        lost, gap = ([getattr(cost, name) for cost in costs if cost.target == target] for name in ("lost_s", "gap_s"))
        yield (
            f"| {target} | {len(lost)} | {statistics.median(lost):.2f} | {max(lost):.2f} "
            f"| {statistics.median(gap):.1f} | {max(gap):.1f} |"
        )


def is_complete(numbers: list[int | None]) -> bool:
    """Whether the frame numbers are complete and in order."""
    return None not in numbers and numbers == list(range(numbers[0] or 0, (numbers[0] or 0) + len(numbers)))


def frames_in(file: Path) -> int:
    """The whole frames of a growing clip; 0 once it has ended."""
    try:
        return max(0, file.read_bytes().count(FRAME) - 1)  # the last one may not be whole yet
    except FileNotFoundError:
        return 0


def clip_of(file: Path) -> str:
    return file.name.partition(".")[0]


def started(file: Path) -> float:
    """When the id of a clip was created, in seconds: the first 48 bits of a UUIDv7 are milliseconds."""
    return int(file.name.replace("-", "")[:12], 16) / 1000


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
