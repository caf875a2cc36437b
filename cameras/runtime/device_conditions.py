"""What the camera was when a clip began: its driver and identity, and its settings as it reported them last; and the
rate that its stream should have now."""

from __future__ import annotations

from typing import Any

from cameras.runtime.link import ReportSink
from cameras.runtime.messages import Report


class DeviceConditions:
    """The camera loop's thread writes it, any thread may read it: the values are replaced as a whole."""

    def __init__(self, kind: str = "") -> None:
        self._kind = kind
        self._identity: dict[str, Any] = {}
        self._settings: dict[str, Any] = {}
        self.stream_fps: float | None = None
        """Frames per second that its stream should have; None while the camera has reported none."""

    def snapshot(self) -> dict[str, Any]:
        """As JSON. Texts are empty, and settings have no entry, while the camera has reported nothing."""
        identity = self._identity
        names = ("vendor", "model", "serial", "firmware", "library")
        return {
            "driver": self._kind,
            **{name: str(identity.get(name) or "") for name in names},
            "settings": self._settings,
        }

    def note(self, report: Report) -> None:
        """Take what a report of the process says of the camera."""
        if report["type"] == "opened":
            self._identity = dict(report["identity"])
        elif report["type"] == "settings":
            self._settings, self.stream_fps = dict(report["actual"]), report["stream_fps"]


class ObservedReports:
    """A `ReportSink` that passes all reports on, and notes what they say of the camera."""

    def __init__(self, sink: ReportSink, conditions: DeviceConditions) -> None:
        self._sink, self._conditions = sink, conditions

    def send(self, message: Report) -> None:
        self._conditions.note(message)
        self._sink.send(message)
