"""The log stream of a station: on the terminal, and in a rotated file, whose lines have two formats. The parts make
the lines, the launcher adds the part. Neither place may block the launcher. A terminal that accepts no more output
(Ctrl-S, an unread pipe) misses lines and shows their number later. A full disk costs lines of the file, nothing
else."""

from __future__ import annotations

import json
import logging
import os
import re
import select
import sys
import time
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TypedDict, cast

from core.text.names import readable
from skycam_project.config.sections import LoggingConfig

RECORD = ("time", "level", "logger", "message")
WRITTEN = ("time", "part", "message")


class LogLine(TypedDict, total=False):
    """`time` is ISO 8601 in UTC. `level`, `logger` and `traceback` are only there where a part logged a record: other
    output, such as that of a library, has none."""

    time: str
    part: str
    level: str
    logger: str
    message: str
    traceback: str


def parse_record(text: str) -> LogLine | None:
    """The record that a part wrote as JSON, without its part; None for any other line."""
    found = parse_members(text)
    # Only the launcher says of which part a line is.
    found.pop("part", None)
    return found if all(name in found for name in RECORD) else None


def parse_written(text: str) -> LogLine | None:
    """A line of the file; None for one in the format `text`, or of another program."""
    found = parse_members(text)
    return found if all(name in found for name in WRITTEN) else None


def parse_members(text: str) -> LogLine:
    """The members of a JSON object that a line of the log has; none of anything else."""
    if not text.startswith("{"):
        return LogLine()
    try:
        found = json.loads(text)
    # RecursionError: a thousand nested brackets or more.
    except (ValueError, RecursionError):
        return LogLine()
    texts = {name: found[name] for name in LogLine.__annotations__ if isinstance(found.get(name), str)}
    return cast(LogLine, texts)


def shown(line: LogLine) -> str:
    """The line for people, without time and part, and without characters that could steer a terminal."""
    text = f"{line['level']} {line['logger']}: {line['message']}" if "level" in line else line["message"]
    if "traceback" in line:
        text = f"{text}\n{line['traceback']}"
    return readable(" | ".join(part for part in text.splitlines() if part.strip()), keep="\t")


class TextFileFormatter(logging.Formatter):
    """`2026-11-20 08:32:10Z web | line`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(name)s | %(message)s", "%Y-%m-%d %H:%M:%SZ")
        self.converter = time.gmtime


class JsonFileFormatter(logging.Formatter):
    """One JSON object in each line, whatever a part wrote. ASCII: no character steers the terminal that shows it."""

    def __init__(self) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        line = parse_record(text) or LogLine(
            time=f"{self.formatTime(record, self.datefmt)}.{record.msecs:03.0f}Z", message=text
        )
        return json.dumps({"time": line["time"], "part": record.name, **line})


FILE_FORMATTERS: dict[str, type[logging.Formatter]] = {"text": TextFileFormatter, "json": JsonFileFormatter}
"""The values of `logging.format`."""


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
