"""What the event log and the alerts say of clips that went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction

from cameras.models import Camera
from cameras.runtime.last_floor import ROOM_AGAIN
from captures.models import Clip, StorageRoot
from captures.recording.room import Cleared
from monitoring.services import record_event
from monitoring.templatetags.skycam import format_bytes


def counted(clips: int) -> str:
    return "1 clip" if clips == 1 else f"{clips} clips"


@transaction.atomic
def tell(clips: Iterable[Clip], why: str, reason: str, actor: str = "", owed: int = 0) -> None:
    """One event for each camera: whoever may not see it hears nothing of it. `owed`: bytes that are not free yet."""
    by_camera: dict[Camera, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_camera[clip.camera].append(clip)
    for camera, gone in by_camera.items():
        size = sum(clip.bytes for clip in gone)
        said = f"{counted(len(gone))} of {camera.slug} ({format_bytes(size)}) went, {reason}."
        data = {"why": why, "clips": len(gone), "bytes": size, "unfreed_bytes": owed}
        severity = "warning" if owed else "info"
        record_event("storage.cleaned", said, severity=severity, camera=camera, actor=actor, data=data)


def for_room(root: StorageRoot, cleared: Cleared) -> str:
    """Why clips of a root went, and what the disk has not given back."""
    said = f"to make room in {root.path}"
    if not cleared.owed:
        return said
    late = f"{format_bytes(cleared.owed)} are not free yet, as when a program has a clip open"
    return f"{said}; {late}. Nothing more goes for a minute"


def lacking(root: StorageRoot, cleared: Cleared, floor: float) -> str:
    """No rolling clip is recorded there, and why."""
    free = f"Only {format_bytes(cleared.free)} are free in {root.path}, where the soft floor is {format_bytes(floor)}"
    missing = f"free {format_bytes(floor * ROOM_AGAIN - cleared.free)}"
    if not Clip.objects.present().filter(root=root).exists():
        return (
            f"{free}, and there are no clips that could make room. No rolling clip is recorded until there is: "
            f"{missing}, or lower camera_config.soft_floor_gb."
        )
    return (
        f"{free}, and no clip is left that may go: pinned and held ones stay. No rolling clip is recorded until there "
        f"is room: let go of some, or {missing}."
    )
