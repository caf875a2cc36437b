"""`Work`: periodic work that remembers something from one run to the next."""

from __future__ import annotations

from typing import Protocol


class Control(Protocol):
    """What work may ask of its thread."""

    def is_stopping(self) -> bool: ...

    def pause(self, seconds: float) -> None: ...


class Unstopped:
    """The control of work that is called without a thread: it never stops, and pauses are skipped."""

    def is_stopping(self) -> bool:
        return False

    def pause(self, seconds: float) -> None:
        pass


class Work:
    """Work that remembers something from one run to the next. A part makes it once, with the name of its host."""

    interval_s: float | None = None
    """None: that of the table."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.control: Control = Unstopped()

    def is_wanted(self) -> bool:
        """Whether the configuration wants it."""
        return True

    def run(self) -> float | None:
        """May return other seconds until the next run."""
        raise NotImplementedError

    def end(self) -> None:
        """Called once, after the last run."""

    def note_failure(self, error: Exception) -> None:
        """Called after an error, which is logged and counted already. It must raise none."""
