"""The state that a camera process reports each second."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cameras.spool.session_files import iso

if TYPE_CHECKING:
    from cameras.runtime.camera_loop import CameraLoop
    from cameras.runtime.device import Device


def describe_state(loop: CameraLoop) -> dict[str, Any]:
    """Called by the reporting thread. Each call postpones the exit of the process: see `Watchdog.check_deadline`."""
    device, reporter = loop.device, loop.reporter
    doing, overdue = loop.watchdog.check_deadline()
    newest_ns = loop.buffer.newest_ns
    return {
        "observed": reporter.state,
        "reason": reporter.message,
        "session": loop.runner.describe_session() or None,
        "temperature_celsius": device.temperature_celsius,
        **asdict(device.supplies),
        "differs": device.differs,
        "last_capture": reporter.last_capture,
        "last_frame": iso(newest_ns / 1e9) if newest_ns else None,
        "frames": loop.buffer.frames,
        "doing": doing,
        "overdue_s": round(overdue, 3),
        "failures": device.failures,
        "unopened": device.failed_opens,
        "trouble": _trouble(device),
        **{name: value for consumer in loop.frame_consumers for name, value in consumer.stats().items()},
    }


def _trouble(device: Device) -> dict[str, Any] | None:
    """Why the camera is not open; None when it is."""
    error = device.error
    return {"reason": error.reason, "permanent": error.permanent} if error else None
