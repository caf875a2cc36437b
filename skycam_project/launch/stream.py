"""The one readable log stream of a station: on the terminal, and in a file that is rotated.

Neither may hold the launcher up: a terminal that takes no more (Ctrl-S, a pipe nobody reads) misses lines
and is told how many, and a full disk costs lines of the file, nothing else.
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

from core.names import readable
from skycam_project.config.sections import LoggingConfig

COLOURS = {"valkey": 35, "prepare": 33, "web": 36, "service": 96, "worker": 32, "jobs": 34, "beat": 90, "skycam": 1}
OWN_TIME = re.compile(r"\A\d{4}-\d\d-\d\dT[\d:.]+Z ")
ATOMIC_BYTES = select.PIPE_BUF if hasattr(select, "PIPE_BUF") else 512


class Terminal:
    """A file descriptor for people, written only when that cannot block."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.missed = 0
        self.coloured = os.isatty(fd) and "NO_COLOR" not in os.environ
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
        return f"{time.strftime('%H:%M:%S')} {name} | "

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
    """`2026-11-20 08:32:10Z web | line`, at most `size` bytes in each of `keep` + 1 files."""

    def __init__(self, path: Path, size: int, keep: int) -> None:
        super().__init__(path, maxBytes=size, backupCount=keep, delay=True, encoding="utf-8", errors="replace")
        self.lost = 0
        formatter = logging.Formatter("%(asctime)s %(name)s | %(message)s", "%Y-%m-%d %H:%M:%SZ")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def write_line(self, part: str, line: str) -> None:
        self.handle(logging.LogRecord(part, logging.INFO, "", 0, line, None, None))

    def doRollover(self) -> None:  # noqa: N802
        super().doRollover()
        if not self.backupCount:  # the handler itself would write on in the same file
            os.truncate(self.baseFilename, 0)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A full disk: the line is lost here, and was shown on the terminal."""
        self.lost += 1


class LogStream:
    """Takes the lines of all parts; `tail` keeps the last ones of each for the day it must be explained."""

    def __init__(self, logging: LoggingConfig) -> None:
        self.terminal = Terminal(sys.stderr.fileno())
        self.file = LogFile(logging.file, logging.max_size, logging.backup_count)
        self._tails: dict[str, deque[str]] = {}

    def write_line(self, part: str, text: str) -> None:
        """Without what could steer a terminal, that of whoever reads the file too."""
        text = readable(text, keep="\t")
        self._tails.setdefault(part, deque(maxlen=12)).append(text)
        self.terminal.write_line(part, text)
        self.file.write_line(part, text)

    def log(self, text: str) -> None:
        """A line of the launcher's own."""
        self.write_line("skycam", text)

    def last_line(self, part: str) -> str:
        """Without its time; empty when it has said nothing."""
        return OWN_TIME.sub("", next(reversed(self._tails.get(part, ())), ""))

    def repeat_tail(self, part: str) -> None:
        """Once more the last lines of a part that is given up."""
        self.log(f"the last that {part} said:")
        for line in list(self._tails.get(part, ())):
            self.log(f"    {line}")
