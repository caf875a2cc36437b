"""One file on its way into an archive: what a kill leaves is finished, and what cannot be copied leaves nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from cameras.spool.durable import RootFiles
from captures.storage.archives.copying import CopySource, CopyStopped, CopyTarget, SourceFaulty, copy_file

CONTENT = b"frame" * 1000
Copy = Callable[[Callable[[], bool]], bool]
"""Copies the source; its argument says whether to stop."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "clip.mp4").write_bytes(CONTENT)
    return folder / "clip.mp4"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "target" / "clips"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def files(folder: Path) -> Iterator[RootFiles]:
    made = RootFiles(str(folder.parent))
    yield made
    made.close()


@pytest.fixture
def copy(source: Path, files: RootFiles) -> Copy:
    target = CopyTarget("clips", source.name, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    return partial(copy_file, CopySource(str(source.parent), source.name), target, files)


def test_a_file_that_was_renamed_before_a_kill_is_synced_into_its_folder(
    copy: Copy, folder: Path, synced: list[str]
) -> None:
    (folder / "clip.mp4").write_bytes(CONTENT)
    copy(lambda: False)
    assert synced == [str(folder)]


def test_a_copy_is_on_the_disk_before_it_has_its_name(copy: Copy, folder: Path, synced: list[str]) -> None:
    copy(lambda: False)
    assert (folder / "clip.mp4").read_bytes() == CONTENT
    assert synced == [str(folder / ".clip.mp4.part"), str(folder)]


def test_a_source_that_becomes_shorter_while_it_is_copied_leaves_nothing(
    copy: Copy, source: Path, folder: Path
) -> None:
    with pytest.raises(SourceFaulty, match="became shorter"):
        # It is asked before each piece.
        copy(lambda: bool(os.truncate(source, 100)))
    assert list(folder.iterdir()) == []


def test_a_copy_that_was_stopped_leaves_nothing(copy: Copy, folder: Path) -> None:
    with pytest.raises(CopyStopped):
        copy(lambda: True)
    assert list(folder.iterdir()) == []
