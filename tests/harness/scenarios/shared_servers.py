"""PostgreSQL and Redis on loopback with TLS and passwords, as several machines share them."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis

from tests.harness.far_ends.network.encrypted import certificate
from tests.harness.postgresql import as_postgres_user, binary, control, run
from tests.harness.runs.folder import run_folder
from tests.harness.stations.station import free_port
from tests.harness.waiting import eventually

PASSWORD = "a password, with % and #"
QUOTED = "a%20password,%20with%20%25%20and%20%23"
INSTALL = "Redis is missing. Install it: apt-get install -y --no-install-recommends redis-server"


@dataclass(frozen=True)
class SharedServers:
    database_url: str
    redis_url: str
    authority: Path
    """The certificate that both servers have, which clients must name."""

    @property
    def variables(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}

    def administer(self, statement: str) -> None:
        """As the server's administrator."""
        place, port = self.authority.parent / "pg", urlsplit(self.database_url).port
        with psycopg.connect(
            host=str(place), port=port, user="postgres", dbname="skycam", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def query(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            found = connection.execute(statement.encode(), values)
            return found.fetchall() if found.description else []


@contextmanager
def shared_servers() -> Iterator[SharedServers]:
    """An empty database `skycam`, and a broker."""
    # Not the folder of a test, which the user of the database server may not open.
    folder = run_folder() / f"shared-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        with running_servers(folder) as servers:
            yield servers
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_servers(folder: Path) -> Iterator[SharedServers]:
    pair = certificate(folder, "localhost")
    with postgresql_with_tls(folder, pair) as port, redis_with_tls(folder, pair) as broker_port:
        yield SharedServers(
            f"postgresql://skycam:{QUOTED}@127.0.0.1:{port}/skycam?sslmode=verify-full&sslrootcert={pair}",
            f"rediss://:{QUOTED}@127.0.0.1:{broker_port}/0?ssl_ca_certs={pair}",
            pair,
        )


@contextmanager
def postgresql_with_tls(folder: Path, pair: Path) -> Iterator[int]:
    """Yields its port."""
    place, port = folder / "pg", free_port()
    place.mkdir()
    shutil.chown(place, "postgres", "postgres")
    run(*as_postgres_user(binary("initdb"), "-D", str(place / "cluster"), "-A", "trust", "-U", "postgres", "--no-sync"))
    key = place / "cluster" / "server.pem"
    shutil.copy(pair, key)
    shutil.chown(key, "postgres", "postgres")
    key.chmod(0o600)
    (place / "cluster" / "pg_hba.conf").write_text("local all postgres trust\nhostssl all all all scram-sha-256\n")
    words = [f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{place}' -c fsync=off"]
    words += [f"-c ssl=on -c ssl_cert_file='{key}' -c ssl_key_file='{key}' -c dynamic_shared_memory_type=mmap"]
    words += ["-c max_connections=200"]
    control(place, "-l", str(place / "log"), "-o", " ".join(words), "start")
    try:
        with psycopg.connect(host=str(place), port=port, user="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE ROLE skycam LOGIN PASSWORD '{PASSWORD}'".encode())
            connection.execute(b"CREATE DATABASE skycam OWNER skycam")
        yield port
    finally:
        control(place, "-m", "immediate", "stop")


@contextmanager
def redis_with_tls(folder: Path, pair: Path) -> Iterator[int]:
    """Yields its port."""
    command, port = shutil.which("redis-server"), free_port()
    assert command, INSTALL
    options = {
        "port": "0", "tls-port": str(port), "bind": "127.0.0.1", "tls-cert-file": str(pair), "tls-key-file": str(pair),
        "tls-ca-cert-file": str(pair), "tls-auth-clients": "no", "requirepass": PASSWORD,
        "save": "", "dir": str(folder),
    }  # fmt: skip
    lines = "".join(f'{name} "{value}"\n' for name, value in options.items())
    process = subprocess.Popen([command, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert process.stdin is not None
        process.stdin.write(lines)
        process.stdin.close()
        eventually(lambda: answers(port, pair), "Redis answers")
        yield port
    finally:
        process.kill()
        process.wait()


def answers(port: int, pair: Path) -> bool:
    try:
        with redis.Redis(port=port, password=PASSWORD, ssl=True, ssl_ca_certs=str(pair)) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
