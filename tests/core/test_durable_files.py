"""Names that files get without replacing another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.durable_files import move_to_free_name


@pytest.fixture
def part(tmp_path: Path) -> Path:
    part = tmp_path / "part"
    part.write_text("new")
    return part


def test_a_file_moves_to_a_free_name(part: Path, tmp_path: Path) -> None:
    move_to_free_name(part, tmp_path / "name")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"name": "new"}


def test_a_file_does_not_replace_another_one(part: Path, tmp_path: Path) -> None:
    (tmp_path / "name").write_text("old")
    with pytest.raises(FileExistsError):
        move_to_free_name(part, tmp_path / "name")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"name": "old", "part": "new"}


def test_what_has_no_links_is_renamed_without_replacing(tmp_path: Path) -> None:
    """A folder, for which the system refuses a link as a disk without links does."""
    (tmp_path / "folder").mkdir()
    move_to_free_name(tmp_path / "folder", tmp_path / "name")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]
    (tmp_path / "other").mkdir()
    with pytest.raises(FileExistsError):
        move_to_free_name(tmp_path / "other", tmp_path / "name")
