"""The states of an experiment. Django-free."""

from __future__ import annotations

from enum import StrEnum


class ExperimentState(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    COMPLETED = "completed"
    ABORTED = "aborted"
    ARCHIVED = "archived"
