"""The quick checks of `skycam doctor` for the answering machine, shown on the status page and in `health/`.

Checks that load libraries, and Django's own checks, run only in doctor.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from core.events.selectors import hidden_cameras
from skycam_project.cli.diagnostics import NAMES_CAMERAS, run_check
from skycam_project.cli.diagnostics.finding import BROKEN, WARNING, Finding
from skycam_project.cli.station import Station

CACHE_S = 30.0
CHECKS = {
    "storage": "skycam_project.cli.diagnostics.database:storage",
    "partitions": "skycam_project.cli.diagnostics.database:partitions",
    "passwords": "skycam_project.cli.diagnostics.database:passwords",
    "station": "skycam_project.cli.diagnostics.database:station_checks",
    "clock": "skycam_project.cli.diagnostics.machine:clock",
    "libraries": "skycam_project.cli.diagnostics.machine:libraries",
    "desktop": "skycam_project.cli.diagnostics.machine:desktop",
}
REPORTED_ELSEWHERE = {"storage"}
"""Checks whose failures HEALTH reports where they matter: a machine without cameras needs no storage root."""

_lock = threading.Lock()
_cached: tuple[float, list[Finding]] | None = None


def machine_findings(user: Any) -> list[Finding]:
    """Findings at most CACHE_S old. Checks that name cameras are left out for a user who may not see all cameras."""
    # The findings are shared by all users, so they are filtered when they are read.
    unseen = NAMES_CAMERAS if hidden_cameras(user) else set()
    return [found for found in _cached_findings() if found.check not in unseen]


def problems(user: Any) -> dict[str, list[str]]:
    """Sentences of failed checks, by check."""
    return _by_check(
        one for one in machine_findings(user) if one.state == BROKEN and one.check not in REPORTED_ELSEWHERE
    )


def warnings(user: Any) -> dict[str, list[str]]:
    """Sentences of warnings, by check."""
    return _by_check(one for one in machine_findings(user) if one.state == WARNING)


def clear_cache() -> None:
    """Run the checks again at the next call."""
    global _cached
    _cached = None


def _by_check(findings: Iterable[Finding]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in findings:
        found.setdefault(one.check, []).append(f"{one.detail} {one.remedy}".strip())
    return found


def _cached_findings() -> list[Finding]:
    global _cached
    # Held while the checks run: requests that come meanwhile wait for this result instead of running the checks too.
    with _lock:
        if _cached is None or time.monotonic() - _cached[0] >= CACHE_S:
            station = Station()
            station.__dict__["config"] = settings.STATION  # as this process has it
            _cached = (
                time.monotonic(),
                [one for name, path in CHECKS.items() for one in run_check(name, path, station)],
            )
        return _cached[1]
