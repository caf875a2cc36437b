"""When a recorder tries again after a failure."""

from __future__ import annotations

from collections.abc import Callable

from captures.recordings.recorder.failures import Failure

RETRY_S = 1.0
MAX_RETRY_S = 30.0


class RetryDelay:
    """A disk may be back at once, so it is retried every second. An encoder that fails at once fails again, and each
    try begins a clip on the disk: its delay doubles up to MAX_RETRY_S."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def next_s(self, reason: str, wrote_s: float) -> float:
        """Seconds until the next try; `wrote_s` is how long the clip was before it failed."""
        # An encoder that worked longer than its last delay does not fail at once: it is retried soon.
        again = reason == "camera_error" and wrote_s < self._last_s
        self._last_s = min(2 * self._last_s, MAX_RETRY_S) if again else RETRY_S
        return self._last_s


class RetryTimer:
    """Until when neither a clip nor the root is opened again. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._delay = clock, RetryDelay()
        self._not_before = 0.0

    @property
    def is_due(self) -> bool:
        return self._clock() >= self._not_before

    def start(self, failure: Failure, wrote_s: float) -> None:
        """A clip failed after `wrote_s` seconds."""
        self._not_before = self._clock() + self._delay.next_s(failure.reason, wrote_s)

    def start_for_root(self) -> None:
        """The root cannot be opened."""
        self._not_before = self._clock() + RETRY_S

    def end(self) -> None:
        """Try at once."""
        self._not_before = 0.0
