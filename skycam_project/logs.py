"""One line per log record, in UTC, without secrets: as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable

from core.api.authorization import TOKEN
from skycam_project.config.redaction import REDACTED


class WithoutTraceback(logging.Filter):
    """Removes the traceback: the client made the mistake, and the message is complete."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True


class ResponseStatus(logging.Filter):
    """Sets the level by the response's status: a 4xx has no traceback, and 503 is a warning, not an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", 500)
        if status < 500:
            record.exc_info = record.exc_text = None
        # The broker or the database is down, or the station is busy: known conditions, not faults of the code.
        if status == 503:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


class OneLineFormatter(logging.Formatter):
    """`2026-03-01T20:15:00.123Z INFO captures.ingest: ...`; line breaks, also those of a traceback, become ` | `."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self.secrets = [text for text in secrets if text]

    def format(self, record: logging.LogRecord) -> str:
        line = " | ".join(part for part in super().format(record).splitlines() if part.strip())
        # After formatting, because a secret may be in an argument or in a traceback.
        return redacted(line, self.secrets)


class JsonFormatter(logging.Formatter):
    """`{"time": "2026-03-01T20:15:00.123Z", "level": "INFO", "logger": "captures.ingest", "message": "..."}`, and
    `traceback` where there is one. ASCII, so that a line is a line for every program."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self.secrets = [text for text in secrets if text]

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "logger": record.name,
            # Before the encoding, which would change the characters of a secret.
            "message": redacted(record.getMessage(), self.secrets),
        }
        traceback = self.formatException(record.exc_info) if record.exc_info else record.exc_text
        if traceback:
            line["traceback"] = redacted(traceback, self.secrets)
        return json.dumps(line)


def redacted(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    # Celery logs all headers of a message that it cannot read.
    return TOKEN.sub(REDACTED, text)


def formatter_of(log_format: str, secrets: Iterable[str]) -> logging.Formatter:
    """For a terminal always text: there, a person reads what a command logs."""
    return JsonFormatter(secrets) if log_format == "json" and not sys.stderr.isatty() else OneLineFormatter(secrets)
