"""Storage roots: created by an administrator or at the first start, never by a capture."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import uuid6
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from cameras.models import Camera
from cameras.spool.durable import RootFiles
from cameras.spool.spool import is_out_of_space
from cameras.spool.storage import MARKER, make_root, read_marker, separate_file_systems_message, try_link
from cameras.tables import ROOTS, resolve
from captures.storage.models import StorageRoot


class UnusableRoot(Exception):
    """The folder cannot be a storage root; the message says why and what to do."""


def ensure_default_root(path: Path | None = None) -> StorageRoot:
    """This host's root for new captures; it is created if missing.

    UnusableRoot when the folder cannot be written or cannot hard-link from its spool into its archives.
    """
    folder = (path or settings.STATION.storage_root).resolve()
    host = settings.STATION.host
    known = _find_orcreate_root(folder, host, _archives_of_default(folder))
    if not known.default:
        _set_default_root(known)
    return known


def _archives_of_default(folder: Path) -> tuple[str, ...]:
    """The archives in the default root; clips are not among them while they have their own root."""
    video = settings.STATION.video_path
    return ("captures", "clips") if video is None or video.resolve() == folder else ("captures",)


def _find_orcreate_root(folder: Path, host: str, archives: Sequence[str]) -> StorageRoot:
    """The root of this folder, created if missing. A known root that is not mounted is not checked. UnusableRoot."""
    known = StorageRoot.objects.filter(host=host, path=str(folder)).first()
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
    check_links(folder, archives)
    root, _ = StorageRoot.objects.update_or_create(id=found, defaults={"host": host, "path": str(folder)})
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
        files.unlink(".spool", "link-test")
        files.create(".spool", "link-test", [b"x"])
        try_link(files, ".spool", "link-test", archive)
        files.unlink(".spool", "link-test")
    finally:
        files.close()


@transaction.atomic
def _set_default_root(root: StorageRoot) -> None:
    StorageRoot.objects.filter(host=root.host, default=True).update(default=False)
    root.default = True
    root.save(update_fields=["default"])


def ensure_video_root() -> StorageRoot | None:
    """The root of VIDEO_PATH on this host, created if missing; None when it is not configured or is the default root.
    If it cannot be used (UnusableRoot), new clips go to the default root."""
    folder, host = settings.STATION.video_path, settings.STATION.host
    if folder is None:
        _set_video_root(host, None)
        return None
    path = folder.resolve()
    try:
        root = _find_orcreate_root(path, host, ["clips"])
    except UnusableRoot:
        _set_video_root(host, None)
        raise
    _set_video_root(host, None if root.default else root)
    return None if root.default else root


@transaction.atomic
def _set_video_root(host: str, root: StorageRoot | None) -> None:
    StorageRoot.objects.filter(host=host, video=True).update(video=False)
    if root is not None:
        root.video = True
        root.save(update_fields=["video"])


def root_of(camera: Camera) -> dict[str, Any]:
    """The root of a camera's new captures: `id` and `path`. UnusableRoot when its host has none."""
    own: dict[str, Any] | None = resolve(ROOTS["own"])(camera)
    return own or default_root(camera.host)


def all_roots(host: str) -> list[dict[str, Any]]:
    """`id` and `path` of each root of a host."""
    return [{"id": str(root.id), "path": root.path} for root in StorageRoot.objects.filter(host=host)]


def video_root(host: str) -> dict[str, Any]:
    """The root of a host's new clips: `id` and `path`. UnusableRoot when the host has none."""
    root = new_clips_root(host).first()
    return {"id": str(root.id), "path": root.path} if root else default_root(host)


def new_clips_root(host: str) -> QuerySet[StorageRoot]:
    """The host's root for new clips; empty before the first start."""
    roots = StorageRoot.objects.filter(host=host)
    return roots.filter(video=True) if roots.filter(video=True).exists() else roots.filter(default=True)


def default_root(host: str) -> dict[str, Any]:
    """The root of a host's new captures: `id` and `path`. UnusableRoot when the host has none."""
    root = StorageRoot.objects.filter(host=host, default=True).first()
    if root is None:
        raise UnusableRoot(f"The host {host!r} has no storage root. Start it once with `skycam up`.")
    return {"id": str(root.id), "path": root.path}
