"""EXCEPTIONS: the API's problems for the exceptions of sensors."""

from __future__ import annotations

from core.api.problems import ExceptionTable, from_message
from monitoring.sensor_management.commands import SensorHostDown, SensorHostSlow

EXCEPTIONS: ExceptionTable = {
    SensorHostDown: from_message("host-down"),
    SensorHostSlow: from_message("too-slow"),
}
