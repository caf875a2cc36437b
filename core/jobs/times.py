"""The times of a jobs worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.jobs.claims import FIRST_RETRY_S
from core.jobs.tables import Lane


@dataclass(frozen=True, slots=True)
class JobTimes:
    """In seconds."""

    poll_s: float = 5.0
    """Between two searches for jobs, so that a job runs also when no message says so."""
    write_interval_s: float = 1.0
    """Between two writes to the row, which also read whether the job was cancelled."""
    grace_s: float = 10.0
    """Between the request to stop and the kill."""
    first_retry_s: float = FIRST_RETRY_S
    """From the first failed attempt to the next."""
    turns_s: Mapping[Lane, float] = field(default_factory=lambda: {Lane.SHORT: 30.0, Lane.LONG: 600.0})
    """After which a job that can continue makes room for another one of its lane that is due."""
