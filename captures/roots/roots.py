"""The storage roots of a host, which of them new files go to, by storage class, and what the health of the station
says of them. Roots are created and checked at the start, never by a capture."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict
from uuid import UUID

import uuid6
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.durable import RootFiles
from cameras.spool.full_disk import is_out_of_space
from cameras.spool.storage import MARKER, make_root, read_marker, separate_file_systems_message, try_link
from cameras.status import status
from cameras.status.messages import Status
from cameras.tables import ROOTS
from captures.roots.models import StorageAssignment, StorageClass, StorageRoot
from core.broker.broker import BrokerDown
from core.disk_space import DiskFinding, disk_space, one_of_each_disk
from core.findings import Finding
from core.registry import resolve
from core.times.timestamps import stamp


class UnusableRoot(Exception):
    """The folder cannot be a storage root; the message says why and what to do."""


class RootBody(TypedDict):
    """A root for camera processes: its UUID, which its marker holds, and its folder."""

    id: str
    path: str


def root_body(root: StorageRoot) -> RootBody:
    return RootBody(id=str(root.id), path=root.path)


def assigned_root(host: str, storage_class: str) -> StorageRoot | None:
    """The root of new files of this class on the host; without an assignment that of captures. None before the host's
    first start."""
    wanted = {storage_class, StorageClass.CAPTURES}
    found = StorageAssignment.objects.filter(host=host, storage_class__in=wanted).select_related("root")
    by_class = {assignment.storage_class: assignment.root for assignment in found}
    return by_class.get(storage_class) or by_class.get(StorageClass.CAPTURES)


def root_of_class(host: str, storage_class: str) -> RootBody:
    """As `assigned_root`. UnusableRoot when the host has no root."""
    root = assigned_root(host, storage_class)
    if root is None:
        raise UnusableRoot(f"The host {host!r} has no storage root. Start it once with `skycam up`.")
    return root_body(root)


def root_of(camera: Camera) -> RootBody:
    """The root of a camera's new captures. UnusableRoot when its host has none."""
    # By the registry: the service that has such a root imports this module.
    own: RootBody | None = resolve(ROOTS["own"])(camera)
    return own or root_of_class(camera.host, StorageClass.CAPTURES)


def all_roots(host: str) -> list[RootBody]:
    return [root_body(root) for root in StorageRoot.objects.filter(host=host)]


def roots_of_new_files(host: str) -> list[StorageRoot]:
    """Those that new files of any kind go to: the assigned ones, and the folder of the PixeLink service."""
    found = Q(assignments__host=host)
    if (folder := settings.STATION.service.image_save_path) is not None:
        found |= Q(path=str(folder.resolve()))
    return list(StorageRoot.objects.filter(found, host=host).order_by("path").distinct())


def is_assigned(root: StorageRoot, storage_class: str) -> bool:
    """Whether new files of this class on its host go to the root because it is assigned to the class."""
    return root.assignments.filter(host=root.host, storage_class=storage_class).exists()


def assign_root(root: StorageRoot, storage_class: str) -> None:
    """Let new files of this class on the root's host go there. Nothing is written if they do already, as the database
    may be on a full disk."""
    if not is_assigned(root, storage_class):
        StorageAssignment.objects.update_or_create(host=root.host, storage_class=storage_class, defaults={"root": root})


def unassign_root(host: str, storage_class: str) -> None:
    """Let new files of this class go to the root of captures."""
    StorageAssignment.objects.filter(host=host, storage_class=storage_class).delete()


def ensure_default_root(path: Path | None = None) -> StorageRoot:
    """This host's root for new captures; it is created if missing.

    UnusableRoot when the folder cannot be written or cannot hard-link from its spool into its archives.
    """
    folder = (path or settings.STATION.storage_root).resolve()
    host = settings.STATION.host
    known = _find_or_create_root(folder, host, _archives_of_default(folder))
    assign_root(known, StorageClass.CAPTURES)
    return known


def _archives_of_default(folder: Path) -> tuple[str, ...]:
    """The archives in the default root; clips are not among them while they have their own root."""
    video = settings.STATION.video_path
    return ("captures", "clips") if video is None or video.resolve() == folder else ("captures",)


def ensure_video_root() -> StorageRoot | None:
    """The root of VIDEO_PATH on this host, created if missing; None when it is not configured or is the root of new
    captures. If it cannot be used (UnusableRoot), new clips go to the root of captures."""
    folder, host = settings.STATION.video_path, settings.STATION.host
    if folder is None:
        unassign_root(host, StorageClass.CLIPS)
        return None
    try:
        root = _find_or_create_root(folder.resolve(), host, ["clips"])
    except UnusableRoot:
        unassign_root(host, StorageClass.CLIPS)
        raise
    if is_assigned(root, StorageClass.CAPTURES):
        unassign_root(host, StorageClass.CLIPS)
        return None
    assign_root(root, StorageClass.CLIPS)
    return root


def _find_or_create_root(folder: Path, host: str, archives: Sequence[str]) -> StorageRoot:
    """The root of this folder, created if missing. A known root that is not mounted is not checked. UnusableRoot."""
    known = StorageRoot.objects.filter(host=host, path=str(folder)).first()
    # Only an unknown folder is created. In place of a disk that is not mounted, it would fill the disk below.
    if known is None:
        return create_root(folder, host, archives)
    if read_marker(str(folder)) == str(known.id):
        check_links(folder, archives, known=True)
    return known


