"""A storage root with clips as the ingest stores them: a row for each, and a file of its size."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from captures.models import Clip
from captures.storage.retention.cleanup import ClipCleanup
from tests.harness.rows.archive import Archive

STARTED = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
LENGTH = timedelta(minutes=10)
MB = 1_000_000


class ClipArchive(Archive):
    """Clips number 0, 1, ...: a higher number is newer."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "clips").mkdir()
        self.cleanup = ClipCleanup("main")

    def clip(self, number: int, size: int = 10, **fields: Any) -> Clip:
        path = f"clips/{number}-{fields.get('kind', 'rolling')}.mp4"
        (self.folder / path).write_bytes(os.urandom(size))
        start = STARTED + number * LENGTH
        return Clip.objects.create(
            **{"camera": self.camera, "root": self.root, "host": self.root.host, "path": path, "bytes": size,
               "started_at": start, "ended_at": start + LENGTH, "frames": 9000, "width": 1280, "height": 1024,
               "sha256": "0" * 64, **fields},
        )  # fmt: skip

    def clips(self, numbers: int, size: int = 10) -> list[Clip]:
        return [self.clip(number, size) for number in range(numbers)]

    def move_and_link(self, *clips: Clip, folder: str = "old") -> None:
        """Move the clips into another folder, with a symbolic link in its place."""
        elsewhere, link = self.folder / f"elsewhere-{folder}", self.folder / "clips" / folder
        elsewhere.mkdir()
        link.symlink_to(elsewhere)
        for clip in clips:
            (self.folder / clip.path).rename(elsewhere / clip.filename)
            Clip.objects.filter(pk=clip.pk).update(path=f"clips/{folder}/{clip.filename}")

    @property
    def files(self) -> list[str]:
        return sorted(path.name.partition("-")[0] for path in (self.folder / "clips").iterdir())

    @property
    def rows(self) -> list[str]:
        return sorted(clip.filename.partition("-")[0] for clip in Clip.objects.all())

    @property
    def kept(self) -> list[str]:
        """Clips that have a row and a file; AssertionError where one has only one of them."""
        assert self.rows == self.files
        return self.files


def configured(monkeypatch: Any, **values: Any) -> None:
    """Set CAMERA_CONFIG as a YAML file would."""
    station = settings.STATION
    section = type(station.camera_config).model_validate({**station.camera_config.model_dump(), **values})
    monkeypatch.setattr(settings, "STATION", station.model_copy(update={"camera_config": section}))


def ahead(number: int) -> dict[str, Any]:
    """Recorded while the clock was a day fast."""
    started = timezone.now() + timedelta(days=1) + number * LENGTH
    return {"started_at": started, "ended_at": started + LENGTH}
