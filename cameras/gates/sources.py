"""The sources of gates: a file, a disk, the clock, the output of a command, and the answer of an HTTP address. A
source may block; it is read on a thread of its own. Django-free."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

from cameras.gates.gate import Reading
from core.commands import run_command
from core.outgoing import OutgoingGuard
from core.outgoing_request import RequestFailed, get

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


class CommandSource:
    """Runs the command for each reading, and kills all that it has started after `deadline_s`."""

    def __init__(self, command: Sequence[str], deadline_s: float) -> None:
        self._command, self._deadline_s = tuple(command), deadline_s

    def read(self) -> Reading:
        try:
            result = run_command(self._command, self._deadline_s, LONGEST_BYTES)
        except TimeoutError:
            return Reading(None, f"The command has not ended within {self._deadline_s:g} s.")
        except (OSError, ValueError) as error:
            return Reading(None, f"The command cannot be started ({getattr(error, 'strerror', None) or error}).")
        if len(result.output) > LONGEST_BYTES:
            return text_reading(result.output, "The output of the command")
        if not result.was_found:
            return Reading(None, "The command cannot be started: it was not found, or is not executable.")
        if result.status != 0:
            return Reading(None, f"The command ended with status {result.status}.")
        return text_reading(result.output, "The output of the command")


class HttpSource:
    """One GET for each reading, with a deadline for all of it. The guard checks the address each time. No redirect is
    followed: it could lead to an address that the operator did not name."""

    def __init__(
        self, url: str, path: str, headers: Mapping[str, str], deadline_s: float, guard: OutgoingGuard
    ) -> None:
        """`path` leads to the value in a JSON answer, as `a.b.0`; if it is empty, the answer is the value."""
        self._url, self._path, self._headers = url, path, headers
        self._deadline_s, self._guard = deadline_s, guard

    def read(self) -> Reading:
        try:
            content = get(self._url, self._headers, self._deadline_s, self._guard, LONGEST_BYTES)
        except RequestFailed as error:
            return Reading(None, str(error))
        found = text_reading(content, "The answer")
        return value_at(found.value, self._path) if self._path and isinstance(found.value, str) else found


def value_at(text: str, path: str) -> Reading:
    """The value at `a.b.0` in a JSON text: names of members, and places in lists."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Reading(None, "The answer is not JSON.")
    for name in path.split("."):
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (KeyError, IndexError, ValueError, TypeError):
            return Reading(None, f"The answer has no value at {path}.")
    # Before the numbers: a truth value is one of them.
    if isinstance(found, bool):
        return Reading("true" if found else "false")
    # As a text: the gate compares it with numbers or with words, and refuses what is no number.
    if isinstance(found, int | float | str):
        return Reading(str(found))
    return Reading(None, f"The answer has neither a number nor a text at {path}.")
