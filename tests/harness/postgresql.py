"""A real PostgreSQL server in its own folder, on a private Unix socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

INSTALL = "PostgreSQL's server is missing. Install it: apt-get install -y --no-install-recommends postgresql-15"


def binary(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = str(places[0]) if places else shutil.which(name)
    assert found, INSTALL
    return found


def as_postgres_user(*command: str) -> list[str]:
    """The server refuses to run as root; Debian's package brings the user `postgres`."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else list(command)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="skycam-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    cluster = folder / "cluster"
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
    run = {"check": True, "cwd": "/", "stdout": subprocess.DEVNULL, "timeout": 60}
    subprocess.run(as_postgres_user(binary("initdb"), "-D", str(cluster), "-A", "trust", "-U", "skycam"), **run)
    start = as_postgres_user(
        binary("pg_ctl"), "-D", str(cluster), "-l", str(folder / "log"), "-o", options, "-w", "start"
    )
    subprocess.run(start, **run)
    try:
        subprocess.run([binary("createdb"), "-h", str(folder), "-U", "skycam", "skycam"], **run)
        yield f"postgresql://skycam@{quote(str(folder), safe='')}/skycam"
    finally:
        subprocess.run(as_postgres_user(binary("pg_ctl"), "-D", str(cluster), "-m", "immediate", "-w", "stop"), **run)
        shutil.rmtree(folder)
