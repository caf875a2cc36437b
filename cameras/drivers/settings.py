"""The settings of every kind of camera. Django-free."""

from __future__ import annotations

from core.resources.fields import KindSettings, field


class DriverSettings(KindSettings):
    """Settings that every driver understands; a driver's own `Settings` adds its own.

    None leaves the camera's own value. Unknown names are refused.
    """

    # The bounds only refuse values that no camera has: requests come from users and programs. Each camera's own range
    # follows in `apply`.
    exposure_us: int | None = field(None, ge=1, le=3_600_000_000, help="microseconds")
    gain: float | None = field(None, ge=0, le=1000)
    iso: int | None = field(None, ge=1, le=10_000_000)
    f_number: float | None = field(None, gt=0, le=128)
