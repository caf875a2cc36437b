"""EXCEPTIONS: the API's problems for the exceptions of notifications."""

from __future__ import annotations

from core.api.problems import ExceptionTable, from_message
from monitoring.notifications.silences import TooManySilences

EXCEPTIONS: ExceptionTable = {
    TooManySilences: from_message("too-many-silences"),
}