def create_root(folder: Path, host: str, archives: Sequence[str]) -> StorageRoot:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = _ensure_marker(folder)
    except OSError as error:
        raise UnusableRoot(f"{folder} cannot hold files: {error.strerror}. Choose another folder.") from error
    # Before the row: a folder that cannot hold files does not become a root.
    check_links(folder, archives)
    return _store_root(found, host, folder)


@transaction.atomic
def _store_root(ident: UUID, host: str, folder: Path) -> StorageRoot:
    """The row of a marker. A root that came from another host, or from a host of another name, is no longer assigned
    there."""
    # By the marker's id: a disk that moves to another folder or host keeps its root, and with it the rows of its files.
    root, _ = StorageRoot.objects.update_or_create(id=ident, defaults={"host": host, "path": str(folder)})
    StorageAssignment.objects.filter(root=root).exclude(host=host).delete()
    return root


def _ensure_marker(folder: Path) -> UUID:
    """The UUID in the folder's marker file, which is created if missing. OSError; UnusableRoot for a damaged marker,
    which camera processes would refuse."""
    found = read_marker(str(folder))
    if found is None:
        found = str(uuid6.uuid7())
        make_root(folder, found)
    try:
        return UUID(found)
    except ValueError:
        message = f"{folder / MARKER} is damaged. Restore it; or remove it, if the folder holds no captures yet."
        raise UnusableRoot(message) from None


def check_links(folder: Path, archives: Sequence[str], *, known: bool = False) -> None:
    """UnusableRoot when files cannot be hard-linked from the spool into one of these archives. A full disk prevents the
    check: a `known` root then counts as usable."""
    for archive in archives:
        try:
            _check_link(folder, archive)
        except OSError as error:
            if known and is_out_of_space(error):
                continue
            if error.errno == errno.EXDEV:
                raise UnusableRoot(separate_file_systems_message(str(folder), archive)) from error
            raise UnusableRoot(f"{folder} cannot hold files: {error.strerror}. Choose another folder.") from error


def _check_link(folder: Path, archive: str) -> None:
    files = RootFiles(str(folder))
    try:
        files.make_folders(".spool")
        # A killed check left it, and create() refuses a name that exists.
        files.unlink(".spool", "link-test")
        files.create(".spool", "link-test", [b"x"])
        try_link(files, ".spool", "link-test", archive)
        files.unlink(".spool", "link-test")
    finally:
        files.close()


ACTIVE_STATES = frozenset({"starting", "ready", "busy", "reconnecting"})
"""Observed states of a camera that has a process."""


class HealthCheck(TypedDict):
    """Of the machine `host`. `storage`: whether its clips can be written; `free_disk_space_gb` is of their root.
    Cameras are slugs, of all hosts: those with a process, and those that record, of which `active_threads` is the
    number; null while the broker does not answer."""

    host: str
    storage: bool
    free_disk_space_gb: float | None
    active_cameras: list[str] | None
    recording: list[str] | None
    active_threads: int | None
    timestamp: str


def health_check() -> HealthCheck:
    path = _video_path()
    statuses = _read_statuses()
    recording = None if statuses is None else [entry["camera"] for entry in statuses if entry["recording"]]
    return HealthCheck(
        host=settings.STATION.host,
        storage=path is not None,
        free_disk_space_gb=_free_gb(path) if path else None,
        active_cameras=None
        if statuses is None
        else [entry["camera"] for entry in statuses if entry["observed"] in ACTIVE_STATES],
        recording=recording,
        active_threads=None if recording is None else len(recording),
        timestamp=stamp(timezone.now()),
    )


def _video_path() -> str | None:
    """Folder of this host's new clips; None when it does not exist or is not mounted."""
    try:
        root = root_of_class(settings.STATION.host, StorageClass.CLIPS)
    except UnusableRoot:
        return None
    return root["path"] if read_marker(root["path"]) == root["id"] else None


def _read_statuses() -> list[Status] | None:
    try:
        return list(status.read_statuses(Camera.objects.present()).values())
    except BrokerDown:
        return None


def disk_problems() -> list[Finding]:
    """Of the roots of this host's new files, and of the disks of its data folder and its log."""
    station = settings.STATION
    problems = {root.path: root_problem(root) for root in roots_of_new_files(station.host)}
    found = [problem for problem in problems.values() if problem]
    # The free space of a root that is not mounted would be that of another disk.
    usable = [Path(path) for path, problem in problems.items() if not problem]
    spaces = map(disk_space, one_of_each_disk([*usable, station.data, station.logging.file.parent]))
    found += [space for space in spaces if space.is_broken]
    return [Finding(f"On the host {station.host}: {one.detail} {one.remedy}", host=station.host) for one in found]


def root_problem(root: StorageRoot) -> DiskFinding | None:
    """Why no new file can be written to a root, apart from its free space; None if one can."""
    # Without the marker this is the empty mount point.
    if read_marker(root.path) != str(root.id):
        detail = f"The storage root {root.path} is not mounted, or its marker {MARKER} is missing."
        return DiskFinding(detail, "Mount it: nothing is written until then.", is_broken=True)
    if not os.access(root.path, os.W_OK | os.X_OK):
        return DiskFinding(f"{root.path} cannot be written.", "Change its owner, or mount it writable.", is_broken=True)
    return None


def free_disk_space_gb() -> float | None:
    """Free space of this host's root for new captures, in decimal GB; None when the folder does not exist."""
    root = assigned_root(settings.STATION.host, StorageClass.CAPTURES)
    return _free_gb(root.path if root else str(settings.STATION.storage_root))


def _free_gb(path: str) -> float | None:
    try:
        return round(shutil.disk_usage(path).free / 1e9, 3)
    except OSError:
        return None
