"""Findings of checks: stored, and as the API answers them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from captures.organizing.findings import printable
from captures.roots.models import StorageRoot
from captures.storage.integrity.models import FindingKind, FindingState, IntegrityFinding
from captures.storage.stored_files.tables import StoredFile
from core.resources.answers import body_of
from core.resources.fields import Fields, Rows
from core.resources.values import Column, Id
from core.text.csv_lines import csv_line
from core.times.timestamps import Stamp


class FindingBody(Fields):
    """`camera` is null for a file in the folder of no camera. `target` is where a file was set aside, in its root."""

    id: Annotated[Id, Column("pk")]
    kind: str
    state: str
    host: str
    root: Annotated[str, Column("root_path")]
    camera: Annotated[str | None, Column("camera_slug")]
    path: str
    bytes: int | None
    expected_bytes: int | None
    message: str
    found: Annotated[Stamp, Column("found_at")]
    target: str
    decided_by: str


class FindingPage(Rows):
    results: list[FindingBody]


class FindingStore:
    """The findings of one check, `job`. In batches, so that its memory does not grow."""

    def __init__(self, host: str, job: str) -> None:
        self._host, self._job = host, job

    def add(self, root: StorageRoot, kind: FindingKind, path: str, message: str, **fields: Any) -> None:
        raw = os.fsencode(path)
        values = {"check_job": self._job, "found_at": timezone.now(), "message": message, **fields}
        # The database decides whether it is known: a check that was killed begins its last batch again.
        IntegrityFinding.objects.update_or_create(
            root=root,
            kind=kind,
            path_digest=hashlib.sha256(raw).hexdigest(),
            state=FindingState.OPEN,
            defaults=values,
            create_defaults={"host": self._host, "path": printable(path), "raw_path": raw, **values},
        )

    def add_row(self, root: StorageRoot, kind: FindingKind, file: StoredFile, message: str, size: int | None) -> None:
        self.add(
            root, kind, file.path, message, table=file.table, row=file.pk, camera_id=file.camera, bytes=size,
            expected_bytes=file.bytes,
        )  # fmt: skip

    def count(self) -> dict[str, int]:
        """The number of open findings of this check, by kind."""
        own = IntegrityFinding.objects.filter(check_job=self._job, state=FindingState.OPEN)
        return {kind: own.filter(kind=kind).count() for kind in FindingKind.values}

    def close_others(self, roots: list[UUID], hashed: bool) -> int:
        """Close the open findings in these roots that this check did not find again."""
        others = IntegrityFinding.objects.filter(host=self._host, root__in=roots, state=FindingState.OPEN)
        others = others.exclude(check_job=self._job)
        if not hashed:
            # Only reading the content shows a change that leaves the size.
            others = others.exclude(kind=FindingKind.MISMATCHING, bytes=F("expected_bytes"))
        return others.update(state=FindingState.GONE, decided_at=timezone.now())


finding_body = partial(body_of, FindingBody)


def csv_lines(findings: Iterable[IntegrityFinding]) -> Iterator[str]:
    """The lines of a table; a file name cannot become a formula."""
    yield csv_line(FindingBody.model_fields)
    for finding in findings:
        yield csv_line("" if value is None else str(value) for value in finding_body(finding).values())
