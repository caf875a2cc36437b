"""The lines of the log in its two formats: the parts make them, the launcher adds the part and writes the file."""

from __future__ import annotations

import json
import logging
import time
from typing import TypedDict, cast

from core.text.names import readable

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
