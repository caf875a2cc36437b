"""The station's folders: owners, modes, free space and inodes."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from core.disk_space import disk_space, one_of_each_disk
from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.station import Station
from skycam_project.config import SkycamConfig


def folders(station: Station) -> Iterator[Finding]:
    """Skycam's own system checks of folders, and the owner of each folder and key."""
    from django.core import checks

    from skycam_project.checks import check_folders

    config = station.config
    found = [
        Finding(
            "folders", BROKEN if message.level >= checks.ERROR else WARNING, str(message.msg), str(message.hint or "")
        )
        for message in check_folders(config)
    ]
    found += owner_findings(used_paths(config), os.geteuid())
    yield from found
    if not found:
        yield Finding(
            "folders", OK, "All folders and keys belong to this user, and no other can read the private ones."
        )


def used_paths(config: SkycamConfig) -> list[Path]:
    """Folders that the station writes, and its keys; only those that exist."""
    from skycam_project.config.folder import ADDRESS_FILE, FOLDERS, KEY_FILE

    inside = [config.data / name for name in (*FOLDERS, KEY_FILE, ADDRESS_FILE, "skycam.sqlite3")]
    roots = [config.storage_root, config.video_path, config.service.image_save_path, config.logging.file.parent]
    wanted = dict.fromkeys([config.data, *inside, *(path for path in roots if path is not None)])
    return [path for path in wanted if path.exists()]


def owner_findings(paths: Iterable[Path], user: int) -> Iterator[Finding]:
    for path in paths:
        found = path.stat()
        if found.st_uid == user:
            continue
        detail = f"{path} belongs to {user_name(found.st_uid)}, and this command runs as {user_name(user)}."
        # A folder of storage may be another user's, as on a network disk, if its mode allows to write.
        can_write = os.access(path, os.W_OK | (os.X_OK if stat.S_ISDIR(found.st_mode) else 0))
        remedy = f"chown -R {user_name(user)} {path}, or run the station and its commands as {user_name(found.st_uid)}"
        yield Finding("folders", WARNING if can_write else BROKEN, detail, remedy)


def user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def disks(station: Station) -> Iterator[Finding]:
    """Each disk of the configured folders once. Registered storage roots have a check of their own."""
    config = station.config
    for path in one_of_each_disk((config.data, config.storage_root, config.video_path, config.logging.file.parent)):
        yield room_finding("disks", path)


def room_finding(check: str, path: Path | str) -> Finding:
    """Free space and inodes of the disk at `path`. Raises OSError."""
    space = disk_space(path)
    state = BROKEN if space.is_broken else WARNING if space.remedy else OK
    return Finding(check, state, space.detail, space.remedy)
