"""A wall clock that a test sets, for the processes that preload `shift.c`; no other process notices."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("shift.c")


class WallClock:
    def __init__(self, folder: Path) -> None:
        self.library, self.file = folder / "shift.so", folder / "shift"
        self.set(0)
        command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared"]
        subprocess.run([*command, str(SOURCE), "-o", str(self.library)], check=True, timeout=60)

    @property
    def environment(self) -> dict[str, str]:
        """With it a station and its camera processes use this clock."""
        own = {"LD_PRELOAD": str(self.library), "WALL_CLOCK_SHIFT": str(self.file)}
        return {**own, "SKYCAM_CAMERA_ENVIRONMENT": ",".join(own)}

    def set(self, seconds: int) -> None:
        """Set how many seconds it is ahead of the true time."""
        new = self.file.with_suffix(".new")
        new.write_text(str(seconds))
        os.replace(new, self.file)
