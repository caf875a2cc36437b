"""When a camera that failed is opened again. Pure: the caller passes the time, in seconds of a monotonic clock."""

from __future__ import annotations

import random

LONGEST_BACK_OFF_S = 60.0
"""Seconds between tries after a permanent error. For other errors the driver has its own limit."""
HEALTHY_S = 30.0
"""After being open this many seconds without a failed picture, a camera counts as healthy: its failures are reset."""
NOT_A_CAMERA_FAILURE = frozenset({"rejected_setting", "camera_unreachable", "camera_held"})
"""Reasons for a missing picture that are not treated as a camera failure."""
SHORTEST_S = 0.05
DOUBLINGS = 10
"""Pauses double this often at most."""


class RetrySchedule:
    """The first try follows a failure at once, the next after `first_pause_s`, twice as long and more, with jitter.

    The camera loop's thread uses it; `reset` may come from any thread.
    """

    def __init__(self, first_pause_s: float = 1.0) -> None:
        self._first_pause_s = first_pause_s
        self.failures = 0
        """Failures in a row, without a picture or HEALTHY_S seconds between them."""
        self._try_at = self._opened_at = 0.0
        self._picture_failed = False
        """Whether the last requested picture failed. The camera must then deliver one to count as healthy."""

    def record_failure(self, now: float, longest_s: float) -> None:
        """`longest_s` is the longest pause."""
        # Bounded: a camera may be away for days, and a float overflows after 1,024 failures.
        doubled_s = self._first_pause_s * 2.0 ** min(self.failures - 1, DOUBLINGS)
        pause_s = 0.0 if self.failures == 0 else min(longest_s, doubled_s)
        self.failures += 1
        self._try_at = now + pause_s * random.uniform(0.8, 1.0)

    def record_opened(self, now: float) -> None:
        self._opened_at = now

    def record_picture(self) -> None:
        """A picture arrived."""
        self.failures, self._picture_failed = 0, False

    def record_failed_picture(self, reason: str) -> None:
        """A picture did not arrive, for a reason code."""
        self._picture_failed = self._picture_failed or reason not in NOT_A_CAMERA_FAILURE

    def reset_when_healthy(self, now: float) -> None:
        """Called while the camera is open."""
        if not self._picture_failed and now - self._opened_at >= HEALTHY_S:
            self.failures = 0

    def reset(self) -> None:
        """From any thread: the camera may be back. The next try is due."""
        self.failures, self._try_at, self._picture_failed = 0, 0.0, False

    def is_due(self, now: float) -> bool:
        return now >= self._try_at

    def next_try_s(self, now: float) -> float:
        """Seconds until the next try, at least SHORTEST_S."""
        return max(SHORTEST_S, self._try_at - now)
