"""The launcher's own files, and the checks before a station starts: its folder, its lock and its ports. Each failure
is a LaunchError of one line."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from core import restored_copy
from skycam_project.config import SkycamConfig, socket_path


class LaunchError(Exception):
    """A station cannot start or does not answer. The text is a sentence that says what to do."""


def run_folder(config: SkycamConfig) -> Path:
    return config.data / "run"


def launcher_name(only: str | None) -> str:
    """A launcher of one part has its own lock and socket, so that each part may have its own launcher. The launcher of
    the whole station also holds the locks of its parts."""
    return f"launcher-{only}" if only else "launcher"


def lock_path(config: SkycamConfig, only: str | None) -> Path:
    return run_folder(config) / f"{launcher_name(only)}.lock"


def control_path(config: SkycamConfig, only: str | None = None) -> Path:
    return socket_path(config.data, launcher_name(only))


def valkey_path(config: SkycamConfig) -> Path:
    return socket_path(config.data, "valkey")


MIN_FREE_BYTES = 64 * 1024 * 1024
PORT_TIMEOUT_S = 1.0


def check_data_folder(config: SkycamConfig) -> None:
    """Create the run folder, and check that it is writable and has free space."""
    folder = run_folder(config)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free >= MIN_FREE_BYTES:
            _write_probe(folder)
    except OSError as error:
        raise _folder_error(config.data, error) from None
    if free < MIN_FREE_BYTES:
        raise LaunchError(
            f"The disk of {config.data} is full: {free / 1e6:.0f} MB are free and Skycam needs "
            f"{MIN_FREE_BYTES / 1e6:.0f} MB. Free some space, or set SKYCAM_DATA to a folder on another disk."
        )


def _write_probe(folder: Path) -> None:
    # Without a name: parts that start at once in several containers share this folder.
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(bytes(4096))
        probe.flush()
        # A disk may accept a write and report only here that it is full or failing.
        os.fsync(probe.fileno())


def _folder_error(folder: Path, error: OSError) -> LaunchError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LaunchError(
            f"The disk of {folder} is full. Free some space, or set SKYCAM_DATA to a folder on another disk."
        )
    return LaunchError(
        f"The data folder {folder} cannot be written ({error.strerror}). "
        "Give this user write permission, or set SKYCAM_DATA to another folder."
    )


def check_no_copy(config: SkycamConfig) -> None:
    """Raises LaunchError for a restored copy that is paused: its original may have the same cameras and jobs."""
    copied = restored_copy.copied_from(config.data)
    if copied is not None:
        raise LaunchError(restored_copy.pause_sentence(copied))


def lock_folder(path: Path, folder: Path) -> TextIO:
    """Lock the folder for this launcher until the returned file is closed or the process ends."""
    # "w" would delete the holder's process number before the lock is ours. Parts do not inherit the descriptor
    # (PEP 446), so the lock ends with the launcher, also when it is killed.
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise LaunchError(
            f"Another station uses {folder} (process {holder}). Stop it, or set SKYCAM_DATA to another folder. "
            "`skycam ps` lists its parts."
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def bind_ports(config: SkycamConfig, parts: Iterable[str], resources: contextlib.ExitStack) -> dict[str, int]:
    """The bound sockets of those of these parts that serve, until `resources` is closed."""
    addresses = {
        "web": (config.web.host, config.web.port, "WEB_PORT"),
        "service": (config.service.listens_on, config.service.port, "SERVICE_PORT"),
        "files": (config.files.host, config.files.port, "FILES_PORT"),
    }
    serving = [name for name in parts if name in addresses]
    # Bound here and inherited: while a part restarts, its clients wait in the backlog instead of being refused.
    return {name: resources.enter_context(contextlib.closing(bind_port(*addresses[name]))).fileno() for name in serving}


def bind_port(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket. Waits up to PORT_TIMEOUT_S for a port that an ending predecessor still holds."""
    deadline = time.monotonic() + PORT_TIMEOUT_S
    while True:
        try:
            return _listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise _port_error(host, port, setting, error) from None
            time.sleep(0.05)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


def _port_error(host: str, port: int, setting: str, error: OSError) -> LaunchError:
    if error.errno == errno.EADDRINUSE:
        return LaunchError(
            f"Port {port} on {host} is in use{_by_process(port)}. Stop that process, or set {setting} to a free port."
        )
    return LaunchError(f"Cannot listen on {host} port {port} ({error.strerror or error}). Change {setting}.")


def _by_process(port: int) -> str:
    """` by process 123 (nginx)`, or nothing when this user may not see it or it has ended meanwhile."""
    import psutil

    for connection in psutil.net_connections(kind="tcp"):
        local = connection.laddr
        if connection.status == psutil.CONN_LISTEN and local and local.port == port and connection.pid:
            with contextlib.suppress(psutil.NoSuchProcess):
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
