"""Checks that need no database: configuration, launcher, broker; owners, modes, free space and inodes of the
folders."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from core.disk_space import disk_space, one_of_each_disk
from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.station import Station
from skycam_project.config import SkycamConfig

if TYPE_CHECKING:
    from core.broker.hiredis_client import HiredisClient

UP = "Start the station: skycam up"
PREPARING = "preparing"
PREPARING_DETAIL = "The station is being prepared: its database is created or updated, and its parts start afterwards."
WAIT = "Wait. `skycam ps` shows when they run, and `skycam logs` what is done."
PART_FINDINGS = {"running": (OK, ""), "starting": (WARNING, WAIT)}
"""State of a part -> the state of its finding, and what to do. Any other is broken."""


def configuration(station: Station) -> Iterator[Finding]:
    from skycam_project.config import ConfigError

    try:
        config = station.config
    except ConfigError as error:
        for problem in error.problems:
            yield Finding("configuration", BROKEN, problem, "Fix it; `skycam config check` checks again.")
        return
    for warning in config.warnings:
        yield Finding("configuration", WARNING, warning)
    yield Finding("configuration", OK, f"Station {config.station.id}, host {config.host}, data folder {config.data}.")


def launcher(station: Station) -> Iterator[Finding]:
    from core.restored_copy import copied_from, pause_sentence
    from skycam_project import launch
    from skycam_project.cli.launcher import describe_state

    if (copied := copied_from(station.config.data)) is not None:
        yield Finding("launcher", BROKEN, pause_sentence(copied))
    try:
        parts = launch.ps(station.config)
    except launch.LaunchError as error:
        yield Finding("launcher", WARNING, str(error), UP)
        return
    if any(part["state"] == PREPARING for part in parts):
        yield Finding("launcher", WARNING, PREPARING_DETAIL, WAIT)
    for part in parts:
        state = part["state"]
        if state == PREPARING:
            continue
        reason = f": {part['reason']}" if part["reason"] and state != "running" else ""
        in_a = "in a " if part.get("next_try_s") is not None else ""
        detail = f"{part['name']} is {in_a}{describe_state(part)}{reason}."
        found, remedy = PART_FINDINGS.get(state, (BROKEN, f"skycam restart {part['name']}"))
        yield Finding("launcher", found, detail, remedy)


def is_preparing(station: Station) -> bool:
    """Whether a launcher prepares the station: its database may lack tables, or be locked by a migration."""
    from skycam_project.launch.control import part_rows
    from skycam_project.launch.preflight import LaunchError

    try:
        return any(part["state"] == PREPARING for part in part_rows(station.config))
    except LaunchError:
        return False


def open_files(station: Station) -> Iterator[Finding]:
    """Of the running station, which another shell or service may have started; else of this shell."""
    from core.open_files import REMEDY, hard_limit, hard_limit_of, too_few_message
    from skycam_project import launch

    try:
        pids = [part["pid"] for part in launch.ps(station.config) if part["pid"]]
    except launch.LaunchError:
        pids = []
    limits = [limit for pid in pids if (limit := hard_limit_of(pid)) is not None]
    limit = min(limits, default=hard_limit())
    message = too_few_message(limit)
    state, detail = (WARNING, message) if message else (OK, f"Each process may open {limit:,} files.")
    yield Finding("open files", state, detail, f"Allow more, and start the station again: {REMEDY}" if message else "")


def broker(station: Station) -> Iterator[Finding]:
    from core.broker.hiredis_client import BrokerDown, open_client
    from core.outages import describe_failure

    try:
        with open_client(station.config.redis_url) as server:
            server.run_commands([("PING",)])
            refused = refuses_users(server)
    except BrokerDown as error:
        reason = describe_failure(error.__cause__ or error)
        yield Finding("broker", BROKEN, f"The broker does not answer: {reason}.", "skycam up, or check REDIS_URL")
        return
    yield Finding("broker", OK, "It answers.")
    if refused and not station.config.camera_redis_url:
        yield Finding(
            "broker",
            OK,
            "Note: this station cannot create users on it, so camera processes use the station's own credentials.",
            "Allow `acl`, or set CAMERA_REDIS_URL to a user that can only publish.",
        )


def refuses_users(server: HiredisClient) -> bool:
    """Whether the broker refuses to create users; tried with a user without rights that is deleted at once."""
    import hiredis

    # With a channel, as a camera's user has one: Redis before 6.2 refuses it.
    rules = ("ACL", "SETUSER", "skycam-doctor", "reset", "&skycam-doctor")
    (made, _) = server.run_commands([rules, ("ACL", "DELUSER", "skycam-doctor")])
    return isinstance(made, hiredis.HiredisError)


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
