"""Files on the real disk: a failed write leaves nothing behind, and no path leads out of the root."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cameras.spool.durable import FolderLock, RootFiles


@pytest.fixture
def files(tmp_path: Path) -> Iterator[RootFiles]:
    files = RootFiles(str(tmp_path))
    yield files
    files.close()


def broken() -> Iterator[bytes]:
    yield b"half"
    raise RuntimeError("the rest is gone")


def test_a_file_whose_content_ends_with_an_error_is_removed(files: RootFiles) -> None:
    with pytest.raises(RuntimeError):
        files.create("", "x", broken())
    assert files.names("") == []


def test_an_existing_file_is_not_overwritten(files: RootFiles) -> None:
    files.create("", "x", [b"first"])
    with pytest.raises(FileExistsError):
        files.create("", "x", [b"second"])
    assert files.read("", "x") == b"first"


def test_no_call_follows_a_symbolic_link(files: RootFiles, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x").write_bytes(b"secret")
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "file").symlink_to(tmp_path / "real" / "x")
    with pytest.raises(OSError, match="directory"):
        files.create("folder", "y", [b""])
    with pytest.raises(OSError, match="symbolic links"):
        files.read("", "file")
    with pytest.raises(OSError, match="symbolic links"):
        files.overwrite("", "file", b"x")


def test_two_names_of_one_file_differ_from_a_copy_of_it(files: RootFiles) -> None:
    files.create("", "a", [b"x"])
    files.create("", "b", [b"x"])
    files.make_folders("deep/er")
    files.link("", "a", "deep/er", "c")
    assert files.is_same_file("", "a", "deep/er", "c") is True
    assert files.is_same_file("", "b", "deep/er", "c") is False
    assert files.links("", "a") == 2
    assert files.links("", "b") == 1
    assert files.links("", "none") == 0


def test_a_preallocated_file_has_its_size_and_is_overwritten_in_place(files: RootFiles) -> None:
    files.preallocate("", "slot", 8192)
    files.overwrite("", "slot", b"record")
    assert files.size("", "slot") == 8192
    assert files.read("", "slot")[:7] == b"record\0"


def test_folders_are_created_once_and_with_their_parents(files: RootFiles, tmp_path: Path) -> None:
    files.make_folders("a/b/c")
    files.make_folders("a/b/c")
    assert (tmp_path / "a/b/c").is_dir()


def test_closed_files_raise_an_error_of_the_system(tmp_path: Path) -> None:
    files = RootFiles(str(tmp_path))
    files.make_folders("spool")
    files.hold_folder_open("spool")
    files.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        files.names("spool")


@pytest.mark.parametrize("call", [RootFiles.root_status, RootFiles.free_bytes, RootFiles.read_only])
def test_a_closed_root_raises_an_error_of_the_system(call: Callable[[RootFiles], object], tmp_path: Path) -> None:
    files = RootFiles(str(tmp_path))
    files.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        call(files)


def test_a_folder_is_locked_by_one_at_a_time(files: RootFiles, tmp_path: Path) -> None:
    files.make_folders("spool")
    other_files = RootFiles(str(tmp_path))
    first, second = FolderLock(files, "spool"), FolderLock(other_files, "spool")
    assert first.acquire() is True
    assert second.acquire() is False
    first.release()
    assert second.acquire() is True
    other_files.close()


def test_a_lock_is_lost_when_its_file_was_replaced(files: RootFiles, tmp_path: Path) -> None:
    files.make_folders("spool")
    lock = FolderLock(files, "spool")
    lock.acquire()
    os.unlink(tmp_path / "spool" / ".lock")
    with pytest.raises(Exception, match="removed while it was held"):
        lock.check()
    lock.release()
