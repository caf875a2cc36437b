"""What makes a data folder a restored copy, and what a paused one starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.restored_copy import FILE, LONGEST, UNKNOWN, activate, copied_from


@pytest.mark.parametrize(
    ("text", "copied"),
    [("dome, 2026-11-27\n", "dome, 2026-11-27"), ("", UNKNOWN), ("x" * 999, "x" * LONGEST)],
)
def test_the_file_of_the_backup_makes_a_copy(text: str, copied: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    assert copied_from(tmp_path) == copied
    activate(tmp_path)
    assert copied_from(tmp_path) is None


def test_a_folder_without_the_file_is_no_copy(tmp_path: Path) -> None:
    assert copied_from(tmp_path) is None
    activate(tmp_path)


@pytest.fixture
def paused(settings: Any, tmp_path: Path) -> None:
    settings.STATION = settings.STATION.model_copy(update={"data": tmp_path})
    (tmp_path / FILE).write_text("dome")


def test_the_pages_of_a_copy_say_that_it_is_paused(paused: None, viewer: Any, anonymous: Any) -> None:
    assert "This station is a restored copy (of dome) and is paused" in viewer.get("/").content.decode()
    assert "dome" not in anonymous.get("/accounts/login/").content.decode()
