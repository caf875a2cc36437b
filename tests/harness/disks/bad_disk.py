"""A camera process whose disk fails or hangs on demand, by a library around its system calls."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.camera_processes.camera_process import CameraProcess

SOURCE = Path(__file__).with_name("bad_disk.c")


class BadDisk:
    def __init__(self, folder: Path) -> None:
        self.folder, self.library = folder / "bad", folder / "bad_disk.so"
        self.folder.mkdir()
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.library, SOURCE, "-ldl"], check=True)

    @contextmanager
    def faulty(self, how: str) -> Iterator[None]:
        """`sync-fails`, `sync-hangs`, `write-hangs`, `read-fails`, `read-hangs`: for files of clips that are not
        placed yet."""
        (self.folder / how).touch()
        yield
        (self.folder / how).unlink()


class OnBadDisk(CameraProcess):
    disk: BadDisk

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "LD_PRELOAD": str(self.disk.library), "BAD_DISK": str(self.disk.folder)}


def on(disk: BadDisk) -> type[OnBadDisk]:
    return type("OnThisDisk", (OnBadDisk,), {"disk": disk})
