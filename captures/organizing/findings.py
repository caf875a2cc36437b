"""What came of the files of a folder: planned captures, and why others were not placed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, TypedDict


class Reason(StrEnum):
    BROKEN = "broken"
    CHANGED = "changed"
    DUPLICATE = "duplicate"
    NO_TIME = "no_time"
    NOT_A_PICTURE = "not_a_picture"
    NOT_REMOVED = "not_removed"
    """The capture is adopted, and its original could not be removed."""
    STATION_FOLDER = "station_folder"
    SYMBOLIC_LINK = "symbolic_link"
    UNREADABLE = "unreadable"


class NotPlacedFile(TypedDict):
    """`path` is relative to the folder, as text: bytes that are no text are escaped."""

    path: str
    reason: str
    message: str


class NotPlaced(Exception):
    """A file stays where it is."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def printable(path: str) -> str:
    """A file name as text that a database and a terminal can take: names may have any bytes but NUL."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


MAX_LISTED = 1000
"""Files in each list of the result. All are counted."""


class PlannedCapture(TypedDict):
    """Of a dry run: a capture, its files, and the folder that they would go to."""

    files: list[str]
    started: str
    folder: str


class OrganizeResult(TypedDict):
    """`captures` and `bytes` are those that the job has adopted, or in a dry run those that it would. `reasons` counts
    the files that were not placed; `results` lists them. `removed` counts originals that the last attempt removed.
    `time_zone` was used for files without an offset."""

    folder: str
    camera: str
    dry_run: bool
    time_zone: str
    files: int
    captures: int
    bytes: int
    removed: int
    hidden: int
    free_bytes: int
    reasons: dict[str, int]
    results: list[NotPlacedFile]
    planned: list[PlannedCapture]
    problems: list[str]


@dataclass(slots=True)
class Findings:
    most_listed: int = MAX_LISTED
    files: int = 0
    captures: int = 0
    bytes: int = 0
    removed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    results: list[NotPlacedFile] = field(default_factory=list)
    planned: list[PlannedCapture] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add_not_placed(self, path: str, reason: Reason, message: str) -> None:
        self.reasons[reason.value] = self.reasons.get(reason.value, 0) + 1
        if len(self.results) < self.most_listed:
            self.results.append(NotPlacedFile(path=printable(path), reason=reason.value, message=message))
        else:
            self._add_problem(f"Only the first {self.most_listed} files that were not placed are listed.")

    def add_planned(self, planned: PlannedCapture) -> None:
        if len(self.planned) < self.most_listed:
            self.planned.append(planned)
        else:
            self._add_problem(f"Only the first {self.most_listed} captures are listed.")

    def _add_problem(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def restore(self, found: dict[str, Any]) -> None:
        """Set it to what `as_json` gave."""
        for name, value in found.items():
            setattr(self, name, value)

    @property
    def not_placed(self) -> int:
        return sum(self.reasons.values())
