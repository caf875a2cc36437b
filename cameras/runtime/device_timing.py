"""The times of a device: how long its exposures and frames may take, and when it is opened again after a failure.
Pure: the caller passes the time, in seconds of a monotonic clock."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPEN_S = 20.0
"""Seconds that opening a camera may take."""


@dataclass(frozen=True, slots=True)
class DeviceTimes:
    """In seconds."""

    telemetry_s: float = 5.0
    """The telemetry is read this often."""
    fresh_s: float = 1.0
    """A reading of the settings answers requests for this long."""
    first_pause_s: float = 1.0
    """The pause after the second failure in a row; each further one is twice as long."""


DEFAULT_EXPOSURE_US = 1_000_000
UNKNOWN_INTERVAL_S = 10.0
"""The longest time from frame to frame for a stream that does not report its rate."""


class DeviceTiming:
    """Used by the camera loop's thread. Times in seconds."""

    def __init__(self, margin_s: float) -> None:
        self._margin_s = margin_s
        self.desired: Mapping[str, Any] = {}
        """The desired settings. `CameraSettings` replaces them."""
        self.readout_s = 1.0
        """The longest time from the end of an exposure to the picture."""
        self._shutter_us: dict[int | None, int] = {}
        """The actual shutter time for the last requested one; under None that of the camera's own setting."""
        self._interval_s = 0.0
        """From frame to frame; 0 when the camera does not report its rate."""

    def record_settings(self, actual: Mapping[str, Any]) -> None:
        """The camera has these settings now."""
        self.record_shutter(None, actual)
        self._interval_s = 1 / float(actual["fps"]) if actual.get("fps") else 0.0

    def record_shutter(self, requested_us: int | None, actual: Mapping[str, Any]) -> None:
        """The actual shutter time of an exposure, or of the camera's own setting (None)."""
        if "exposure_us" in actual:
            own_us = self._shutter_us.get(None, 0)
            # Only the last request: a long shutter time must not extend the deadline of the next short exposure.
            self._shutter_us = {None: own_us, requested_us: actual["exposure_us"]}

    def exposure_s(self, requested: Mapping[str, Any]) -> float:
        """The duration of an exposure as it is requested, or as the camera is set."""
        own = self.desired.get("exposure_us") or DEFAULT_EXPOSURE_US
        return float(requested.get("exposure_us") or own) / 1e6

    @property
    def shutter_s(self) -> float:
        """How long the shutter of a frame may be open. `captured_ns` is when it opened."""
        return max(self._shutter_us.get(None, 0) / 1e6, self.exposure_s({}))

    def allowed_s(self, requested: Mapping[str, Any]) -> float:
        """How long an exposure may take: the exposure, the next frame of a slow stream, the readout, the margin.

        If the shutter time is set on the camera's body it may differ from the requested one; then the longer counts.
        """
        actual_us = self._shutter_us.get(requested.get("exposure_us"), self._shutter_us.get(None, 0))
        exposure_s = max(self.exposure_s(requested), actual_us / 1e6)
        return exposure_s + self._interval_s + self.readout_s + self._margin_s

    @property
    def frame_allowed_s(self) -> float:
        """How long a frame of the stream may take: an interval or exposure, the readout, the margin."""
        return max(self._interval_s or UNKNOWN_INTERVAL_S, self.shutter_s) + self.readout_s + self._margin_s


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
