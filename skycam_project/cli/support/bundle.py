"""Collects a support bundle: a ZIP file of redacted texts, for a question about a station that may be broken. Each
function of FILES takes the Station and returns a value of JSON, not yet redacted; what it raises is listed in the
bundle."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, BinaryIO

from core.registry import resolve
from skycam_project.cli.diagnostics.finding import TooSlow, run_within
from skycam_project.cli.output import json_default
from skycam_project.cli.station import Station
from skycam_project.cli.support.known_secrets import Redactor, data_folder, known_secrets
from skycam_project.config import ConfigError

EVENTS = 1000
FILES = {
    "doctor.json": "skycam_project.cli.support.bundle:doctor",
    "configuration.json": "skycam_project.cli.support.bundle:configuration",
    "versions.json": "skycam_project.cli.support.bundle:versions",
    "machine.json": "skycam_project.cli.support.bundle:machine",
    "parts.json": "skycam_project.cli.support.bundle:parts",
    "status.json": "skycam_project.cli.support.bundle:status",
    "events.json": "skycam_project.cli.support.bundle:events",
    "alerts.json": "skycam_project.cli.support.bundle:alerts",
    "jobs.json": "skycam_project.cli.support.bundle:jobs",
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
    from core.events.answers import event_body
    from core.events.models import Event
    from core.station_owner import StationOwner

    owner = StationOwner()
    return [event_body(event, owner) for event in Event.objects.order_by("-at", "-id")[:EVENTS]]


def alerts(station: Station) -> Any:
    """Unresolved ones first, then the newest. Raises CliError or DatabaseError."""
    station.set_up_django()
    from core.events.answers import AlertBody
    from core.events.models import Alert
    from core.resources.resource import body_of

    resolved = Alert.objects.filter(state=Alert.State.RESOLVED).order_by("-opened_at", "-id")[:EVENTS]
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED).order_by("-opened_at", "-id")
    return [body_of(AlertBody, alert) for alert in [*unresolved, *resolved]]


def jobs(station: Station) -> Any:
    """The newest jobs. Raises CliError or DatabaseError."""
    station.set_up_django()
    from core.jobs.models import Job
    from core.jobs.services import job_body
    from core.station_owner import StationOwner

    owner = StationOwner()
    return [job_body(job, owner) for job in Job.objects.order_by("-created_at", "-id")[:200]]


LOG_BYTES = 2_000_000
"""Of the end of each log file."""
MAX_CHARACTERS = 8_000_000
"""Of one file of the bundle: the station may be broken in a way that makes a list endless."""
WITHIN_S = 240.0
"""For all sections. The longest is doctor, each of whose checks has a deadline of its own."""
LEAST_S = 1.0
"""For a section after that time: most need less."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A file of the bundle, or why it is missing."""

    name: str
    text: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The redacted texts by the name of their file. `missing`: name of a file, or source of secrets -> why it could not
    be read."""

    texts: dict[str, str]
    missing: dict[str, str]

    def write(self, stream: BinaryIO) -> None:
        """Write the ZIP file."""
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.texts.items():
                archive.writestr(f"skycam-support/{name}", text)


def collect_bundle(station: Station, within_s: float = WITHIN_S) -> Bundle:
    """Sections that are not done after `within_s` seconds are missing."""
    until = time.monotonic() + within_s
    secrets, failed = known_secrets(station)
    redactor = Redactor(secrets)
    collected = list(collect_files(station, redactor, until))
    missing = {f"secrets of {name}": f"{reason}; only patterns hide them" for name, reason in failed.items()}
    missing |= {one.name: redactor.redact_text(one.missing) for one in collected if one.missing}
    texts = {one.name: one.text for one in collected if not one.missing}
    return Bundle({**texts, "missing.json": to_text(missing)}, missing)


def write_bundle(station: Station, path: Path) -> tuple[Bundle, int]:
    """Write the bundle with mode 0600; returns also its size. Raises OSError, also FileExistsError."""
    bundle = collect_bundle(station)
    # Created with its mode: a chmod after the creation would come a moment too late.
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(file, "wb") as stream:
        bundle.write(stream)
        stream.flush()
        os.fsync(stream.fileno())
    return bundle, path.stat().st_size


def collect_files(station: Station, redactor: Redactor, until: float) -> Iterator[Collected]:
    """`until`: in the time of `time.monotonic`."""
    for name, path in FILES.items():
        yield collect_file(name, partial(redacted_section, path, station, redactor), until)
    log = log_file(station)
    for file in (log, log.with_name(f"{log.name}.1")):
        yield collect_file(f"logs/{file.name}", partial(redacted_end, file, redactor), until)


def collect_file(name: str, read: Callable[[], str], until: float) -> Collected:
    """The redacted text that `read` returns, or why there is none."""

    def collect() -> Collected:
        try:
            return limited(name, read())
        except FileNotFoundError:
            return Collected(name, missing="There is no such file.")
        except ConfigError:
            # Its problems would stand here once for each file.
            return Collected(name, missing="The configuration is not valid; doctor.json says why.")
        # A broken station is what the bundle is for: the reason is part of it.
        except Exception as error:  # noqa: BLE001
            return Collected(name, missing=f"{type(error).__name__}: {error}")

    try:
        return run_within(max(LEAST_S, until - time.monotonic()), collect)
    except TooSlow as error:
        return Collected(name, missing=str(error))


def limited(name: str, text: str) -> Collected:
    if len(text) <= MAX_CHARACTERS:
        return Collected(name, text)
    return Collected(name, missing=f"It has {len(text)} characters; {MAX_CHARACTERS} are the most.")


def redacted_section(path: str, station: Station, redactor: Redactor) -> str:
    return to_text(redactor.redact_value(plain(resolve(path)(station))))


def plain(value: Any) -> Any:
    """In JSON's types."""
    return json.loads(json.dumps(value, default=json_default))


def to_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def redacted_end(path: Path, redactor: Redactor) -> str:
    return redactor.redact_text(read_end(path))


def log_file(station: Station) -> Path:
    try:
        return station.config.logging.file
    except ConfigError:
        return data_folder(station) / "logs" / "skycam.log"


def read_end(path: Path) -> str:
    """The last LOG_BYTES, from the begin of a line. Raises OSError."""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - LOG_BYTES))
        text = stream.read(LOG_BYTES).decode("utf-8", errors="replace")
    # A cut first line may hide the name that shows what follows to be a secret.
    return text if size <= LOG_BYTES else text.partition("\n")[2]
