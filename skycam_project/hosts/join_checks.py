"""What `skycam join` checks of database and broker before it writes anything. Without Django, whose settings would
create the data folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.versions import APPS, PROTOCOL, SCHEMA, SKYCAM
from skycam_project.config.database import postgresql

LEAST_POSTGRESQL = 14
"""Django's own minimum."""
CLOCK_LIMIT_S = 1.0
"""As on the page Status: the times of captures of two hosts cannot be compared beyond it."""
BROKER_S = 5.0


class CheckFailed(Exception):
    """The text is a sentence that says what to do."""


@contextmanager
def database_connection(url: str) -> Iterator[Any]:
    """A connection of psycopg. CheckFailed."""
    import psycopg

    found = postgresql(url)
    given = {"host": found["HOST"], "port": found["PORT"], "user": found["USER"], "password": found["PASSWORD"]}
    try:
        with psycopg.connect(
            dbname=found["NAME"], autocommit=True, **{name: value for name, value in given.items() if value},
            **found["OPTIONS"],
        ) as connection:  # fmt: skip
            yield connection
    except psycopg.Error as error:
        raise CheckFailed(
            f"The database at {found['HOST']} cannot be used: {first_line(error)}. Let this machine in (pg_hba.conf, "
            "firewall), or invite it with another address: --database-url."
        ) from None


def check_database(connection: Any) -> str:
    """That it can be written, by a version that Skycam supports. CheckFailed."""
    version = connection.info.server_version // 10_000
    if version < LEAST_POSTGRESQL:
        raise CheckFailed(f"The database is PostgreSQL {version}. Update it: Skycam needs {LEAST_POSTGRESQL} or newer.")
    if value_of(connection, "SELECT to_regclass('cameras_camerahost')") is None:
        raise CheckFailed("The database has no station. Start the main machine once with it: `skycam up`.")
    if value_of(connection, "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"):
        raise CheckFailed("The database is read-only, as a standby is. Invite with the address of the primary server.")
    if not value_of(connection, "SELECT has_table_privilege('cameras_camerahost', 'SELECT, INSERT, UPDATE, DELETE')"):
        raise CheckFailed("The user of DATABASE_URL may not write the station's tables. Use the main machine's user.")
    return f"PostgreSQL {version} can be written"


def check_versions(connection: Any) -> str:
    """That this version of Skycam can work with the database and the other machines. CheckFailed."""
    rows = connection.execute("SELECT app, name FROM django_migrations WHERE app = ANY(%s)", [list(APPS)]).fetchall()
    theirs, ours = set(rows), own_migrations()
    if missing := len(ours - theirs):
        raise CheckFailed(
            f"This machine has a newer version of Skycam, {missing} migrations ahead of the station. Update the main "
            "machine first, or install its version here."
        )
    record = connection.execute("SELECT schema, protocol FROM core_stationrecord").fetchone()
    # A station without numbers has all migrations of one version, or none of these hosts would start.
    is_near = max(abs(record[0] - SCHEMA), abs(record[1] - PROTOCOL)) <= 1 if record else theirs <= ours
    if not is_near:
        raise CheckFailed(
            "This machine has a version of Skycam that is too far from the main machine's. Install the same version "
            "here."
        )
    return f"Skycam {SKYCAM} fits the station"


def own_migrations() -> set[tuple[str, str]]:
    found = set()
    for label, package in APPS.items():
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        files = (Path(spec.origin).parent / "migrations").glob("[0-9]*.py")
        found |= {(label, file.stem) for file in files}
    return found


def check_clock(connection: Any) -> str:
    """That this machine's clock agrees with the database's. CheckFailed."""
    before, began = time.time(), time.monotonic()
    at: datetime = value_of(connection, "SELECT clock_timestamp()")
    half_s = (time.monotonic() - began) / 2
    ahead_s = before + half_s - at.timestamp()
    if abs(ahead_s) > CLOCK_LIMIT_S + half_s:
        way = "ahead of" if ahead_s > 0 else "behind"
        raise CheckFailed(
            f"The clock of this machine is {abs(ahead_s):.1f} s {way} the database's; at most {CLOCK_LIMIT_S:g} s are "
            "allowed. Synchronise it: `timedatectl set-ntp true`."
        )
    return f"the clock differs from the database's by {abs(ahead_s) * 1000:.0f} ms"


def check_name(connection: Any, host: str) -> str:
    """That no host that runs, and none that was retired, has this name. CheckFailed."""
    row = connection.execute(
        "SELECT leased_until > clock_timestamp(), retired_at FROM cameras_camerahost WHERE name = %s", [host]
    ).fetchone()
    is_running, retired_at = row or (False, None)
    if is_running:
        raise CheckFailed(f"Another machine runs as the host {host}. Stop it, or invite this one with another name.")
    if retired_at is not None:
        raise CheckFailed(f"The host {host} was retired. Invite with another name, or with --again.")
    return f"the name {host} is free"


def check_broker(url: str, station: str, host: str) -> str:
    """That it answers and can be written. CheckFailed."""
    import redis

    options: dict[str, Any] = {"socket_connect_timeout": BROKER_S, "socket_timeout": BROKER_S}
    try:
        with redis.Redis.from_url(url, **options) as server:
            server.set(f"{station}:joining:{host}", "1", ex=10)
            version = server.info("server").get("redis_version", "")
    except (redis.RedisError, OSError, ValueError) as error:
        raise CheckFailed(
            f"The broker cannot be used: {first_line(error)}. Check its address, password and certificate, and that "
            "this machine may connect."
        ) from None
    return f"the broker (version {version}) can be written"


def value_of(connection: Any, query: str) -> Any:
    return connection.execute(query).fetchone()[0]


def first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
