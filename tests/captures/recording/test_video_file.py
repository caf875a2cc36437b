"""A clip's file on a disk that becomes full within a write."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from cameras.spool.durable import RootFiles
from captures.recordings.recorder.open_clip import VideoFile
from tests.harness.disks.small_disk import SmallDisk


@pytest.fixture
def files(disk: SmallDisk) -> Iterator[RootFiles]:
    files = RootFiles(str(disk.path))
    yield files
    files.close()


def test_after_a_write_that_a_full_disk_cut_short_the_hash_is_that_of_the_file(
    disk: SmallDisk, files: RootFiles
) -> None:
    clip = VideoFile(files, "", "clip.mp4")
    clip.write(b"begin")
    disk.leave(8192)
    with pytest.raises(OSError, match="No space left on device"):
        clip.write(bytes(65_536))
    clip.close()
    content = (disk.path / "clip.mp4").read_bytes()
    assert 5 < len(content) < 65_541
    assert clip.bytes == len(content)
    assert clip.sha256 == hashlib.sha256(content).hexdigest()
