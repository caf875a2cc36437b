"""What becomes of a finding: its file is adopted or set aside. ADOPTERS are dotted paths, because these modules load
decoders, whose libraries start threads."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.durable import RootFiles
from cameras.spool.failpoints import hit_failpoint
from cameras.spool.storage import RootMissing
from captures.organizing.findings import NotPlaced, printable
from captures.recordings.clips.services import folder_of, open_root
from captures.storage.integrity.check import is_text, known_paths
from captures.storage.integrity.models import FindingKind, FindingState, IntegrityFinding
from core.events.service import record_event
from core.registry import resolve

ADOPTERS = {
    ".mp4": "captures.storage.integrity.adoption.adopt_clip",
    "": "captures.storage.integrity.adoption.adopt_picture",
}
"""Ending of a name -> the function that makes what stores its row; the first that fits."""


SET_ASIDE = "set-aside"
"""The folder in a root; no check looks at it."""
DECIDED = "Somebody else decided about the file meanwhile."


class FindingRefused(Exception):
    """Nothing was changed; the message says why."""


def set_aside(finding: IntegrityFinding, actor: str) -> IntegrityFinding:
    """Move an untracked file to `set-aside/<date>/` in its root. Idempotent; continues after a kill. FindingRefused."""
    path = _checked_path(finding)
    try:
        with open_root(finding.root) as files:
            target = _claim_target(files, finding, path)
            hit_failpoint("after_set_aside_target")
            _move(files, path, target)
    except RootMissing as error:
        raise FindingRefused(str(error)) from error
    except OSError as error:
        raise FindingRefused(f"{finding.path} cannot be moved: {error.strerror}. Check the disk.") from error
    hit_failpoint("after_set_aside_move")
    _decide(finding, FindingState.SET_ASIDE, actor, f"{actor} set aside {finding.path}: it is in {target}.")
    return IntegrityFinding.objects.get(pk=finding.pk)


def _claim_target(files: RootFiles, finding: IntegrityFinding, path: str) -> str:
    """Store where the file goes, before its move: after a kill the row says where it is. From then on no one adopts
    it. FindingRefused, OSError."""
    target = finding.target or _unused_target(files, finding, path)
    claimable = IntegrityFinding.objects.filter(pk=finding.pk, state=FindingState.OPEN, target__in=["", target])
    if not claimable.update(target=target):
        raise FindingRefused(DECIDED)
    return target


def _unused_target(files: RootFiles, finding: IntegrityFinding, path: str) -> str:
    folder = f"{SET_ASIDE}/{datetime.now(UTC):%Y-%m-%d}"
    target = f"{folder}/{path}"
    # A name that is no plain text, or that another file has there already, becomes the id of the finding, which has
    # the name.
    if is_text(path) and printable(path) == path and not _is_used(files, target):
        return target
    return f"{folder}/{finding.pk}"


def _is_used(files: RootFiles, target: str) -> bool:
    try:
        return files.size(folder_of(target), target.rpartition("/")[2]) is not None
    except NotADirectoryError:
        return True  # a file of that name is in the place of its folder


def _move(files: RootFiles, path: str, target: str) -> None:
    """By a link and an unlink: a rename would replace a file of that name."""
    folder, name = folder_of(path), path.rpartition("/")[2]
    to_folder, to_name = folder_of(target), target.rpartition("/")[2]
    if files.size(folder, name) is None and files.size(to_folder, to_name) is not None:
        return  # moved before a kill
    files.make_folders(to_folder)
    if not files.is_same_file(folder, name, to_folder, to_name):
        files.link(folder, name, to_folder, to_name)
        files.sync(to_folder)
    hit_failpoint("after_set_aside_link")
    files.unlink(folder, name)
    files.sync(folder)


def adopt(finding: IntegrityFinding, camera: Camera | None, actor: str) -> IntegrityFinding:
    """Make a capture or a clip of an untracked file, in its place. `camera` is that of its folder by default. The row
    and the decision are one transaction. FindingRefused."""
    path = _checked_path(finding)
    if finding.target:
        raise FindingRefused(f"{finding.path} is being set aside. Set it aside again to finish that.")
    owner = camera or finding.camera
    if owner is None:
        raise FindingRefused(f"{finding.path} is in the folder of no camera. Name the camera that it belongs to.")
    if not is_text(path) or printable(path) != path or len(path) > 500:
        raise FindingRefused(f"{finding.path} has a name that is no plain text. Rename it, or set it aside.")
    make = next(resolve(name) for ending, name in ADOPTERS.items() if path.endswith(ending))
    try:
        with open_root(finding.root) as files:
            save = make(files, finding.root, path, owner, actor)
        with transaction.atomic():
            message = f"{actor} adopted {finding.path} as a file of {owner.name}."
            # Before the row: of two decisions at the same time the second finds the first here.
            _decide(finding, FindingState.ADOPTED, actor, message, owner)
            save()
    except NotPlaced as error:
        raise FindingRefused(f"{finding.path} cannot be adopted: {error}") from error
    except RootMissing as error:
        raise FindingRefused(str(error)) from error
    except OSError as error:
        raise FindingRefused(f"{finding.path} cannot be read: {error.strerror}.") from error
    return IntegrityFinding.objects.get(pk=finding.pk)


def _checked_path(finding: IntegrityFinding) -> str:
    """The path of an open finding of an untracked file on this host."""
    if finding.kind != FindingKind.UNTRACKED:
        raise FindingRefused("Only untracked files are adopted or set aside: this finding has a row.")
    if finding.state != FindingState.OPEN:
        raise FindingRefused(f"The file is not open any more: it is {finding.state}.")
    if finding.host != settings.STATION.host:
        raise FindingRefused(f"The file is on the host {finding.host}. Decide about it there.")
    path = os.fsdecode(bytes(finding.raw_path))
    if is_text(path) and known_paths(finding.root, [path]):
        raise FindingRefused(f"{finding.path} has a row meanwhile.")
    return path


@transaction.atomic
def _decide(
    finding: IntegrityFinding, state: FindingState, actor: str, message: str, camera: Camera | None = None
) -> None:
    """Move the finding, with its event. FindingRefused when somebody else decided meanwhile."""
    moved = IntegrityFinding.objects.filter(pk=finding.pk, state=FindingState.OPEN)
    if state == FindingState.ADOPTED:
        moved = moved.filter(target="")  # a file that is being moved away gets no row
    if not moved.update(state=state, decided_by=actor, decided_at=timezone.now()):
        raise FindingRefused(DECIDED)
    data = {"root": str(finding.root_id), "path": finding.path}
    # The path may be in the folder of another camera than that which gets the file.
    owners = list(dict.fromkeys(one for one in (camera, finding.camera) if one is not None))
    record_event(
        "storage.adopted" if state == FindingState.ADOPTED else "storage.set_aside", message,
        camera=owners, subject=finding.pk, actor=actor, data=data,
    )  # fmt: skip
