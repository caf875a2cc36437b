"""Prepares a host before its parts start: `python -m skycam_project.launch.prepare FD [PART [PASSWORD-FD]]`.

Without PART, or with an empty one, it prepares the whole station: migrations and the first start. With PART it prepares
what this host lacks and leaves the database to the station. The result goes to FD as JSON, not to standard output,
which ends up in a log. The first password comes from PASSWORD-FD, or from the configuration.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django
from django.conf import settings

from core.text.plurals import pluralize
from skycam_project.config.database import keep_private
from skycam_project.launch.preparation import FirstStart

LEASE_TIMEOUT_S = 35.0  # somewhat longer than a lease lasts: LEASE_S in cameras/supervision/lease.py


class PreparationError(Exception):
    """The host cannot be prepared. The text is a sentence that says what to do."""


def migrate() -> None:
    from django.core.management import call_command

    if steps := missing_migrations():
        print(f"applying {pluralize(steps, 'migration')}", flush=True)
        call_command("migrate", interactive=False, verbosity=0)


def missing_migrations() -> int:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def prepare_station() -> FirstStart:
    # Before the first connection, which would create the file with the mode of the umask.
    keep_private(settings.DATABASES["default"])
    migrate()
    # Before the roots, whose rows belong to the host's name.
    acquire_host_name()
    # Models can be imported only after django.setup() in `main`, so not at the top of this module.
    from skycam_project.launch.dashboard import write_dashboard
    from skycam_project.launch.first_start import run_first_start

    # The fork server has loaded the settings without the password.
    first = run_first_start(os.environ.get("SKYCAM_ADMIN_PASSWORD") or settings.STATION.admin_password)
    record_primary_camera()
    write_dashboard(settings.STATION.monitoring.grafana)
    return first


def record_primary_camera() -> None:
    """Here and not in a part: a part that is restarted must not undo a stop by an operator."""
    from core.station_settings.values import auto_recording_config

    # Most stations do not use it, and need not load it.
    if auto_recording_config().record_primary_camera:
        from scheduler.automatic_recording import primary_camera

        primary_camera.record_primary_camera()


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
    if missing := missing_migrations():
        raise PreparationError(
            f"The database lacks {pluralize(missing, 'migration')} of this version of Skycam. Start the whole station "
            "once with this version (`skycam up` on its main machine), then this part."
        )


def prepare_worker() -> None:
    """Prepare a camera host: its name and its storage roots."""
    from skycam_project.launch.first_start import ensure_roots

    prepare_part()
    check_new_host_station()
    # Before the roots, whose rows belong to the host's name.
    acquire_host_name()
    ensure_roots()
    record_primary_camera()


def check_new_host_station() -> None:
    """Raises PreparationError for a new host without a configured station id when the broker serves another station:
    such a host would form a station of its own."""
    from cameras.models import CameraHost
    from core.broker import broker

    config = settings.STATION
    if config.origin(("station", "id")) != "default" or CameraHost.objects.filter(name=config.host).exists():
        return
    try:
        beating = broker.connection().scan_iter(match="*:host:*")
        others = sorted({name.partition(":")[0] for name in beating} - {config.station.id})
    except broker.UNREACHABLE as error:
        raise PreparationError(f"The broker does not answer ({error}). Start it, or check REDIS_URL.") from None
    if others:
        raise PreparationError(
            f"This host would form its own station ({config.station.id}), but the broker serves the station "
            f"{', '.join(others)}. Set SKYCAM_STATION to that id, and SKYCAM_ADDRESS_SECRET to that station's secret."
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
    "worker": prepare_worker,
    "sensors": prepare_part,
    "jobs": prepare_part,
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

    from captures.storage.roots import UnusableRoot
    from core.database_health import note

    try:
        if not is_sqlite():
            # PostgreSQL's files are not checked: the next error of this kind writes the note again.
            note.remove_note()
        return {"first": PREPARATIONS[part]()}
    except (PreparationError, UnusableRoot) as error:
        return {"refused": str(error)}
    except DatabaseError as error:
        if note.is_damage(error):
            return {"refused": note.sentence(str(error))}
        if not isinstance(error, OperationalError):
            raise
        cause = str(error).strip().splitlines()  # psycopg's messages have several lines
        return {
            "refused": f"The database cannot be used ({cause[0] if cause else 'no reason given'}). "
            "Start it, or check DATABASE_URL."
        }


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
