"""A disk for one test: a small tmpfs, mounted twice, so that one mount can be removed and restored."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MISSING = "Mounting failed ({}). This test needs root: run `sudo -E make test`, or a container with CAP_SYS_ADMIN."


def mount(*arguments: str | Path) -> None:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, MISSING.format(done.stderr.strip())


@contextmanager
def mounted(folder: Path, over: Path) -> Iterator[None]:
    """A folder mounted over another one; both are created if missing."""
    folder.mkdir(exist_ok=True)
    over.mkdir(parents=True, exist_ok=True)
    mount("--bind", folder, over)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(over)], check=True)


class SmallDisk:
    """`path` is where a station sees it; `kept` is a second mount of the same file system."""

    def __init__(self, folder: Path, size: str = "4m") -> None:
        self.path, self.kept = folder / "disk", folder / "kept"
        self.path.mkdir()
        self.kept.mkdir()
        mount("-t", "tmpfs", "-o", f"size={size},mode=755", "skycam-test", self.kept)
        self.mount()

    def mount(self) -> None:
        mount("--bind", self.kept, self.path)

    def unmount(self) -> None:
        """Unmount at once, even if files on it are open."""
        subprocess.run(["umount", "-l", str(self.path)], check=True)

    def remount(self, how: str) -> None:
        """`ro` or `rw`."""
        mount("-o", f"remount,bind,{how}", self.path)

    def fill(self) -> None:
        """Leave no free byte."""
        with open(self.kept / "filler", "ab", buffering=0) as filler:
            for size in (65536, 4096):
                self._write_until_full(filler.fileno(), size)

    def leave(self, size: int) -> None:
        """Leave this many free bytes, rounded to 4 KiB."""
        found = os.statvfs(self.kept)
        with open(self.kept / "filler", "ab") as filler:
            filled = filler.tell() + found.f_bavail * found.f_frsize - size
            os.ftruncate(filler.fileno(), min(filler.tell(), filled))
            os.posix_fallocate(filler.fileno(), 0, filled)

    def _write_until_full(self, file: int, size: int) -> None:
        try:
            while os.write(file, b"x" * size):
                pass
        except OSError:
            return

    def shrink(self) -> None:
        """Leave no free byte, without writing one: a disk of gigabytes would take as much memory."""
        found = os.statvfs(self.kept)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        mount("-o", f"remount,size={used}", self.kept)

    def grow(self, size: str) -> None:
        mount("-o", f"remount,size={size}", self.kept)

    def empty(self) -> None:
        (self.kept / "filler").unlink()

    def close(self) -> None:
        for place in (self.path, self.kept):
            subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)
