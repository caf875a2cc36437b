"""How grave an event or an alert is. Django-free."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """From the least to the gravest."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"
