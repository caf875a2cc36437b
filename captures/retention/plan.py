"""`CleanupPlan`: exactly which files would be deleted, and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import uuid6
from django.utils import timezone

from captures.stored_files.tables import FileClass

EXPIRES_AFTER = timedelta(minutes=10)


class Why(StrEnum):
    """The rule by which a file is deleted. `asked`: by a person, or a deletion that was begun earlier."""

    ASKED = "asked"
    TRASH = "trash"
    COUNT = "count"
    AGE = "age"
    SPACE = "space"


ALLOWED_RULES: dict[FileClass, frozenset[Why]] = {
    FileClass.ROLLING_CLIP: frozenset({Why.ASKED, Why.COUNT, Why.AGE, Why.SPACE}),
    FileClass.MANUAL_CLIP: frozenset({Why.ASKED, Why.AGE}),
    FileClass.CAPTURE: frozenset({Why.ASKED, Why.TRASH, Why.AGE}),
}
"""Storage class -> the rules that may delete its files. No rule deletes files of the others; none but rolling clips are
deleted to free space."""


class RuleNotAllowed(Exception):
    """A plan would delete files of a class by a rule that this class does not have."""


class PlanItem(NamedTuple):
    """A file to delete. `path` and `bytes` are those of its row when the plan was made."""

    table: str
    pk: str
    file_class: FileClass
    camera: UUID
    root: UUID
    path: str
    bytes: int
    why: Why


class SkippedItem(NamedTuple):
    """A file that a rule selects and something keeps."""

    table: str
    pk: str
    camera: UUID
    path: str
    bytes: int
    why: Why
    reason: str


@dataclass(frozen=True)
class CleanupPlan:
    """The files that a cleanup of `host` would delete, and what the rules relied on. RuleNotAllowed."""

    host: str
    items: tuple[PlanItem, ...]
    conditions: dict[str, Any] = field(default_factory=dict)
    skipped: tuple[SkippedItem, ...] = ()
    problems: tuple[str, ...] = ()
    id: UUID = field(default_factory=uuid6.uuid7)
    made_at: datetime = field(default_factory=timezone.now)

    def __post_init__(self) -> None:
        for file_class, why in {(item.file_class, item.why) for item in self.items}:
            if why not in ALLOWED_RULES.get(file_class, ()):
                raise RuleNotAllowed(f"No file of the class {file_class} is deleted by the rule {why}.")

    @cached_property
    def encoded(self) -> bytes:
        """The files and their rules, to be stored."""
        return encode_items(self.items)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the files and their rules."""
        return hashlib.sha256(self.encoded).hexdigest()

    @property
    def expires_at(self) -> datetime:
        return self.made_at + EXPIRES_AFTER

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items)


def encode_items(items: Iterable[PlanItem]) -> bytes:
    """As JSON: a list for each run of files of one table, class, camera, root and rule."""
    # Columns and not rows: a list for each of 200,000 files takes longer than to read them.
    runs = [(key, list(run)) for key, run in groupby(items, lambda item: (*item[:1], *item[2:5], item[7]))]
    return json.dumps(
        [
            [table, name, str(camera), str(root), why, *([item[column] for item in run] for column in (1, 5, 6))]
            for (table, name, camera, root, why), run in runs
        ]
    ).encode("ascii")


def decode_items(content: bytes) -> tuple[PlanItem, ...]:
    found: list[PlanItem] = []
    for table, name, camera, root, why, keys, paths, sizes in json.loads(content):
        file_class, of_camera, in_root, rule = FileClass(name), UUID(camera), UUID(root), Why(why)
        for pk, path, size in zip(keys, paths, sizes, strict=True):
            found.append(PlanItem(table, pk, file_class, of_camera, in_root, path, size, rule))
    return tuple(found)
