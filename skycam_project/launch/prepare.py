"""Prepares a host before its parts start: `python -m skycam_project.launch.prepare FD [PART [PASSWORD-FD]]`. Without
PART, or with an empty one, it prepares the whole station: migrations, the first start and the Grafana dashboard. With
PART it prepares what this host lacks and leaves the database to the station. The result goes to FD as JSON, not to
standard output, which ends up in a log. The first password comes from PASSWORD-FD, or from the configuration."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from core import restored_copy
from core.text.sentences import pluralize
from skycam_project.config.database import keep_private
from skycam_project.config.sections import GrafanaConfig
from skycam_project.launch.preparation import FirstStart
from skycam_project.shipped_files import shipped_file

SOURCE = shipped_file("deploy/grafana/dashboards/skycam.json")


def write_dashboard(config: GrafanaConfig) -> None:
    """Write the dashboard, also over an older one, if a path is configured. A station starts without it too."""
    if not config.enabled or config.dashboard_path is None:
        return
    target = config.dashboard_path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Grafana may read the folder at any time: it must find a whole file.
        partial = target.with_name(f"{target.name}.partial")
        partial.write_bytes(SOURCE.read_bytes())
        os.replace(partial, target)
    except OSError as error:
        print(f"warning: the Grafana dashboard {target} could not be written ({error.strerror}).", flush=True)


LEASE_TIMEOUT_S = 35.0  # somewhat longer than a lease lasts: LEASE_S in cameras/supervision/lease.py


class PreparationError(Exception):
    """The host cannot be prepared. The text is a sentence that says what to do."""


def migrate() -> None:
    """Apply the migrations of this version, on one machine at a time."""
    from django.core.management import call_command

    from core.stations.record import preparing

    if not missing_migrations():
        return
    with preparing():
        # Another machine may have applied them meanwhile.
        if steps := missing_migrations():
            print(f"applying {pluralize(steps, 'migration')}", flush=True)
            call_command("migrate", interactive=False, verbosity=0)


def missing_migrations() -> int:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def applied_migrations() -> set[str]:
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    return {f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()}


def unknown_migrations() -> list[str]:
    """Migrations of the project's apps that were applied to the database, and that this version does not have."""
    from django.db.migrations.loader import MigrationLoader

    from core.versions import APPS

    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    return sorted(name for name in applied_migrations() - known if name.partition(".")[0] in APPS)


