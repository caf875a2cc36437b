"""From a clip that could not be written to the next try."""

from __future__ import annotations

RETRY_S = 1.0
MAX_RETRY_S = 30.0


class RetryDelay:
    """A disk may be back at once. An encoder that fails as soon as it is tried fails again, and for each try a clip is
    begun on the disk: it is tried less and less often."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def next_s(self, reason: str, wrote_s: float) -> float:
        """Seconds; `wrote_s` were recorded before it failed."""
        again = reason == "camera_error" and wrote_s < self._last_s
        self._last_s = min(2 * self._last_s, MAX_RETRY_S) if again else RETRY_S
        return self._last_s
