"""The files of a support bundle. Each function takes the Station and returns a value of JSON, not yet redacted; what it
raises is listed in the bundle."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from skycam_project.cli.station import Station

EVENTS = 1000
FILES = {
    "doctor.json": "skycam_project.cli.support.sections:doctor",
    "configuration.json": "skycam_project.cli.support.sections:configuration",
    "versions.json": "skycam_project.cli.support.sections:versions",
    "machine.json": "skycam_project.cli.support.sections:machine",
    "parts.json": "skycam_project.cli.support.sections:parts",
    "status.json": "skycam_project.cli.support.sections:status",
    "events.json": "skycam_project.cli.support.sections:events",
    "alerts.json": "skycam_project.cli.support.sections:alerts",
    "jobs.json": "skycam_project.cli.support.sections:jobs",
}


def doctor(station: Station) -> Any:
    from skycam_project.cli.diagnostics import run_diagnostics

    return [finding.body() for finding in run_diagnostics(station)]


def configuration(station: Station) -> Any:
    """Each key with its redacted value and where it was set. Raises ConfigError."""
    from skycam_project.config.model import KEYS
    from skycam_project.config.redaction import redacted

    config = station.config
    found = {}
    for key in KEYS:
        value: Any = config
        for name in key:
            value = getattr(value, name)
        found[".".join(key)] = {"value": redacted(key, value), "origin": config.origin(key)}
    return {"keys": found, "warnings": config.warnings}


def versions(_station: Station) -> Any:
    packages = {found.metadata["Name"]: found.version for found in distributions() if found.metadata["Name"]}
    system = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    return {
        "python": sys.version,
        "platform": platform.platform(),
        "system": system.get("PRETTY_NAME", ""),
        "libc": " ".join(platform.libc_ver()),
        "packages": dict(sorted(packages.items(), key=lambda pair: pair[0].lower())),
    }


def machine(station: Station) -> Any:
    """Without a list of processes: their arguments may be secrets of other programs."""
    import psutil

    from skycam_project.cli.support.known_secrets import data_folder

    data = data_folder(station)
    memory = psutil.virtual_memory()
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "time_zone": time.strftime("%Z %z"),
        "boot": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(psutil.boot_time())),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "memory_bytes": {"total": memory.total, "available": memory.available},
        "user": os.geteuid(),
        "data": str(data),
        "data_disk_bytes": shutil.disk_usage(data)._asdict() if data.exists() else None,
        "file_systems": sorted({partition.fstype for partition in psutil.disk_partitions()}),
        "variables": sorted(name for name in os.environ if name.startswith("SKYCAM_")),
    }


def parts(station: Station) -> Any:
    """Raises LaunchError without a launcher."""
    from skycam_project import launch

    return list(launch.ps(station.config))


def status(station: Station) -> Any:
    """Raises BrokerDown."""
    from cameras.status.reader import read_station

    return read_station(station.config.redis_url, station.config.station.id)


def events(station: Station) -> Any:
    """The newest EVENTS. Raises CliError or DatabaseError."""
    station.set_up_django()
    from core.station_owner import StationOwner
    from monitoring.models import Event
    from monitoring.resource import event_body

    owner = StationOwner()
    return [event_body(event, owner) for event in Event.objects.order_by("-at", "-id")[:EVENTS]]


def alerts(station: Station) -> Any:
    """Unresolved ones first, then the newest. Raises CliError or DatabaseError."""
    station.set_up_django()
    from core.resources.answers import body_of
    from monitoring.models import Alert
    from monitoring.resource import AlertBody

    resolved = Alert.objects.filter(state=Alert.State.RESOLVED).order_by("-opened_at", "-id")[:EVENTS]
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED).order_by("-opened_at", "-id")
    return [body_of(AlertBody, alert) for alert in [*unresolved, *resolved]]


def jobs(station: Station) -> Any:
    """The newest jobs. Raises CliError or DatabaseError."""
    station.set_up_django()
    from core.jobs.models import Job
    from core.jobs.selectors import job_body
    from core.station_owner import StationOwner

    owner = StationOwner()
    return [job_body(job, owner) for job in Job.objects.order_by("-created_at", "-id")[:200]]
