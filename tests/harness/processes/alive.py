"""Whether a process lives."""

from __future__ import annotations

from pathlib import Path


def is_alive(pid: int | None) -> bool:
    """False also for a process that ended and waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False
