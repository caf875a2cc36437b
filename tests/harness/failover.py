"""Two servers behind one address, one of which takes over: PostgreSQL with a standby, Redis with Sentinel."""

from __future__ import annotations

import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis

from tests.harness.documents.pages import blocks
from tests.harness.postgresql import as_postgres_user, binary, execute, own_server_at, run, start_server, stop_server
from tests.harness.runs.folder import run_folder
from tests.harness.stations.station import free_port
from tests.harness.waiting import eventually

PAGE = "docs/station/failover.md"


class PostgresqlPair:
    """A primary and its synchronous standby. The address is a folder with the socket of the one that is in use."""

    def __init__(self, folder: Path) -> None:
        self._link, self.primary, self.standby = folder / "address", folder / "a", folder / "b"

    @property
    def address(self) -> str:
        return f"postgresql://skycam@{quote(str(self._link), safe='')}/postgres"

    def start_standby(self) -> None:
        self.standby.mkdir()
        shutil.chown(self.standby, "postgres", "postgres")
        source = ["-h", str(self.primary), "-U", "skycam", "-D", str(self.standby / "cluster")]
        run(*as_postgres_user(binary("pg_basebackup"), *source, "-R", "--checkpoint=fast", "--no-sync"))
        start_server(self.standby)
        # A commit returns once the standby has it: a row whose record was removed from the spool is on both.
        execute(self.primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        execute(self.primary, "SELECT pg_reload_conf()")
        eventually(self.is_synchronous, "the standby follows")

    def is_synchronous(self) -> bool:
        with psycopg.connect(f"host={self.primary} user=skycam dbname=postgres") as connection:
            return connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall() == [("sync",)]

    def lead_to(self, folder: Path) -> None:
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(folder)

    def fail_over(self) -> None:
        """The primary is killed, and the standby takes its place."""
        stop_server(self.primary)
        run(*as_postgres_user(binary("pg_ctl"), "-D", str(self.standby / "cluster"), "-w", "promote"))
        self.lead_to(self.standby)


@contextmanager
def postgresql_pair() -> Iterator[PostgresqlPair]:
    # Not in the folder of a test, which PostgreSQL's user cannot reach.
    folder = run_folder() / f"pair-{secrets.token_hex(4)}"
    folder.mkdir()
    pair = PostgresqlPair(folder)
    with ExitStack() as ends:
        ends.callback(shutil.rmtree, folder)
        ends.enter_context(own_server_at(pair.primary))
        pair.lead_to(pair.primary)
        pair.start_standby()
        ends.callback(stop_server, pair.standby)
        yield pair


class RedisPair:
    """A master and a replica, three Sentinels that elect, and HAProxy, whose port leads to the master."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = iter([free_port() for _ in range(6)])
        self.master, self.replica, self.port = next(self._ports), next(self._ports), next(self._ports)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._run(self.master, "redis-server", "--port", str(self.master), "--save", "")
        self._run(
            self.replica, "redis-server", "--port", str(self.replica), "--save", "",
            "--replicaof", f"127.0.0.1 {self.master}",
        )  # fmt: skip
        eventually(lambda: self._client(self.replica).info("replication")["master_link_status"] == "up", "it follows")
        for port in self._ports:
            self._run(port, "redis-server", str(self._sentinel_file(port)), "--sentinel")
        self._run(self.port, "haproxy", "-f", str(self._proxy_file()))
        eventually(self.answers, "the master answers at the address")

    def answers(self) -> bool:
        try:
            return bool(self._client(self.port).info("replication")["role"] == "master")
        except redis.RedisError:
            return False

    def kill_master(self) -> None:
        """The Sentinels promote the replica."""
        self._processes[self.master].kill()

    def is_promoted(self) -> bool:
        return bool(self._client(self.replica).info("replication")["role"] == "master")

    def stop(self) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGKILL)
            process.wait()

    def _client(self, port: int) -> redis.Redis:
        return redis.Redis(port=port, socket_timeout=1)

    def _run(self, port: int, *command: str) -> None:
        folder = self._folder / str(port)
        folder.mkdir()
        with open(folder / "log", "wb") as log:
            self._processes[port] = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)

    def _sentinel_file(self, port: int) -> Path:
        return self._file(f"sentinel-{port}.conf", f"port {port}\n{blocks(PAGE, 'conf')[0]}")

    def _proxy_file(self) -> Path:
        return self._file("haproxy.cfg", blocks(PAGE, "haproxy")[0])

    def _file(self, name: str, text: str) -> Path:
        """A block of the document, with the addresses of these servers."""
        for documented, port in (("10.0.0.20", self.port), ("10.0.0.21", self.master), ("10.0.0.22", self.replica)):
            text = re.sub(rf"{re.escape(documented)}([: ])6379", rf"127.0.0.1\g<1>{port}", text)
        file = self._folder / name
        file.write_text(text)
        return file


@contextmanager
def redis_pair(folder: Path) -> Iterator[RedisPair]:
    pair = RedisPair(folder)
    try:
        pair.start()
        yield pair
    finally:
        pair.stop()
