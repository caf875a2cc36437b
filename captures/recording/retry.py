"""How long a recorder waits after a clip that could not be written."""

from __future__ import annotations

RETRY_S = 1.0
MAX_RETRY_S = 30.0


class RetryDelay:
    """A disk may be back at once, so it is retried every second. An encoder that fails at once fails again, and each
    try begins a clip on the disk: its delay doubles up to MAX_RETRY_S."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def next_s(self, reason: str, wrote_s: float) -> float:
        """Seconds until the next try; `wrote_s` is how long the clip was before it failed."""
        again = reason == "camera_error" and wrote_s < self._last_s
        self._last_s = min(2 * self._last_s, MAX_RETRY_S) if again else RETRY_S
        return self._last_s
