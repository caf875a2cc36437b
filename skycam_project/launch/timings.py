"""The launcher's times, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from skycam_project.config import SkycamConfig


@dataclass(frozen=True)
class Timings:
    silence_s: float = 15.0
    """A part without a heartbeat for this long is killed."""
    start_s: float = 60.0
    """The same, before its first heartbeat."""
    healthy_s: float = 30.0
    crash_loop_exits: int = 5
    crash_loop_s: float = 10.0
    retry_s: float = 60.0
    """Delay before a part in a crash loop is restarted, once the station was up."""
    finish_first_s: float = 5.0
    """Time for the worker to finish before the other parts are stopped."""
    stop_s: float = 8.0
    """Time from the start of a stop until all remaining processes are killed."""

    @classmethod
    def of(cls, config: SkycamConfig) -> Timings:
        supervision = config.supervision
        return cls(
            silence_s=supervision.silence_s,
            healthy_s=supervision.healthy_s,
            crash_loop_exits=supervision.crash_loop_exits,
            crash_loop_s=supervision.crash_loop_s,
        )
