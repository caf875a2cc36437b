"""What a cleanup did."""

from __future__ import annotations

from dataclasses import dataclass, field

from captures.clips.models import Clip


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted clip, and the rule: see `captures.retention.plan.Why`."""

    clip: Clip
    why: str


@dataclass(slots=True)
class CleanupResult:
    deleted: list[Deleted] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)
