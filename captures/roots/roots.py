"""The storage roots of a host, and which of them new files go to, by storage class."""

from __future__ import annotations

from typing import TypedDict

from django.conf import settings
from django.db.models import Q

from cameras.models import Camera
from cameras.tables import ROOTS
from captures.roots.models import StorageAssignment, StorageClass, StorageRoot
from core.registry import resolve


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
