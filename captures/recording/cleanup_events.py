"""What the event log and the alerts say of clips that went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction

from cameras.models import Camera
from cameras.runtime.last_floor import ROOM_AGAIN
from captures.models import Clip, StorageRoot
from captures.recording.disk_space import FreedSpace
from monitoring.services import record_event
from monitoring.templatetags.skycam import amount


def counted(clips: int) -> str:
    return "1 clip" if clips == 1 else f"{clips} clips"


@transaction.atomic
def record_deletions(clips: Iterable[Clip], why: str, reason: str, actor: str = "", pending: int = 0) -> None:
    """One event for each camera: whoever may not see it hears nothing of it. `pending`: bytes that are not free yet."""
    by_camera: dict[Camera, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_camera[clip.camera].append(clip)
    for camera, gone in by_camera.items():
        size = sum(clip.bytes for clip in gone)
        said = f"{counted(len(gone))} of {camera.slug} ({amount(size)}) went, {reason}."
        data = {"why": why, "clips": len(gone), "bytes": size, "unfreed_bytes": pending}
        severity = "warning" if pending else "info"
        record_event("storage.cleaned", said, severity=severity, camera=camera, actor=actor, data=data)


def space_reason(root: StorageRoot, freed: FreedSpace) -> str:
    """Why clips of a root went, and what the disk has not given back."""
    said = f"to make room in {root.path}"
    if not freed.pending:
        return said
    late = f"{amount(freed.pending)} are not free yet, as when a program has a clip open"
    return f"{said}; {late}. Nothing more goes for a minute"


def shortage_message(root: StorageRoot, freed: FreedSpace, floor: float) -> str:
    """No rolling clip is recorded there, and why."""
    free = f"Only {amount(freed.free)} are free in {root.path}, where the soft floor is {amount(floor)}"
    missing = f"free {amount(floor * ROOM_AGAIN - freed.free)}"
    if not Clip.objects.present().filter(root=root).exists():
        return (
            f"{free}, and there are no clips that could make room. No rolling clip is recorded until there is: "
            f"{missing}, or lower camera_config.soft_floor_gb."
        )
    return (
        f"{free}, and no clip is left that may go: pinned and held ones stay. No rolling clip is recorded until there "
        f"is room: let go of some, or {missing}."
    )
