"""DEFAULT_RULES: what a new station watches. A manager can change, switch off and remove each of them."""

from __future__ import annotations

from typing import Any

DEFAULT_RULES: tuple[dict[str, Any], ...] = (
    {"name": "sensor-missing", "kind": "sensor_missing", "threshold": 0.5, "clear_for_s": 10, "severity": "error"},
    {"name": "sensor-implausible", "kind": "sensor_implausible", "threshold": 0.5, "for_s": 300, "clear_for_s": 60},
    {"name": "no-frame", "kind": "no_frame", "threshold": 30, "clear_for_s": 5, "severity": "error"},
    {"name": "gate-closed", "kind": "gate_closed", "threshold": 0.5},
    {"name": "frames-missing", "kind": "frames_below", "threshold": 90, "clear": 95, "clear_for_s": 60},
    {"name": "disk-low", "kind": "disk_below", "threshold": 10, "clear": 12, "for_s": 60},
    {"name": "disk-nearly-full", "kind": "disk_below", "threshold": 3, "clear": 4, "for_s": 10, "severity": "critical"},
    {"name": "clock-unsynchronised", "kind": "clock_unsynchronised", "threshold": 0.5, "for_s": 900, "clear_for_s": 60},
    {"name": "clock-off", "kind": "clock_offset", "threshold": 0.5, "clear": 0.2, "for_s": 60, "severity": "error"},
    {"name": "host-silent", "kind": "host_silent", "threshold": 15, "severity": "critical"},
    {"name": "part-restarts", "kind": "part_restarts", "threshold": 5, "clear": 2, "severity": "error"},
    {"name": "webhooks-waiting", "kind": "backlog_above", "subject": "station:webhooks", "threshold": 1000,
     "clear": 100, "for_s": 600},
    {"name": "offsite-waiting", "kind": "backlog_above", "subject": "station:offsite", "threshold": 10_000,
     "clear": 1000, "for_s": 86_400},
    {"name": "readings-behind", "kind": "aggregates_late", "threshold": 1800, "clear": 300, "for_s": 600},
    {"name": "session-gap", "kind": "event", "subject": "session.gap", "threshold": 1, "clear_for_s": 3600},
)  # fmt: skip
"""Columns of AlertRule; the others have the defaults of the model. Archives, lost frames, quarantined cameras and full
disks have alerts of their own: docs/clients/contracts.md."""
