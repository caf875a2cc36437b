"""Stores what a check found. A finding that is found again stays the same row."""

from __future__ import annotations

import hashlib
import os
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from captures.organizing.reasons import printable
from captures.roots.models import StorageRoot
from captures.storage.integrity.models import FindingKind, FindingState, IntegrityFinding
from captures.storage.stored_files.tables import StoredFile


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
