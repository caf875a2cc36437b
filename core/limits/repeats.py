"""Limits of what repeats: the delays between attempts and between restarts, and repeated errors in the log.
Django-free, and imported by each camera process: it loads nothing large."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class RetryDelays:
    first_s: tuple[float, ...]
    """Seconds after the first failures. Each later delay is twice as long as the one before."""
    longest_s: float
    jitter: float = 0.0
    """The share by which a delay is shorter or longer: those that failed together must not return together."""
    max_tries: int | None = None
    """The attempts after which a row is given up; None: no number of them. Attempts are counted and not hours, so that
    a clock that is set gives nothing up."""

    @property
    def max_delay_s(self) -> float:
        """The longest delay. A later time comes from a clock that was set back since."""
        return self.longest_s * (1 + self.jitter)

    def delay_s(self, tries: int, retry_after_s: float | None = None, chance: float | None = None) -> float:
        """Seconds from the attempt that was the `tries`-th (from 1) to the next. `retry_after_s` is what the receiver
        wants: it may delay the attempt by up to `longest_s`, and never hastens it. `chance`, from 0 to 1, replaces the
        random part."""
        part = random.random() if chance is None else chance
        delay_s = self._planned_s(tries) * (1 - self.jitter + 2 * self.jitter * part)
        return max(delay_s, min(retry_after_s or 0.0, self.longest_s))

    def is_last(self, tries: int) -> bool:
        """Whether the attempt that was the `tries`-th is the last one."""
        return self.max_tries is not None and tries >= self.max_tries

    def _planned_s(self, tries: int) -> float:
        doublings = max(tries, 1) - len(self.first_s)
        if doublings <= 0:
            return min(self.first_s[max(tries, 1) - 1], self.longest_s)
        # The exponent is limited because 2.0 ** 1024 raises OverflowError.
        return min(self.first_s[-1] * 2.0 ** min(doublings, 30), self.longest_s)


MAX_PAUSE_S = 60.0
RESTARTS = RetryDelays((0.0, 1.0), longest_s=MAX_PAUSE_S, jitter=0.2)
"""The first at once. Parts that died together must not all start at the same moment."""


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
        return RESTARTS.delay_s(self.exits)

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
