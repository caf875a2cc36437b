from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

if TYPE_CHECKING:
    from tests.harness.rows.clip_archive import ClipArchive


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    """A root whose cameras keep three rolling clips each."""
    from tests.harness.rows.clip_archive import ClipArchive, configured

    configured(monkeypatch, rolling_clips_count=3, soft_floor_gb=0, hard_floor_gb=0)
    return ClipArchive(tmp_path)


@pytest.fixture
def retention(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set keys of the section `retention` as a YAML file would."""

    def set_keys(**values: Any) -> None:
        station = settings.STATION
        section = type(station.retention).model_validate({**station.retention.model_dump(), **values})
        monkeypatch.setattr(settings, "STATION", station.model_copy(update={"retention": section}))

    return set_keys
