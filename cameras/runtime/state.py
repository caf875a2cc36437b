"""What a camera process reports each second."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cameras.runtime.sessions import iso

if TYPE_CHECKING:
    from cameras.runtime.camera_loop import CameraLoop
    from cameras.runtime.device import Device


def state_of(loop: CameraLoop) -> dict[str, Any]:
    """From the reporting thread. To ask for it holds the last net open: `Watchdog.look`."""
    device, report = loop.device, loop.report
    doing, overdue = loop.watchdog.look()
    newest_ns = loop.buffer.newest_ns
    return {
        "observed": report.state,
        "reason": report.why,
        "session": loop.runner.describe() or None,
        "temperature_celsius": device.temperature_celsius,
        **asdict(device.supplies),
        "differs": device.differs,
        "last_capture": report.last_capture,
        "last_frame": iso(newest_ns / 1e9) if newest_ns else None,
        "frames": loop.buffer.frames,
        "doing": doing,
        "overdue_s": round(overdue, 3),
        "failures": device.failures,
        "unopened": device.failed_opens,
        "trouble": _trouble(device),
        **{name: told for consumer in loop.frame_consumers for name, told in consumer.stats().items()},
    }


def _trouble(device: Device) -> dict[str, Any] | None:
    """Why the camera is not open."""
    error = device.error
    return {"reason": error.reason, "permanent": error.permanent} if error else None
