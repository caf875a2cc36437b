"""The checks of `skycam doctor`, in the order in which they run. A check that raises is reported as broken.

A check takes the `Station` and yields findings. The checks of STATION need a valid configuration; those of DATABASE
also need a database that answers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from core.registry import resolve
from skycam_project.cli.diagnostics.finding import BROKEN, Finding
from skycam_project.cli.station import Station

log = logging.getLogger(__name__)

MACHINE = {
    "clock": "skycam_project.cli.diagnostics.machine:clock",
    "libraries": "skycam_project.cli.diagnostics.machine:libraries",
    "libgphoto2": "skycam_project.cli.diagnostics.machine:libgphoto2",
    "desktop": "skycam_project.cli.diagnostics.machine:desktop",
}
CONFIGURATION = {"configuration": "skycam_project.cli.diagnostics.station:configuration"}
STATION = {
    "launcher": "skycam_project.cli.diagnostics.station:launcher",
    "broker": "skycam_project.cli.diagnostics.station:broker",
    "database": "skycam_project.cli.diagnostics.database:database",
}
DATABASE = {
    "hosts": "skycam_project.cli.diagnostics.database:hosts",
    "storage": "skycam_project.cli.diagnostics.database:storage",
    "passwords": "skycam_project.cli.diagnostics.database:passwords",
    "system checks": "skycam_project.cli.diagnostics.database:system_checks",
    "health": "skycam_project.cli.diagnostics.database:health",
}
NAMES_CAMERAS = {"cameras", "hosts", "passwords"}
"""Findings that name cameras or their hosts. A user who may not see all cameras must not read them."""


def run_diagnostics(station: Station) -> list[Finding]:
    findings = run_checks(CONFIGURATION, station)
    if not is_broken(findings, CONFIGURATION):
        findings += run_checks(STATION, station)
        if not is_broken(findings, {"database"}):
            findings += [found for found in run_checks(DATABASE, station) if not is_broken(findings, {found.check})]
    return findings + run_checks(MACHINE, station)


def is_broken(findings: Iterable[Finding], checks: Iterable[str]) -> bool:
    return any(finding.state == BROKEN and finding.check in checks for finding in findings)


def run_checks(checks: dict[str, str], station: Station) -> list[Finding]:
    return [finding for name, path in checks.items() for finding in run_check(name, path, station)]


def run_check(name: str, path: str, station: Station) -> list[Finding]:
    try:
        return list(resolve(path)(station))
    except Exception as error:
        log.exception("The check %s failed.", name)
        return [Finding(name, BROKEN, f"The check itself failed: {type(error).__name__}: {error}")]
