from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.harness.rows.clip_archive import ClipArchive


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    """A root whose cameras keep three rolling clips each."""
    from tests.harness.rows.clip_archive import ClipArchive, configured

    configured(monkeypatch, rolling_clips_count=3, soft_floor_gb=0, hard_floor_gb=0)
    return ClipArchive(tmp_path)
