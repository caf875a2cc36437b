"""What `skycam doctor` finds wrong with the machine that answers, as far as it is quick to know.

For the status page and `health/`. Libraries that must be loaded for it, and Django's own checks, are left to doctor.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from monitoring.selectors import hidden_cameras
from skycam_project.cli.diagnosis import asked
from skycam_project.cli.diagnosis.finding import BROKEN, WARNING, Finding
from skycam_project.cli.station import Station

KEPT_S = 30.0
CHECKS = {
    "storage": "skycam_project.cli.diagnosis.database:storage",
    "passwords": "skycam_project.cli.diagnosis.database:passwords",
    "station": "skycam_project.cli.diagnosis.database:station_checks",
    "clock": "skycam_project.cli.diagnosis.machine:clock",
    "libraries": "skycam_project.cli.diagnosis.machine:libraries",
    "desktop": "skycam_project.cli.diagnosis.machine:desktop",
}
OF_CAMERAS = {"passwords"}
"""Checks that name cameras."""
ELSEWHERE = {"storage"}
"""What is broken of these, HEALTH says where it matters: a machine without cameras needs no storage root."""

_lock = threading.Lock()
_kept: tuple[float, list[Finding]] | None = None


def machine_findings(user: Any) -> list[Finding]:
    """Looked at in the last KEPT_S; without what names cameras for whoever may not see them all."""
    unseen = OF_CAMERAS if hidden_cameras(user) else set()
    return [found for found in _examined() if found.check not in unseen]


def problems(user: Any) -> dict[str, list[str]]:
    """Sentences by check, of what is broken."""
    return _by_check(one for one in machine_findings(user) if one.state == BROKEN and one.check not in ELSEWHERE)


def warnings(user: Any) -> dict[str, list[str]]:
    """Sentences by check, of what works and should be looked at."""
    return _by_check(one for one in machine_findings(user) if one.state == WARNING)


def forget() -> None:
    """Look anew at the next question."""
    global _kept
    _kept = None


def _by_check(findings: Iterable[Finding]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in findings:
        found.setdefault(one.check, []).append(f"{one.detail} {one.remedy}".strip())
    return found


def _examined() -> list[Finding]:
    global _kept
    with _lock:
        if _kept is None or time.monotonic() - _kept[0] >= KEPT_S:
            station = Station()
            station.__dict__["config"] = settings.STATION  # as this process has it
            _kept = (time.monotonic(), [one for name, path in CHECKS.items() for one in asked(name, path, station)])
        return _kept[1]
