"""A real PgBouncer in transaction mode before a database of the run's PostgreSQL."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psycopg

from tests.harness.postgresql import as_postgres_user
from tests.harness.runs.folder import run_folder
from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S, eventually

COMMAND = "/usr/sbin/pgbouncer"
INSTALL = "PgBouncer is missing. Install it: apt-get install -y --no-install-recommends pgbouncer"


class PgBouncer:
    """`address` is the URL for its clients. Of the server it uses at most `connections`."""

    def __init__(self, folder: Path, database: str, connections: int) -> None:
        assert Path(COMMAND).exists(), INSTALL
        parts = urlsplit(database)
        server, name, port = unquote(parts.netloc.partition("@")[2]), parts.path.removeprefix("/"), free_port()
        self.address = f"postgresql://skycam@{quote(str(folder), safe='')}:{port}/{name}"
        self._file = folder / "pgbouncer.ini"
        self._file.write_text(
            f"[databases]\n{name} = host={server} dbname={name}\n"
            f"[pgbouncer]\nunix_socket_dir = {folder}\nlisten_port = {port}\nlisten_addr =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 200\n"
            "server_fast_close = 1\n"
        )
        # With `auth_type = any` it connects to the server as the user that the database names.
        self._file.write_text(self._file.read_text().replace("dbname=", "user=skycam dbname="))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = as_postgres_user(COMMAND, "-q", str(self._file))
        self._process = subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._answers, "PgBouncer answers")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.address).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def pgbouncer(database: str, connections: int) -> Iterator[PgBouncer]:
    # Not the folder of a test, which the user of the database server may not open.
    folder = run_folder() / f"pgbouncer-{secrets.token_hex(4)}"
    folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    found = PgBouncer(folder, database, connections)
    found.start()
    try:
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder)
