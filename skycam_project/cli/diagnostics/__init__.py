"""The checks of `skycam doctor`, in the order in which they run. A check that raises, or that does not end within
DEADLINE_S, is reported as broken, and the others go on.

A check takes the `Station` and yields findings. The checks of STATION need a valid configuration; those of DATABASE
also need a database that answers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from core.registry import resolve
from skycam_project.cli.diagnostics.finding import BROKEN, OK, Finding, TooSlow, run_within
from skycam_project.cli.station import Station

log = logging.getLogger(__name__)

DEADLINE_S = 15.0
MACHINE = {
    "clock": "skycam_project.cli.diagnostics.machine:clock",
    "libraries": "skycam_project.cli.diagnostics.machine:libraries",
    "libgphoto2": "skycam_project.cli.diagnostics.machine:libgphoto2",
    "desktop": "skycam_project.cli.diagnostics.machine:desktop",
}
CONFIGURATION = {"configuration": "skycam_project.cli.diagnostics.station:configuration"}
STATION = {
    "launcher": "skycam_project.cli.diagnostics.station:launcher",
    "open files": "skycam_project.cli.diagnostics.station:open_files",
    "broker": "skycam_project.cli.diagnostics.station:broker",
    "time zone": "skycam_project.cli.diagnostics.machine:time_zone",
    "broker's clock": "skycam_project.cli.diagnostics.machine:broker_clock",
    "ports": "skycam_project.cli.diagnostics.network:ports",
    "certificate": "skycam_project.cli.diagnostics.network:certificate",
    "folders": "skycam_project.cli.diagnostics.station:folders",
    "disks": "skycam_project.cli.diagnostics.station:disks",
    "database": "skycam_project.cli.diagnostics.database:database",
    # After the database, whose cameras they use if it answers.
    "usb": "skycam_project.cli.diagnostics.cameras:usb",
    "udev": "skycam_project.cli.diagnostics.cameras:udev",
    "pixelink": "skycam_project.cli.diagnostics.cameras:pixelink",
}
DATABASE = {
    "database's clock": "skycam_project.cli.diagnostics.machine:database_clock",
    "versions": "skycam_project.cli.diagnostics.database:versions",
    "partitions": "skycam_project.cli.diagnostics.database:partitions",
    "hosts": "skycam_project.cli.diagnostics.database:hosts",
    "storage": "skycam_project.cli.diagnostics.database:storage",
    "passwords": "skycam_project.cli.diagnostics.database:passwords",
    "sensors": "skycam_project.cli.diagnostics.database:sensors",
    "notifications": "skycam_project.cli.diagnostics.database:notifications",
    "copies": "skycam_project.cli.diagnostics.database:copies",
    "periodic work": "skycam_project.cli.diagnostics.database:periodic_work",
    "system checks": "skycam_project.cli.diagnostics.database:system_checks",
    "health": "skycam_project.cli.diagnostics.database:health",
}
NAMES_CAMERAS = {"cameras", "hosts", "passwords", "periodic work", "usb", "udev", "pixelink"}
"""Findings that name cameras or their hosts. A user who may not see all cameras must not read them."""


def run_diagnostics(station: Station) -> list[Finding]:
    findings = run_checks(CONFIGURATION, station)
    if not is_broken(findings, CONFIGURATION):
        findings += run_checks(STATION, station)
        # A warning says that it is being prepared: then nothing can be read from it yet.
        if all(finding.state == OK for finding in findings if finding.check == "database"):
            findings += [found for found in run_checks(DATABASE, station) if not is_broken(findings, {found.check})]
    return findings + run_checks(MACHINE, station)


def is_broken(findings: Iterable[Finding], checks: Iterable[str]) -> bool:
    return any(finding.state == BROKEN and finding.check in checks for finding in findings)


def run_checks(checks: dict[str, str], station: Station) -> list[Finding]:
    return [finding for name, path in checks.items() for finding in run_check(name, path, station)]


def run_check(name: str, path: str, station: Station) -> list[Finding]:
    try:
        return run_within(DEADLINE_S, lambda: list_findings(name, path, station))
    except TooSlow as error:
        remedy = "Something that it reads does not answer, such as a disk or a device: `dmesg` may name it."
        return [Finding(name, BROKEN, f"The check hangs. {error}", remedy)]


def list_findings(name: str, path: str, station: Station) -> list[Finding]:
    try:
        return list(resolve(path)(station))
    except Exception as error:
        log.exception("The check %s failed.", name)
        return [Finding(name, BROKEN, f"The check itself failed: {type(error).__name__}: {error}")]
