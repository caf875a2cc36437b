"""The data folder: readable by its owner only, with the keys, the station's id and the sockets in it; and the
configuration's exceptions."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from core.durable_files import write_durably


class ConfigError(Exception):
    """The configuration is invalid. `problems` has one sentence for each thing to fix."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class NoStation(ConfigError):
    """There is no data folder yet, and the caller requested not to create one. The configuration itself is valid."""


# sun_path of struct sockaddr_un has 104 bytes on macOS and 108 on Linux, one of them for the terminating NUL.
SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107
FOLDERS = ("run", "logs", "sources", "images", "static")
KEY_FILE = "secret-key"
ADDRESS_FILE = "address-secret"
STATION_FILE = "station"
BROKER_FILE = "broker-password"


def prepare(data: Path, *, create: bool = True) -> None:
    """Create the data folder with mode 0700, and its subfolders. Raises ConfigError when it cannot be used, and
    NoStation when it is missing and `create` is False."""
    if not create and not data.exists():
        raise NoStation(f"There is no station in {data}. Start one with `skycam up`, or set SKYCAM_DATA to its folder.")
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        for folder in (data, *(data / name for name in FOLDERS)):
            folder.mkdir(mode=0o700, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ConfigError(f"A file is in the place of the data folder {data}; set SKYCAM_DATA to a folder.") from None
    except OSError as error:
        raise ConfigError(
            f"The data folder {data} cannot be created: {error.strerror}. Set SKYCAM_DATA to another folder."
        ) from None
    # mkdir(exist_ok=True) is content with a folder of another user.
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigError(
            f"The data folder {data} cannot be written by this user. Change its owner or set SKYCAM_DATA."
        )


def secret_key(data: Path) -> str:
    """Django's secret key from the data folder; generated at the first call."""
    return read_or_create(data / KEY_FILE, lambda: secrets.token_urlsafe(48), r"\S{32,}")


def address_secret(data: Path) -> str:
    """The secret that encrypts passwords in cameras' addresses, from the data folder; generated at the first call."""
    return read_or_create(data / ADDRESS_FILE, lambda: secrets.token_urlsafe(48), r"\S{32,}")


def station_id(data: Path) -> str:
    """The station's id from the data folder; generated at the first call."""
    return read_or_create(data / STATION_FILE, lambda: secrets.token_hex(6), r"[a-z0-9-]{1,40}")


def broker_password(data: Path) -> str:
    """The embedded Valkey's password, from the run folder; generated at the first call and at each station start."""
    return read_or_create(data / "run" / BROKER_FILE, new_password, r"\S{32,}")


def renew_broker_password(data: Path) -> str:
    """Replace the broker's password. Only for a launcher that has locked the whole station: no one uses the old one."""
    path = data / "run" / BROKER_FILE
    write_durably(path, new_password(), os.replace)
    return path.read_text("utf-8").strip()


def new_password() -> str:
    return secrets.token_urlsafe(32)


def read_or_create(path: Path, new: Callable[[], str], pattern: str) -> str:
    """The text of a small file, which is created with mode 0600 when it is missing.

    Two processes that create it at the same time get the same text. A kill leaves no empty file: the text is durable
    under another name before it is linked to its own. Raises ConfigError when the content does not match `pattern`.
    """
    try:
        if not path.exists():
            create_once(path, new())
        text = path.read_text("utf-8", "replace").strip()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read or created: {error.strerror}. Check its owner and mode.") from None
    # Never replaced by a new one: a new secret key would sign everyone out, and a new address secret would lose the
    # passwords of cameras.
    if not re.fullmatch(pattern, text):
        raise ConfigError(f"{path} has invalid content. Restore it, or remove it to generate a new one.")
    return text


def create_once(path: Path, text: str) -> None:
    """Write `text` durably to `path` unless another process created it first."""
    with contextlib.suppress(FileExistsError):
        # os.replace() would overwrite the file of a process that was first and already uses its text; os.link() fails.
        write_durably(path, text, os.link)


def socket_path(data: Path, name: str) -> Path:
    """The path of this station's socket `name`: in the data folder or, when that path is too long for a socket, in a
    private folder of this user. Raises ConfigError when another user owns that folder."""
    path = data / "run" / f"{name}.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    folder = Path(os.sep, "tmp", f"skycam-{os.getuid()}-{digest}")
    make_private(folder)
    return folder / f"{name}.sock"


def make_private(folder: Path) -> None:
    """Create `folder` for this user only, or check that it is private already."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    # Anyone can create this name in /tmp first. lstat(), because stat() would follow a link to a folder of this user.
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigError(
            f"{folder} is not a private folder of this user, so it is not used for sockets. "
            "Remove it, or set SKYCAM_DATA to a shorter path."
        )


def check_writable(folder: Path) -> None:
    """Check that files can be created in a storage root; raises ConfigError with a sentence. It creates no folder: a
    missing root may be a disk that is not mounted."""
    if not folder.exists():
        raise ConfigError(
            f"The storage root {folder} does not exist. Mount or create it, or set storage_root (or camera.image_path)."
        )
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".skycam-"):
            return
    except OSError as error:
        raise ConfigError(
            f"The storage root {folder} cannot be written: {error.strerror}. "
            "Change its owner, or set storage_root (or camera.image_path)."
        ) from None
