"""The log stream of a station: on the terminal, and in a rotated file.

Neither may block the launcher. A terminal that accepts no more output (Ctrl-S, an unread pipe) misses lines and shows
their number later. A full disk costs lines of the file, nothing else.
"""

from __future__ import annotations

import logging
import os
import re
import select
import sys
import time
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path

from core.text.names import readable
from skycam_project.config.sections import LoggingConfig
from skycam_project.launch.log_lines import FILE_FORMATTERS, parse_record, shown

COLOURS = {
    "valkey": 35,
    "prepare": 33,
    "web": 36,
    "service": 96,
    "files": 94,
    "worker": 32,
    "jobs": 34,
    "beat": 90,
    "skycam": 1,
}
OWN_TIME = re.compile(r"\A\d{4}-\d\d-\d\dT[\d:.]+Z ")
# A pipe that poll() reports as writable takes this much without blocking, but not more.
ATOMIC_BYTES = select.PIPE_BUF if hasattr(select, "PIPE_BUF") else 512


class Terminal:
    """A file descriptor that people read. It is written only when that cannot block."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.missed = 0
        self.coloured = os.isatty(fd) and "NO_COLOR" not in os.environ
        # Not O_NONBLOCK: the flag belongs to the open file, which the shell shares.
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def write_line(self, part: str, line: str) -> None:
        if self.missed and self._write(f"{self._prefix('skycam')}{self.missed} lines were not shown here\n"):
            self.missed = 0
        if not self._write(f"{self._prefix(part)}{OWN_TIME.sub('', line)}\n"):
            self.missed += 1

    def _prefix(self, part: str) -> str:
        name = f"{part:<7}"
        if self.coloured:
            name = f"\x1b[{COLOURS.get(part, 37)}m{name}\x1b[0m"
        # As in the log file.
        return f"{time.strftime('%H:%M:%SZ', time.gmtime())} {name} | "

    def _write(self, text: str) -> bool:
        data = text.encode(errors="replace")
        pieces = [data[start : start + ATOMIC_BYTES] for start in range(0, len(data), ATOMIC_BYTES)]
        return all(self._write_piece(piece) for piece in pieces)

    def _write_piece(self, piece: bytes) -> bool:
        if not any(event & select.POLLOUT for _, event in self._poll.poll(0)):
            return False
        try:
            return os.write(self.fd, piece) == len(piece)
        except OSError:
            return False


class LogFile(RotatingFileHandler):
    """At most `size` bytes in each of `keep` + 1 files. The parts wrote their lines in the same format, except for the
    output of libraries."""

    def __init__(self, path: Path, size: int, keep: int, log_format: str = "text") -> None:
        # delay: the file is opened by the first line, where an error costs only that line (`handleError`).
        super().__init__(path, maxBytes=size, backupCount=keep, delay=True, encoding="utf-8", errors="replace")
        self.lost = 0
        self.setFormatter(FILE_FORMATTERS[log_format]())

    def write_line(self, part: str, line: str) -> None:
        self.handle(logging.LogRecord(part, logging.INFO, "", 0, line, None, None))

    def doRollover(self) -> None:  # noqa: N802
        super().doRollover()
        if not self.backupCount:  # the base class would append to the same file
            os.truncate(self.baseFilename, 0)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """On a full disk the line is lost here; the terminal has shown it."""
        self.lost += 1


class LogStream:
    """Writes the lines of all parts, and keeps the last ones of each part for `repeat_tail`."""

    def __init__(self, logging: LoggingConfig) -> None:
        self.terminal = Terminal(sys.stderr.fileno())
        self.file = LogFile(logging.file, logging.max_size, logging.backup_count, logging.format)
        self._is_json = logging.format == "json"
        self._tails: dict[str, deque[str]] = {}

    def write_line(self, part: str, text: str) -> None:
        """Write a line without control characters, which could steer a terminal, also when the file is read later."""
        text = readable(text, keep="\t")
        record = parse_record(text) if self._is_json else None
        # The terminal is for people, in either format.
        for_people = shown(record) if record else text
        self._tails.setdefault(part, deque(maxlen=12)).append(for_people)
        self.terminal.write_line(part, for_people)
        self.file.write_line(part, text)

    def log_message(self, text: str) -> None:
        """Write a line of the launcher itself."""
        self.write_line("skycam", text)

    def last_line(self, part: str) -> str:
        """The part's last line without its time; empty when it has written none."""
        return OWN_TIME.sub("", next(reversed(self._tails.get(part, ())), ""))

    def repeat_tail(self, part: str) -> None:
        """Write the last lines of a failed part again."""
        self.log_message(f"last lines of {part}:")
        for line in list(self._tails.get(part, ())):
            self.log_message(f"    {line}")
