"""From a clip that could not be written to the next try."""

from __future__ import annotations

PAUSE_S = 1.0
LONGEST_S = 30.0


class Pauses:
    """A disk may be back at once. An encoder that fails as soon as it is tried fails again, and for each try a clip is
    begun on the disk: it is tried less and less often."""

    def __init__(self) -> None:
        self._before_s = 0.0

    def after(self, reason: str, wrote_s: float) -> float:
        """Seconds; `wrote_s` were recorded before it failed."""
        again = reason == "camera_error" and wrote_s < self._before_s
        self._before_s = min(2 * self._before_s, LONGEST_S) if again else PAUSE_S
        return self._before_s
