"""Sources of gates on this machine: a file, a disk, the clock. A source may block; it is read on a thread of its own.
Django-free."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from cameras.gates.gate import Reading

LONGEST_BYTES = 64 * 1024
"""The most that is read of a file, an answer or the output of a command."""
DiskValue = Literal["free_bytes", "free_percent"]


class Source(Protocol):
    """One value. What goes wrong becomes an unknown reading with a sentence, which shows neither an address nor a
    path: everyone who may see the camera sees it."""

    def read(self) -> Reading: ...


def text_reading(content: bytes, what: str) -> Reading:
    """The reading of a text of at most LONGEST_BYTES. `what` begins the sentence about a longer one."""
    if len(content) > LONGEST_BYTES:
        return Reading(None, f"{what} has more than {LONGEST_BYTES // 1024} kB.")
    return Reading(content.decode(errors="replace").strip())


class FileSource:
    """The text of a file that another program replaces. `now` is the wall clock."""

    def __init__(self, path: Path, max_age_s: float, now: Callable[[], float] = time.time) -> None:
        self._path, self._max_age_s, self._now = path, max_age_s, now

    def read(self) -> Reading:
        try:
            # Non-blocking: a pipe without a writer would block.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                age_s = self._now() - os.fstat(descriptor).st_mtime
                content = file.read(LONGEST_BYTES + 1) or b""
        except OSError as error:
            return Reading(None, f"The file cannot be read ({error.strerror}).")
        # The age of a file from the future is not known.
        if abs(age_s) > self._max_age_s:
            when = "old" if age_s > 0 else "in the future"
            return Reading(None, f"The file is {abs(age_s):.0f} s {when}; allowed are {self._max_age_s:g} s.")
        return text_reading(content, "The file")


class DiskSource:
    """The free space of the disk that has this folder, for a user without special rights."""

    def __init__(self, folder: Path, value: DiskValue) -> None:
        self._folder, self._value = folder, value

    def read(self) -> Reading:
        try:
            found = os.statvfs(self._folder)
        except OSError as error:
            return Reading(None, f"The free space of the disk cannot be read ({error.strerror}).")
        if self._value == "free_bytes":
            return Reading(float(found.f_bavail * found.f_frsize))
        return (
            Reading(100.0 * found.f_bavail / found.f_blocks)
            if found.f_blocks
            else Reading(None, "The disk has no size.")
        )


class ClockSource:
    """Whether the wall clock is synchronised: `synchronised` or `unsynchronised`."""

    def __init__(self, read_state: Callable[[], str]) -> None:
        """`read_state` also returns `unknown`."""
        self._read_state = read_state

    def read(self) -> Reading:
        state = self._read_state()
        return (
            Reading(None, "The kernel does not say whether it is synchronised.")
            if state == "unknown"
            else Reading(state)
        )