def check_encoding() -> None:
    """Raises PreparationError when the database could not store some texts."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        encoding = cursor.fetchone()[0]
    if encoding != "UTF8":
        raise PreparationError(
            f"The database stores {encoding}, and not UTF-8, so that records could not be written. Create another one: "
            "CREATE DATABASE NAME OWNER USER ENCODING 'UTF8' TEMPLATE template0."
        )


def prepare_station() -> FirstStart:
    # Before the first connection, which would create the file with the mode of the umask.
    keep_private(settings.DATABASES["default"])
    check_encoding()
    check_version()
    migrate()
    check_database_station()
    # A restored copy that is paused has no cameras and no jobs: its original may run under the name.
    if restored_copy.copied_from(settings.STATION.data) is None:
        # Before the roots, whose rows belong to the host's name.
        acquire_host_name()
    # Models can be imported only after django.setup() in `main`, so not at the top of this module.
    from cameras.supervision.host_identity import local_identity
    from core.background import log_and_continue
    from core.partitions import create_partitions
    from core.stations.record import adopt_database, preparing, record_version
    from skycam_project.launch.first_start import note_arrival, run_first_start

    with preparing():
        # Of a station that stood still for months. Without them, rows go to a partition of their own.
        with log_and_continue("partitions"):
            create_partitions()
        adopt_database()
        # Again: of two stations that started together on an empty database, one has adopted it.
        check_database_station()
        record_version(local_identity().installation)
        # The fork server has loaded the settings without the password.
        first = run_first_start(os.environ.get("SKYCAM_ADMIN_PASSWORD") or settings.STATION.admin_password)
    note_arrival()
    remove_killed_restores()
    record_primary_camera()
    write_dashboard(settings.STATION.monitoring.grafana)
    return first


def remove_killed_restores() -> None:
    """What killed backups and restores have left, which is not encrypted."""
    from skycam_project.backups.restoring import scratch_prefix
    from skycam_project.backups.service import SCRATCH, backup_folder, remove_abandoned

    data = settings.STATION.data
    remove_abandoned(data.parent, scratch_prefix(data))
    remove_abandoned(backup_folder(settings.STATION), SCRATCH)


def record_primary_camera() -> None:
    """Here and not in a part: a part that is restarted must not undo a stop by an operator."""
    from core.station_settings import auto_recording_config

    # Most stations do not use it, and need not load it.
    if auto_recording_config().record_primary_camera:
        from scheduler.automatic_recording import service

        service.record_primary_camera()


def is_sqlite() -> bool:
    return str(settings.DATABASES["default"]["ENGINE"]).endswith("sqlite3")


def prepare_part() -> None:
    """Check the database for a part that runs alone. Raises PreparationError when it is missing or not migrated."""
    # The file system is asked: a connection would create an empty database.
    if is_sqlite() and not Path(settings.DATABASES["default"]["NAME"]).exists():
        raise PreparationError(
            f"There is no database in {settings.STATION.data} yet. Set DATABASE_URL to the station's PostgreSQL, or "
            "start the whole station here once: skycam up."
        )
    check_version()
    if missing := missing_migrations():
        raise PreparationError(
            f"The database lacks {pluralize(missing, 'migration')} of this version of Skycam. Start the whole station "
            "once with this version (`skycam up` on its main machine), then this part."
        )
    check_database_station()


def prepare_host_part() -> None:
    """Prepare a part that works in the name of this host."""
    prepare_part()
    acquire_host_name()


def prepare_worker() -> None:
    """Prepare a camera host: its name and its storage roots."""
    from skycam_project.launch.first_start import ensure_roots

    # First the name, to which the rows of the roots belong.
    prepare_host_part()
    ensure_roots()
    record_primary_camera()


def check_version() -> None:
    """Raises PreparationError when the database is that of a newer version: after a downgrade, or when this machine is
    more than one version behind. A machine that waits for its update, one behind, works on."""
    from core.stations.record import read_record
    from core.versions import PROTOCOL, SCHEMA, version_problem

    record, unknown = read_record(), unknown_migrations()
    if record is not None:
        newest = max(record.schema, SCHEMA), max(record.protocol, PROTOCOL)
        if problem := version_problem(settings.STATION.host, SCHEMA, PROTOCOL, newest):
            raise PreparationError(problem)
    if unknown and is_downgrade(record):
        raise PreparationError(
            f"The database was migrated by a newer version of Skycam ({unknown[-1]} is not known here). A downgrade is "
            "not possible: start the newer version, or restore the backup from before the update."
        )


def is_downgrade(record: Any) -> bool:
    """Whether this machine ran the newer version itself. Otherwise another machine of the station was updated first."""
    from cameras.models import CameraHost
    from cameras.supervision.host_identity import local_identity
    from core.versions import SCHEMA

    if is_sqlite() or record is None:
        return True
    installation = local_identity().installation
    newer = CameraHost.objects.filter(installation=installation, schema__gt=SCHEMA)
    return record.migrated_by == installation or newer.exists()


def check_database_station() -> None:
    """Raises PreparationError when the database belongs to another station, or is about to be taken for its own by a
    new host of one."""
    from core.stations.record import WrongStation, check_station, read_record

    record = read_record()
    try:
        if record is not None:
            check_station(record)
        else:
            check_unrecorded_station()
    except WrongStation as error:
        raise PreparationError(str(error)) from None


def check_unrecorded_station() -> None:
    """For a database of the version before, which does not say whose it is: a machine that it does not know, with an id
    that it has just made, is not of that station."""
    from cameras.models import CameraHost

    config = settings.STATION
    others = CameraHost.objects.exclude(name=config.host).values_list("name", flat=True)
    is_new = not CameraHost.objects.filter(name=config.host).exists()
    if is_new and others and config.origin(("station", "id")) == "default":
        raise PreparationError(
            f"The database belongs to a station with the hosts {', '.join(sorted(others))}, but this host would form "
            f"another one ({config.station.id}). Set SKYCAM_STATION to the text of `station` in the data folder of the "
            "main machine, and SKYCAM_ADDRESS_SECRET to that of `address-secret`."
        )


def acquire_host_name(timeout_s: float = LEASE_TIMEOUT_S) -> None:
    """Acquire the lease of this host's name. The lease of a machine that has ended expires within `timeout_s`; a
    machine that runs renews it, and PreparationError is raised."""
    from cameras.supervision.host_identity import InvalidInstallation, local_identity
    from cameras.supervision.lease import NameRetired, NameTaken, reserve_name

    try:
        identity = local_identity()
    except (OSError, InvalidInstallation) as error:
        raise PreparationError(f"This machine's identity cannot be read or created: {error}") from None
    deadline = time.monotonic() + timeout_s
    first: NameTaken | None = None
    while True:
        try:
            reserve_name(settings.STATION.host, identity)
            return
        except NameRetired as error:
            raise PreparationError(str(error)) from None
        except NameTaken as error:
            if first is None:
                first = error
                print("waiting until the lease of this host's name ends, or is renewed", flush=True)
            if time.monotonic() > deadline or error.leased_until != first.leased_until:
                raise PreparationError(str(error)) from None
        time.sleep(1.0)


PREPARATIONS: dict[str, Callable[[], FirstStart | None]] = {
    "": prepare_station,
    "web": prepare_part,
    "service": prepare_part,
    "files": prepare_part,
    "worker": prepare_worker,
    "sensors": prepare_host_part,
    "jobs": prepare_host_part,
    "beat": prepare_part,
}
"""A part that runs alone -> its preparation; "" is the whole station. Valkey needs none."""


def main(fd: int, part: str = "", password_fd: str = "") -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    if password_fd:
        with open(int(password_fd), encoding="utf-8") as file:
            os.environ["SKYCAM_ADMIN_PASSWORD"] = file.read()
    django.setup()
    # A pipe takes 64 KiB without a reader: the launcher reads after this process has ended.
    os.write(fd, json.dumps(run_preparation(part)).encode())


def run_preparation(part: str) -> dict[str, object]:
    """`first`: what the first start did; `refused`: a sentence."""
    from django.db import DatabaseError, OperationalError

    from captures.roots.roots import UnusableRoot
    from core import database_damage

    try:
        if not is_sqlite():
            # PostgreSQL's files are not checked: the next error of this kind writes the note again.
            database_damage.remove_note()
        return {"first": PREPARATIONS[part]()}
    except (PreparationError, UnusableRoot) as error:
        return {"refused": str(error)}
    except DatabaseError as error:
        if database_damage.is_damage(error):
            return {"refused": database_damage.sentence(str(error))}
        if not isinstance(error, OperationalError):
            raise
        cause = str(error).strip().splitlines()  # psycopg's messages have several lines
        return {
            "refused": f"The database cannot be used ({cause[0] if cause else 'no reason given'}). "
            "Start it, or check DATABASE_URL."
        }


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
