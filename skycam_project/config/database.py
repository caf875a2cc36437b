"""DATABASE_URL and REDIS_URL: validation, Django's settings from the one, and the forms of the other that Celery
needs."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, quote, unquote, urlsplit

from skycam_project.config.network import is_loopback

ALLOWED_DATABASES = "allowed are sqlite:///FILE and postgresql://USER:PASSWORD@HOST:PORT/NAME"
# libpq refuses an unknown option only when it connects. With this list a misspelt one is an error of the configuration.
POSTGRESQL_OPTIONS = frozenset(
    {
        "application_name",
        "channel_binding",
        "client_encoding",
        "connect_timeout",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "options",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "tcp_user_timeout",
    }
)
WITH_TLS = frozenset({"require", "verify-ca", "verify-full"})
"""Values of sslmode. With the others, among them the default, libpq goes on without TLS where the server has none."""
SQLITE_OPTIONS = {
    # With SQLite's default, DEFERRED, a transaction that reads and then writes fails at once with "database is locked"
    # while another part writes. IMMEDIATE waits for the lock at its begin.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # FULL costs 0.23 ms a commit. Under NORMAL a power cut may undo a commit whose spool record is already removed.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}
# libpq waits without limit by default.
CONNECT_TIMEOUT_S = 5


def check_database_url(url: str | None) -> str | None:
    """Returns the URL. Raises ValueError with a sentence that does not contain the URL when it is not supported."""
    if url is not None:
        parse(url)
    return url


def resolve_sqlite_path(url: str, base: Path) -> str:
    """The URL with a relative SQLite file made absolute from `base`; any other URL unchanged."""
    try:
        name = sqlite_file(url)
    except ValueError:
        return url
    return f"sqlite:///{quote(os.path.abspath(base / name))}"


def is_local_server(host: str) -> bool:
    """Whether only this machine reaches a server there: a socket, or loopback."""
    return all(not one or one.startswith("/") or is_loopback(one) for one in host.split(","))


def plain_problem(url: str | None) -> str:
    """Why `url` needs `database.allow_plain`; empty if its connection has TLS, or does not leave this machine."""
    found = parse(url) if url else {}
    if is_local_server(found.get("HOST", "")) or found["OPTIONS"].get("sslmode") in WITH_TLS:
        return ""
    return (
        "DATABASE_URL names a PostgreSQL of another machine without TLS, so its password and all rows could be read on "
        "the network. Add ?sslmode=verify-full&sslrootcert=FILE to the URL, or allow it with database.allow_plain: "
        "true (SKYCAM_DATABASE__ALLOW_PLAIN=true)."
    )


def django_database(url: str | None, data: Path) -> dict[str, Any]:
    """Django's DATABASES["default"]. Connections persist and are checked before each use."""
    found = parse(url) if url else sqlite(str(data / "skycam.sqlite3"))
    # Django would connect for each request by default. The health check replaces a connection that a restart of the
    # database has broken.
    return {**found, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}


