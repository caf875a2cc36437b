"""How long the exposures and frames of a camera may take, from what it reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
