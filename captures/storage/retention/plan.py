"""`CleanupPlan`: exactly which files would be deleted, and why; and as the API answers it."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from types import SimpleNamespace
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import uuid6
from pydantic import Field

from cameras.models import Camera
from captures.storage.file_classes import FileClass
from core import database_clock
from core.resources.fields import Fields
from core.resources.resource import body_of
from core.resources.values import Column, Id
from core.times.timestamps import Stamp

EXPIRES_AFTER = timedelta(minutes=10)


class Why(StrEnum):
    """The rule by which a file is deleted. `asked`: by a person, or a deletion that was begun earlier."""

    ASKED = "asked"
    TRASH = "trash"
    COUNT = "count"
    AGE = "age"
    SPACE = "space"
    OFFSITE = "offsite"
    """The file here goes, and its verified copy stays."""


BY_CLOCK = frozenset({Why.TRASH, Why.AGE, Why.OFFSITE})
"""The rules that a wrong clock would apply too early: see `captures.storage.retention.clock_guard`."""

ALLOWED_RULES: dict[FileClass, frozenset[Why]] = {
    FileClass.ROLLING_CLIP: frozenset({Why.ASKED, Why.COUNT, Why.AGE, Why.SPACE}),
    FileClass.MANUAL_CLIP: frozenset({Why.ASKED, Why.AGE}),
    FileClass.CAPTURE: frozenset({Why.ASKED, Why.TRASH, Why.AGE, Why.OFFSITE}),
    FileClass.ARCHIVE: frozenset({Why.ASKED, Why.OFFSITE}),
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


def frees_space(item: PlanItem) -> bool:
    """False for captures that are only moved to the trash."""
    return not (item.file_class == FileClass.CAPTURE and item.why == Why.AGE)


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
    made_at: datetime = field(default_factory=database_clock.estimate)

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
    def files(self) -> int:
        return len(self.items)

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items)


def encode_items(items: Iterable[PlanItem]) -> bytes:
    """As JSON: what files have in common, once each, and for each file the number of its common part, key, path and
    size, as four columns."""
    # Columns and not rows: a list for each of 200,000 files takes longer than to read them. By identity: the hash of a
    # UUID or an enumeration is a function in Python. Equal parts that are other objects are listed twice.
    numbers: dict[tuple[Any, ...], int] = {}
    common: list[list[str]] = []
    rows = []
    for table, pk, file_class, camera, root, path, size, why in items:
        key = (table, id(file_class), id(camera), id(root), id(why))
        if (number := numbers.get(key)) is None:
            number = numbers[key] = len(common)
            common.append([table, file_class, str(camera), str(root), why])
        rows.append((number, pk, path, size))
    columns = zip(*rows, strict=True) if rows else ([], [], [], [])
    return json.dumps([common, *columns]).encode("ascii")


def decode_items(content: bytes) -> tuple[PlanItem, ...]:
    shared, numbers, keys, paths, sizes = json.loads(content)
    common = [(table, FileClass(name), UUID(camera), UUID(root), Why(why)) for table, name, camera, root, why in shared]
    found: list[PlanItem] = []
    for number, pk, path, size in zip(numbers, keys, paths, sizes, strict=True):
        table, file_class, camera, root, why = common[number]
        found.append(PlanItem(table, pk, file_class, camera, root, path, size, why))
    return tuple(found)


ClassName = Annotated[str, Column("file_class"), Field(alias="class")]


class RuleSum(Fields):
    why: str
    class_: ClassName
    camera: str
    files: int
    bytes: int


class PlannedFile(Fields):
    table: str
    id: Annotated[str, Column("pk")]
    class_: ClassName
    camera: str
    root: Id
    path: str
    bytes: int
    why: str


class KeptFile(Fields):
    """A file that a rule selects, and what keeps it."""

    table: str
    id: Annotated[str, Column("pk")]
    camera: str
    path: str
    bytes: int
    why: str
    reason: str


class PlanSums(Fields):
    id: Id
    host: str
    made: Annotated[Stamp, Column("made_at")]
    expires: Annotated[Stamp, Column("expires_at")]
    digest: str
    files: int
    bytes: int
    conditions: dict[str, Any]
    problems: list[str]


class PlanBody(PlanSums):
    """Exactly what a cleanup deletes. `rules` has all files; `items` and `skipped` are the first 1000."""

    rules: list[RuleSum]
    items: list[PlannedFile]
    skipped: list[KeptFile]


MAX_LISTED = 1000


def plan_body(plan: CleanupPlan) -> dict[str, Any]:
    slugs = dict(Camera.objects.values_list("pk", "slug"))
    return {
        **body_of(PlanSums, plan),
        "rules": rule_sums(plan, slugs),
        "items": [file_body(PlannedFile, one, slugs) for one in plan.items[:MAX_LISTED]],
        "skipped": [file_body(KeptFile, one, slugs) for one in plan.skipped[:MAX_LISTED]],
    }


def file_body(model: type[Fields], file: PlanItem | SkippedItem, slugs: dict[Any, str]) -> dict[str, Any]:
    return body_of(model, SimpleNamespace(**{**file._asdict(), "camera": slugs[file.camera]}))


def rule_sums(plan: CleanupPlan, slugs: dict[Any, str]) -> list[dict[str, Any]]:
    """The planned files by rule, class and camera. `slugs`: camera -> its id."""
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for item in plan.items:
        amount = sums[item.why, item.file_class, slugs[item.camera]]
        amount[0] += 1
        amount[1] += item.bytes
    return [
        {"why": why, "class": name, "camera": camera, "files": files, "bytes": size}
        for (why, name, camera), (files, size) in sorted(sums.items())
    ]
