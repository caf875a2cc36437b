"""`ReadingJournal`: readings in files while the database is away. They survive the end of the process and of the
machine.

Segments `000000000001.jsonl`, one reading a line, in the order of their names. Only the newest is written to. The
oldest are dropped when there are too many: what was measured last is what an operator looks for first.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from core.durable_files import sync_folder
from core.readings.reading import JudgedReading

log = logging.getLogger(__name__)
SEGMENT_READINGS = 5_000
"""Readings of one segment, which are written to the database in one transaction."""
MAX_SEGMENTS = 100
"""Half a million readings: an hour of ten sensors with 27 channels each, read every 2 s."""
SUFFIX = ".jsonl"


class ReadingJournal:
    """Safe to use from any thread. OSError when the disk is full or the folder cannot be written."""

    def __init__(self, folder: Path, max_segments: int = MAX_SEGMENTS) -> None:
        self._folder, self._max_segments = folder, max_segments
        self._lock = threading.Lock()
        self._written = SEGMENT_READINGS
        """Readings in the newest segment: a new process begins one of its own, since the last line may be torn."""

    def append(self, readings: Iterable[JudgedReading]) -> int:
        """Store the readings durably. Returns how many older ones were dropped for them."""
        lines = [json.dumps(list(reading)) + "\n" for reading in readings]
        with self._lock:
            for begin in range(0, len(lines), SEGMENT_READINGS):
                self._append_lines(lines[begin : begin + SEGMENT_READINGS])
            return self._drop_oldest()

    def oldest(self) -> tuple[Path, list[JudgedReading]] | None:
        """The oldest segment with its readings, or None. A line that a kill has cut off is left out. Nothing is written
        to the segment afterwards, so that it can be removed."""
        with self._lock:
            segments = self._segments()
            if not segments:
                return None
            if len(segments) == 1:
                self._written = SEGMENT_READINGS
            lines = segments[0].read_bytes().splitlines()
        readings = []
        for line in lines:
            try:
                readings.append(JudgedReading(*json.loads(line)))
            except (ValueError, TypeError):
                log.warning("A reading in %s was cut off and is left out.", segments[0].name)
        return segments[0], readings

    def remove(self, segment: Path) -> None:
        """After its readings are in the database."""
        segment.unlink(missing_ok=True)

    def __bool__(self) -> bool:
        return bool(self._segments())

    def __len__(self) -> int:
        """Readings at most: full segments and the newest one."""
        segments = self._segments()
        return max(0, len(segments) - 1) * SEGMENT_READINGS + (self._written if segments else 0)

    def _append_lines(self, lines: list[str]) -> None:
        is_new = self._written + len(lines) > SEGMENT_READINGS
        path = self._next() if is_new else self._newest() or self._next()
        written = 0 if is_new else self._written
        # Until all is written: a full disk may leave half a line, and the next one must not be joined to it.
        self._written = SEGMENT_READINGS
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(self._folder)
            # The folder is created by the first outage.
            sync_folder(self._folder.parent)
        self._written = written + len(lines)

    def _drop_oldest(self) -> int:
        dropped = 0
        for segment in self._segments()[: -self._max_segments]:
            dropped += len(segment.read_bytes().splitlines())
            segment.unlink()
        return dropped

    def _segments(self) -> list[Path]:
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        return [self._folder / name for name in sorted(names) if name.endswith(SUFFIX)]

    def _newest(self) -> Path | None:
        segments = self._segments()
        return segments[-1] if segments else None

    def _next(self) -> Path:
        newest = self._newest()
        return self._folder / f"{int(newest.stem) + 1 if newest else 1:012}{SUFFIX}"
