"""What an experiment's row and its description share: the states, and the longest name. Each start imports it, so it
imports no description."""

from __future__ import annotations

from enum import StrEnum

MAX_NAME = 300


class ExperimentState(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    COMPLETED = "completed"
    ABORTED = "aborted"
    ARCHIVED = "archived"


EXPERIMENT_TRANSITIONS: dict[str, set[str]] = {
    "planned": {"running", "aborted"},
    "running": {"completed", "aborted"},
    "completed": {"archived"},
    "aborted": {"archived"},
    "archived": set(),
}
ENDED = ("completed", "aborted", "archived")
