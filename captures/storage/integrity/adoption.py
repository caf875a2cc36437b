"""Makes rows of untracked files. The file stays where it is; only the row is new."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import uuid6
from django.db.models import QuerySet
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.durable import RootFiles
from captures.capturing.models import CaptureFile
from captures.organizing.adoption import AdoptedFile, Adopter, FoundPicture
from captures.organizing.findings import NotPlaced, Reason
from captures.organizing.inspector import Inspector
from captures.organizing.source import SourceFile
from captures.organizing.times import CameraZone, resolve_time
from captures.recordings.clips.models import Clip, ClipKind
from captures.recordings.clips.services import folder_of
from captures.recordings.recorder.recovery import PlayablePart, delivery_of, playable_part
from captures.roots.models import StorageRoot
from captures.storage.integrity.check import hash_file
from core.station_settings import site_config

STARTED = re.compile(r"_(\d{8}_\d{6}_\d{3})_[^/]*\Z")
"""The time in the name of a clip."""
Save = Callable[[], object]


def adopt_picture(_files: RootFiles, root: StorageRoot, path: str, camera: Camera, actor: str) -> Save:
    """What stores a capture of the picture. It is decoded in a process of its own. NotPlaced, OSError."""
    with Inspector(root.path, lambda: False) as inspector:
        inspection = inspector.inspect(path)
    refuse_duplicate(CaptureFile.objects.filter(sha256=inspection["sha256"]))
    now = timezone.now()
    placed = resolve_time(inspection["taken"], CameraZone(site_config().time_zone), now)
    picture = FoundPicture(SourceFile(path, inspection["bytes"]), inspection, placed)
    adopter = Adopter(camera, root.pk, actor, "")
    return lambda: adopter.store([(uuid6.uuid7(), placed, [AdoptedFile(picture, path, path)])], now)


def adopt_clip(files: RootFiles, root: StorageRoot, path: str, camera: Camera, actor: str) -> Save:
    """What stores a clip of the video, as a manual one: no rule of count or space deletes it. NotPlaced, OSError."""
    started, part = _started(path), _playable(files, path)
    size = files.size(folder_of(path), path.rpartition("/")[2])
    if not part.frames or part.bytes + _index_bytes(files, path, part.bytes) != size:
        raise NotPlaced(Reason.BROKEN, f"Only {part.bytes} of its {size} bytes play. Set it aside and repair a copy.")
    sha256 = hash_file(files, path)
    refuse_duplicate(Clip.objects.present().filter(camera=camera, sha256=sha256))
    clip = Clip(
        camera=camera, kind=ClipKind.MANUAL, started_at=started, ended_at=started + timedelta(seconds=part.seconds),
        frames=part.frames, lost_frames=None, host=root.host, root=root, path=path, bytes=size,
        sha256=sha256, width=0, height=0, clock="unknown", requested_by=actor,
        message=f"Adopted by {actor}: a file without a row.", delivery=delivery_of(part, None),
    )  # fmt: skip
    return lambda: clip.save(force_insert=True)


def refuse_duplicate(same: QuerySet[Any]) -> None:
    """`same`: the rows with the content of the file. NotPlaced if there is one."""
    if (path := same.order_by("pk").values_list("path", flat=True).first()) is not None:
        raise NotPlaced(
            Reason.DUPLICATE,
            f"{path} has a row and the same content. Set this file aside. If that one is missing, move this one there.",
        )


def _started(path: str) -> datetime:
    found = STARTED.search(path.removesuffix(".mp4"))
    if found is None:
        raise NotPlaced(Reason.NO_TIME, "Its name does not say when it began (CAMERA_YYYYMMDD_HHMMSS_mmm_ID.mp4).")
    try:
        return datetime.strptime(f"{found[1]}000", "%Y%m%d_%H%M%S_%f").replace(tzinfo=UTC)
    except ValueError:
        raise NotPlaced(Reason.NO_TIME, f"Its name has a time that does not exist: {found[1]}.") from None


def _index_bytes(files: RootFiles, path: str, begin: int) -> int:
    """The length of the index (mfra) behind the last frame; 0 without one."""
    folder, _, name = path.rpartition("/")
    with files.folder(folder) as at:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    try:
        head = os.pread(file, 8, begin)
    finally:
        os.close(file)
    return int.from_bytes(head[:4]) if head[4:] == b"mfra" else 0


def _playable(files: RootFiles, path: str) -> PlayablePart:
    folder, _, name = path.rpartition("/")
    # Read once before it is mapped: a disk that cannot read it would otherwise kill the process (SIGBUS).
    hash_file(files, path)
    with files.folder(folder) as at:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    try:
        if not os.fstat(file).st_size:
            return PlayablePart()
        with mmap.mmap(file, 0, prot=mmap.PROT_READ) as content:
            return playable_part(content)
    finally:
        os.close(file)