def parse(url: str) -> dict[str, Any]:
    """ENGINE, NAME and the other settings from a URL. Raises ValueError with a sentence."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return sqlite(sqlite_file(url))
    if scheme in {"postgresql", "postgres"}:
        return postgresql(url)
    raise ValueError(f"Skycam does not support this kind of database; {ALLOWED_DATABASES}.")


def sqlite(name: str) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": dict(SQLITE_OPTIONS)}


def keep_private(database: Mapping[str, Any]) -> None:
    """Create a SQLite file, or change its mode, so that only its owner can read it: it holds the keys of sign-ins.

    Call it before the first connection. SQLite creates its -wal and -shm files with the same mode.
    """
    if not database["ENGINE"].endswith("sqlite3"):
        return
    file = Path(database["NAME"]).resolve()
    file.touch(mode=0o600)
    # touch() changes nothing about a file that exists, and -wal and -shm files remain after a kill.
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        with contextlib.suppress(FileNotFoundError, PermissionError):  # missing, or owned by another user
            file.with_name(name).chmod(0o600)


def sqlite_file(url: str) -> str:
    rest = url.removeprefix("sqlite:///")
    name = unquote(rest)
    # ":memory:" would be a separate, empty database for each connection of each part.
    if rest == url or not name or "?" in rest or "\0" in name or name.endswith("/") or name == ":memory:":
        raise ValueError(
            "SQLite needs a file: sqlite:///FILE is relative, sqlite:////FILE is absolute. Options are not supported."
        )
    return name


def postgresql(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        port = parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError(
            f"This URL cannot be parsed ({ALLOWED_DATABASES}); write special characters of a password as %XX."
        ) from None
    name = unquote(parts.path.removeprefix("/"))
    host = options.pop("host", "") or host_of(parts.netloc)
    # In a password, an unescaped / or # ends the host part. The rest of the URL, with the end of the password, would
    # then be taken as the database's name, which is not secret.
    if not name or "/" in name or "@" in parts.path or parts.fragment:
        raise ValueError(
            "A PostgreSQL URL must end with the name of one database: postgresql://USER:PASSWORD@HOST:PORT/NAME."
        )
    if unknown := sorted(set(options) - POSTGRESQL_OPTIONS):
        raise ValueError(
            f"{len(unknown)} option(s) after the ? are unknown; allowed are {', '.join(sorted(POSTGRESQL_OPTIONS))}."
        )
    return {
        "ENGINE": "core.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
        "OPTIONS": {"connect_timeout": CONNECT_TIMEOUT_S, **options},
    }


def connection_words(database: dict[str, Any]) -> dict[str, Any]:
    """Of a PostgreSQL, for psycopg."""
    return {
        "dbname": database["NAME"], "host": database["HOST"] or None, "port": database["PORT"] or None,
        "user": database["USER"] or None, "password": database["PASSWORD"] or None, **database["OPTIONS"],
    }  # fmt: skip


def host_of(netloc: str) -> str:
    """The host with its capital letters, which the folder of a socket (%2Frun%2Fpostgresql) may contain."""
    host = netloc.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return unquote(host.partition(":")[0])


ALLOWED_BROKERS = "allowed are redis://HOST:PORT/0, rediss://:PASSWORD@HOST:PORT/0 and unix:///PATH"


def check_redis_url(url: str) -> str:
    """Returns the URL. Raises ValueError with a sentence that does not contain the URL when it is not allowed."""
    try:
        parts = urlsplit(url)
        loopback = is_loopback(parts.hostname or "")
        _ = parts.port  # urlsplit() checks the port only when it is read
    except ValueError:
        raise ValueError(f"This URL cannot be parsed; {ALLOWED_BROKERS}.") from None
    if parts.scheme == "unix":
        check_socket(parts)
    elif parts.scheme not in {"redis", "rediss"} or not parts.hostname or "@" in parts.path:
        raise ValueError(f"This is not a URL of Redis or Valkey; {ALLOWED_BROKERS}.")
    elif not loopback:
        check_remote(parts)
    return url


def check_socket(parts: SplitResult) -> None:
    if parts.hostname or not parts.path.startswith("/"):
        raise ValueError("The path of a socket must be absolute: unix:///PATH, with three slashes.")


def check_remote(parts: SplitResult) -> None:
    if parts.scheme != "rediss" or not parts.password:
        raise ValueError(
            "A Redis on another machine needs a password and TLS: rediss://:PASSWORD@HOST:PORT/0. "
            "Anyone with access to it can control the cameras."
        )
    if parse_qs(parts.query).get("ssl_cert_reqs", ["required"]) != ["required"]:
        raise ValueError("The certificate of a Redis on another machine must be verified; remove ssl_cert_reqs.")


def socket_url(path: Path, password: str = "") -> str:
    return f"unix://:{password}@{quote(str(path))}" if password else f"unix://{quote(str(path))}"


def celery_broker(url: str) -> dict[str, Any]:
    """Celery's broker settings. Its form for a socket is redis+socket://PATH?virtual_host=0."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        database = parse_qs(parts.query).get("db", ["0"])[0]
        login = f"{parts.netloc.rpartition('@')[0]}@" if parts.password else ""
        return {"broker_url": f"redis+socket://{login}{parts.path}?virtual_host={database}"}
    if parts.scheme == "rediss":
        return {"broker_url": url, "broker_use_ssl": {"ssl_cert_reqs": ssl.CERT_REQUIRED}}
    return {"broker_url": url}
