"""Limits of what repeats: back-off between restarts, and repeated errors in the log. Django-free, and imported by
each camera process: it loads nothing large."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

MAX_PAUSE_S = 60.0


class CrashLoop(Exception):
    """The process ended too often right after its start."""


@dataclass(slots=True)
class BackOff:
    """The first restart is immediate, the next follow after 1, 2, 4 ... 60 s with jitter. A healthy run resets it."""

    healthy_s: float = 30.0
    crash_loop_exits: int = 5
    crash_loop_s: float = 10.0
    exits: int = 0
    quick_exits: int = 0

    def next_delay_s(self, uptime_s: float, *, counts: bool = True) -> float:
        """Seconds to wait after a run of `uptime_s` seconds. Raises CrashLoop after too many short runs in a row; one
        that does not count only makes the pause longer."""
        if uptime_s >= self.crash_loop_s:
            self.quick_exits = 0
        elif counts:
            self.quick_exits += 1
        if self.quick_exits >= self.crash_loop_exits:
            raise CrashLoop
        # 1 and not 0: this exit counts, and its restart is the immediate one.
        self.exits = 1 if uptime_s >= self.healthy_s else self.exits + 1
        if self.exits == 1:
            return 0.0
        # The exponent is limited because 2.0 ** 1024 raises OverflowError.
        exact: float = min(MAX_PAUSE_S, 2.0 ** min(self.exits - 2, 10))
        # Parts that died together must not all start at the same moment.
        return exact * random.uniform(0.8, 1.2)

    def reset(self) -> None:
        """Start from the beginning, for example when an operator asks to try again now."""
        self.exits = self.quick_exits = 0


EVERY_S = 60.0
# A text that contains a number or an address is another one each time.
MAX_KNOWN = 500
Key = tuple[str, int, str, str]


@dataclass(slots=True)
class WrittenRecord:
    """A record written at `at` (monotonic), and its number of repeats since then."""

    record: logging.LogRecord
    at: float
    repeats: int = 0


class RepeatLimitingHandler(logging.StreamHandler[IO[str]]):
    """Suppresses a warning or error that was written in the last minute, and writes it with its count afterwards.

    Two records are equal if logger, level, text and exception are, or if both are about the same outage. A record with
    `verbatim=True` in its `extra` is one line of a longer text and is always written.
    """

    def __init__(
        self,
        stream: Any = None,
        clock: Callable[[], float] = time.monotonic,
        shorten: Callable[[logging.LogRecord], logging.LogRecord] = lambda record: record,
    ) -> None:
        """`shorten` gets each record, and returns what is written in its place."""
        super().__init__(stream)
        self._shorten = shorten
        self._clock = clock
        self._written: dict[Key, WrittenRecord] = {}
        self._checked_at = clock()

    def emit(self, record: logging.LogRecord) -> None:
        # `logging` holds the handler's lock here. There is no thread of its own: counts are written with the next
        # record.
        self._write_repeats()
        record = self._shorten(record)
        if record.levelno < logging.WARNING or getattr(record, "verbatim", False):
            super().emit(record)
        elif written := self._written.get(key := key_of(record)):
            written.repeats += 1
        else:
            self._written[key] = WrittenRecord(without_frames(record), self._clock())
            while len(self._written) > MAX_KNOWN:
                self._close(next(iter(self._written)))
            super().emit(record)

    def close(self) -> None:
        for key in list(self._written):
            self._close(key)
        super().close()

    def _write_repeats(self) -> None:
        """Write the counts of records whose minute is over. A record that still repeats starts another minute."""
        now = self._clock()
        # A flood of records must not search all known ones each time.
        if now - self._checked_at < 1.0:
            return
        self._checked_at = now
        # A copy, because `_close` removes entries.
        for key, written in list(self._written.items()):
            if now - written.at >= EVERY_S:
                repeats = written.repeats
                self._close(key)
                if repeats:
                    self._written[key] = WrittenRecord(written.record, now)

    def _close(self, key: Key) -> None:
        written = self._written.pop(key)
        if written.repeats:
            super().emit(with_count(written.record, written.repeats))


def key_of(record: logging.LogRecord) -> Key:
    if same := getattr(record, "repeats_as", ""):
        return ("", 0, same, "")
    error = record.exc_info[1] if record.exc_info else None
    return (record.name, record.levelno, record.getMessage(), repr(error) if error else "")


def with_count(record: logging.LogRecord, repeats: int) -> logging.LogRecord:
    """The record again, with its number of repeats in the last minute."""
    times = "once more" if repeats == 1 else f"{repeats} times more"
    found = logging.makeLogRecord(record.__dict__)
    found.msg = f"{record.msg} ({times} in the last minute)"
    return found


def without_frames(record: logging.LogRecord) -> logging.LogRecord:
    """The record without its exception, which would keep its frames, and the pictures in them, in memory."""
    found = logging.makeLogRecord(record.__dict__)
    found.msg, found.args = record.getMessage(), ()
    found.exc_info = found.exc_text = found.stack_info = None
    return found
