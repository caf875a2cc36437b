"""What tells this machine and its data folder from all others, and the lock that allows one Supervisor for each host
on this machine. The identity is a random id in the data folder, and the place where that folder is now: a copy of the
folder has the same id, but not the same place."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from cameras.spool.spool import boot_id
from core.durable_files import write_durably

IDENTITY_FILE = "installation"


class InvalidInstallation(Exception):
    """The file does not hold an id. The message says what to do."""


@dataclass(frozen=True, slots=True)
class HostIdentity:
    """`place` changes with each boot of the machine, and is another for each copy of the data folder."""

    installation: str
    place: str
    boot_id: str
    machine: str
    """What a host of the version before compares; it goes with the next version."""


def local_identity() -> HostIdentity:
    """Of this machine and its data folder; the id is made at the first call. OSError; InvalidInstallation."""
    path = Path(settings.STATION.data) / IDENTITY_FILE
    installation, boot, found = _read_or_create(path), boot_id(), path.stat()
    # The inode, because a copy on the same disk is another file; the disk, because two may use the same number; the
    # boot, because a copy on another machine may have both.
    place = hashlib.sha256(f"{boot}:{found.st_dev}:{found.st_ino}".encode()).hexdigest()
    return HostIdentity(installation, place, boot, _machine())


def renew_installation(data: Path) -> str:
    """Give the data folder another id, as if it had just been installed. OSError."""
    found = str(uuid.uuid4())
    write_durably(data / IDENTITY_FILE, found, os.replace)
    return found


def _read_or_create(path: Path) -> str:
    if not path.exists():
        # link() fails where another process was first and already uses its id.
        with contextlib.suppress(FileExistsError):
            write_durably(path, str(uuid.uuid4()), os.link)
    text = path.read_text("utf-8", "replace").strip()
    # Never replaced by another: a host whose id changes is another machine to the rest of the station.
    if not re.fullmatch(r"[0-9a-f-]{36}", text):
        raise InvalidInstallation(f"{path} has invalid content. Restore it, or remove it to generate a new one.")
    return text


def _machine() -> str:
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        machine = "unknown"
    return hashlib.sha256(f"{machine}:{settings.STATION.data}".encode()).hexdigest()


def local_address() -> str:
    """From where this machine reaches the database, for people: the address of its end of the connection, or its name
    where that is no network connection."""
    connection.ensure_connection()
    if connection.vendor != "postgresql":
        return socket.gethostname()
    with socket.socket(fileno=os.dup(connection.connection.fileno())) as end:
        return str(end.getsockname()[0]) if end.family in {socket.AF_INET, socket.AF_INET6} else socket.gethostname()


class HostLocked(Exception):
    """Another Supervisor runs for this host on this machine."""


class HostLock:
    """A lock on a file in the run folder; the kernel releases it when this process ends."""

    def __init__(self, host: str, run_folder: Path) -> None:
        self._host, self._run_folder = host, run_folder
        self._file: int | None = None

    def acquire(self) -> None:
        """Raises HostLocked when this host already has a Supervisor."""
        self._run_folder.mkdir(parents=True, exist_ok=True)
        path = self._run_folder / f"supervisor-{self._host}.lock"
        # Close-on-exec: a camera process that outlives the Supervisor must not keep its lock.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise HostLocked(f"Another Supervisor runs for the host {self._host!r} on this data folder.") from None
        self._file = file

    def release(self) -> None:
        """Idempotent."""
        if self._file is not None:
            # The file stays: if it were removed, two processes could each hold the lock of a file of this name.
            os.close(self._file)
            self._file = None
