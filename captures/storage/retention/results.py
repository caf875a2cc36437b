"""What a cleanup did."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils import timezone

from captures.capturing.models import CaptureFile
from captures.recordings.clips.models import Clip
from captures.storage.retention.plan import PlanItem


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted clip, and the rule: see `captures.storage.retention.plan.Why`."""

    clip: Clip
    why: str

    @property
    def age_s(self) -> float:
        """Seconds since the clip's end."""
        return round((timezone.now() - self.clip.ended_at).total_seconds(), 1)


@dataclass(slots=True)
class CleanupResult:
    deleted: list[Deleted] = field(default_factory=list)
    purged: list[CaptureFile] = field(default_factory=list)
    """Deleted files of captures."""
    moved: list[PlanItem] = field(default_factory=list)
    """Files whose off-site copies alone are kept."""
    problems: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        """The number of deleted files."""
        return len(self.deleted) + len(self.purged) + len(self.moved)

    @property
    def bytes(self) -> int:
        freed = sum(one.clip.bytes for one in self.deleted) + sum(file.bytes for file in self.purged)
        return freed + sum(item.bytes for item in self.moved)

    def add(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)
