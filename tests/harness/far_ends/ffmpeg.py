"""Debian's ffmpeg, which makes the files that a camera plays."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.harness.waiting import PATIENCE_S


def ffmpeg(*arguments: str | Path) -> None:
    """Run Debian's ffmpeg; a failure shows its output."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=PATIENCE_S)
