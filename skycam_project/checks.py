"""Django system checks of a station. `skycam doctor` lists their results."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from core.open_files import REMEDY, hard_limit, too_few_message
from core.registry import iterate_paths, resolve
from skycam_project.config import ConfigError, SkycamConfig, check_writable
from skycam_project.config.folder import ADDRESS_FILE, KEY_FILE
from skycam_project.periodic import TASKS

TABLES = (
    "captures.tables.ARCHIVE_COPIES",
    "captures.files.serving.COPIES",
    "captures.tables.ARCHIVE_MENDERS",
    "captures.tables.EXPERIMENT_HANDLERS",
    "captures.tables.RETENTION_GUARDS",
    "captures.storage.integrity.decisions.ADOPTERS",
    "cameras.drivers.DRIVERS",
    "cameras.telescope_status.sources.STATUS_SOURCES",
    "cameras.tables.OBSERVATIONS",
    "cameras.tables.CONSUMERS",
    "cameras.tables.ACCESS",
    "cameras.tables.LEASE_HOLDERS",
    "core.jobs.tables.BACKGROUND_THREADS",
    "cameras.tables.LAST_CAPTURES",
    "cameras.tables.CAPTURE_TOTALS",
    "cameras.tables.DRAINING",
    "cameras.tables.PROGRAMME_KINDS",
    "cameras.tables.PROGRAMMES",
    "cameras.tables.AGENDAS",
    "cameras.tables.RECONCILERS",
    "cameras.tables.RECORDING",
    "cameras.tables.RECORDS",
    "cameras.tables.RECOVERIES",
    "cameras.tables.ROOTS",
    "cameras.tables.DECIDED_OUTCOMES",
    "core.tables.EXCEPTION_TABLES",
    "core.jobs.tables.JOB_HIDDEN_CAMERAS",
    "core.jobs.tables.JOB_ENDED",
    "core.jobs.tables.JOB_KINDS",
    "core.jobs.tables.JOBS_WAIT",
    "monitoring.health.HEALTH",
    "monitoring.metrics.METRICS",
    "captures.storage.offsite.destinations.settings.DESTINATION_KINDS",
    "monitoring.notifications.channels.base.CHANNEL_KINDS",
    "monitoring.sensors.driver.SENSORS",
    "core.events.tables.EVENT_RECORDED",
    "core.events.tables.EVENT_OVER",
    "core.events.tables.HIDDEN_CAMERAS",
    "captures.tables.SITE_TEMPERATURE",
    "monitoring.retention.RETENTION",
    "monitoring.alert_rules.signals.SIGNALS",
    "skycam_project.pages.status_sections.SECTIONS",
    "skycam_project.resources.RESOURCES",
)
"""The literal tables of dotted paths."""
FOLDER_CHECKS = frozenset({"skycam.E001", "skycam.E002", "skycam.E003", "skycam.E006", "skycam.W010"})


def register_checks() -> None:
    for check in (check_station, check_tables):
        checks.register(check, "skycam")


def check_station(**_: Any) -> list[CheckMessage]:
    station = settings.STATION
    return [
        *check_folders(station),
        *check_database_folder(settings.DATABASES["default"]),
        *check_open_files(hard_limit()),
        *(checks.Warning(notice.text, id=f"skycam.{notice.code}") for notice in station.notices),
    ]


def check_folders(config: SkycamConfig) -> list[CheckMessage]:
    """Of the ids FOLDER_CHECKS. Needs neither Django's settings nor the database."""
    return [
        *check_data_folder(config.data),
        *check_secret_key(config.data / KEY_FILE),
        *check_secret_key(config.data / ADDRESS_FILE),
        *check_storage_root(config.storage_root),
        *check_video_path(config.video_path),
    ]


def check_tables(**_: Any) -> list[CheckMessage]:
    # A wrong path would otherwise fail at its first use.
    work = [(task.name, task.work) for task in TASKS.values()]
    tables = [message for table in TABLES for message in check_table(table)]
    return [*tables, *check_paths("skycam_project.periodic.TASKS", work)]


def check_data_folder(data: Path) -> Iterator[CheckMessage]:
    try:
        check_writable(data)
    except ConfigError:
        yield Error(
            f"The data folder {data} cannot be written.", hint="Change its owner or set SKYCAM_DATA.", id="skycam.E001"
        )
        return
    if data.stat().st_mode & 0o077:
        yield checks.Warning(
            f"Other users can access the data folder {data}.", hint=f"chmod 700 {data}", id="skycam.W010"
        )


def check_secret_key(path: Path) -> Iterator[CheckMessage]:
    if path.exists() and stat.S_IMODE(path.stat().st_mode) != 0o600:
        yield Error(f"Other users can read the secret key {path}.", hint=f"chmod 600 {path}", id="skycam.E002")


def check_storage_root(root: Path) -> Iterator[CheckMessage]:
    try:
        check_writable(root)
    except ConfigError as error:
        yield Error(str(error), id="skycam.E003")


def check_video_path(folder: Path | None) -> Iterator[CheckMessage]:
    try:
        if folder is not None:
            check_writable(folder)
    except ConfigError as error:
        yield Error(
            f"VIDEO_PATH: {error}", hint="Mount it or unset VIDEO_PATH, then restart the station.", id="skycam.E006"
        )


def check_database_folder(database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if not database["ENGINE"].endswith("sqlite3"):
        return
    folder = Path(database["NAME"]).parent
    try:
        check_writable(folder)
    except ConfigError:
        yield Error(
            f"The database's folder {folder} cannot be written.",
            hint="Create it, change its owner, or set DATABASE_URL.",
            id="skycam.E004",
        )


def check_open_files(limit: int) -> Iterator[CheckMessage]:
    if message := too_few_message(limit):
        yield checks.Warning(message, hint=REMEDY, id="skycam.W011")


def check_table(table: str) -> Iterator[CheckMessage]:
    """Check that each path in a table can be imported."""
    return check_paths(table, iterate_paths(table))


def check_paths(table: str, entries: Iterable[tuple[object, str]]) -> Iterator[CheckMessage]:
    for key, path in entries:
        try:
            resolve(path)
        except ImportError as error:
            yield Error(f"{table}[{key!r}] names {path}, which cannot be imported: {error}.", id="skycam.E005")
