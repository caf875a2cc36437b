"""The times of a device."""

from __future__ import annotations

from dataclasses import dataclass

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
