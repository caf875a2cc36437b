"""The states of an experiment. Without the descriptions of the API, which take time to import at each start."""

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
