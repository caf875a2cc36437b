"""The answers about plans of cleanups. Django-free."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from core.resources.fields import Fields
from core.resources.values import Column, Id
from core.times.moments import Stamp

FileClass = Annotated[str, Column("file_class"), Field(alias="class")]


class RuleSum(Fields):
    why: str
    class_: FileClass
    camera: str
    files: int
    bytes: int


class PlannedFile(Fields):
    table: str
    id: Annotated[str, Column("pk")]
    class_: FileClass
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
