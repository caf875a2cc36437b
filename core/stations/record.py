"""The database belongs to one station: its id, a fingerprint of its secret, its schema and the time of its
installation stand in the database."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min

from core import database_clock
from core.stations.models import StationRecord
from core.versions import PROTOCOL, SCHEMA


def installed_at() -> datetime:
    """When the first migration was applied to its database."""
    applied: datetime = MigrationRecorder.Migration.objects.aggregate(Min("applied"))["applied__min"]
    return applied


LOCK = 0x736B7963616D
"""The number of PostgreSQL's advisory lock: `skycam` in ASCII."""


class WrongStation(Exception):
    """This host is not of the station that the database belongs to. The message says what to do."""


def read_record() -> StationRecord | None:
    """None before the first start of a version that has it. DatabaseError."""
    if StationRecord._meta.db_table not in connection.introspection.table_names():
        return None  # asked before the migrations, too
    return StationRecord.objects.filter(pk=1).first()


def check_station(record: StationRecord) -> None:
    """Raises WrongStation when the database belongs to another station, or its secret is another one."""
    config = settings.STATION
    if record.station != config.station.id:
        raise WrongStation(
            f"The database belongs to the station {record.station}, but this host would form another one "
            f"({config.station.id}). Set SKYCAM_STATION to that id, and SKYCAM_ADDRESS_SECRET to that station's "
            "secret; or give this station a database of its own: DATABASE_URL."
        )
    if record.secret_fingerprint == fingerprint():
        return
    if not database_clock.is_shared():
        # The one machine of the station has lost its secret, or another one was set: there is no other to ask.
        StationRecord.objects.filter(pk=record.pk).update(secret_fingerprint=fingerprint())
        return
    is_set = config.origin(("address_secret",)) != "default"
    raise WrongStation(
        f"SKYCAM_ADDRESS_SECRET {'is not the secret' if is_set else 'is missing: this host lacks the secret'} of the "
        f"station {record.station}, so passwords of cameras could not be read here. Set it to the text of "
        "`address-secret` in the data folder of the main machine."
    )


def fingerprint() -> str:
    """Of the station's secret. It says whether two are equal, and nothing else: the secret is random and the key."""
    secret, station = settings.STATION.address_secret, settings.STATION.station.id
    return hmac.new(secret.encode(), f"skycam station {station}".encode(), hashlib.sha256).hexdigest()


def adopt_database() -> None:
    """The database belongs to this station from now on, unless it belongs to one. Call it under `preparing`."""
    values = {
        "station": settings.STATION.station.id, "secret_fingerprint": fingerprint(), "schema": SCHEMA,
        "protocol": PROTOCOL,
    }  # fmt: skip
    StationRecord.objects.get_or_create(pk=1, defaults=values)


def record_version(installation: str) -> None:
    """After the migrations of this version were applied by `installation`; a number never falls."""
    newer = StationRecord.objects.filter(pk=1).exclude(schema__gt=SCHEMA)
    newer.update(schema=SCHEMA, protocol=PROTOCOL, migrated_by=installation)


@contextmanager
def preparing() -> Iterator[None]:
    """One machine at a time prepares the database; others wait. DatabaseError; OSError."""
    with _lock_of_server() if database_clock.is_shared() else _lock_of_file():
        yield


@contextmanager
def _lock_of_server() -> Iterator[None]:
    """On a connection of its own, and for its transaction: so it holds behind a pooler, too, and whatever the
    preparation does with its connection."""
    own = connection.copy()
    own.set_autocommit(False)
    try:
        with own.cursor() as cursor:
            # The machine before may take long, and the server may limit statements and waits.
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL lock_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield
    finally:
        own.close()


@contextmanager
def _lock_of_file() -> Iterator[None]:
    """On the folder, so that no file stays beside the database."""
    folder = os.open(Path(str(settings.DATABASES["default"]["NAME"])).parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
