"""One line per log record, in UTC, without secrets."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

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
        for secret in self.secrets:
            line = line.replace(secret, REDACTED)
        return line
