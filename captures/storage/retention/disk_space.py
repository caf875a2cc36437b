"""Free space on the disk of a storage root: below the soft floor the oldest deletable clips are deleted one by one."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cameras.spool.durable import RootFiles
from captures.recordings.clips.models import Clip, ClipQuerySet
from captures.recordings.clips.services import (
    MAX_AT_ONCE,
    MAX_STUCK,
    Stuck,
    delete_clips,
    folder_of,
    mark_for_deletion,
)
from captures.roots.models import StorageRoot

PENDING_S = 60.0
"""How long the space of a deleted file may be pending: a reader has it open, or the file system reports late."""


@dataclass(slots=True)
class PendingSpace:
    """Bytes of deleted files that the disk has not freed yet. While they are pending, no more clips are deleted in
    their place: a file that a program has open frees nothing, and all clips would be deleted."""

    bytes: int = 0
    free: int = 0
    until: float = 0.0
    clock: Callable[[], float] = time.monotonic

    def add_deleted(self, deleted: int, before: int, after: int) -> None:
        """A file of `deleted` bytes was deleted; the free space changed from `before` to `after`."""
        pending = self.remaining(before)
        # Half of it, as cameras go on writing to the same disk.
        if (after - before) * 2 < deleted:
            pending += deleted
            self.until = self.clock() + PENDING_S
        self.bytes, self.free = pending, after

    def remaining(self, free: int) -> int:
        """Bytes still pending, given that `free` bytes are free now."""
        if self.clock() >= self.until:
            self.bytes = 0
        return max(0, self.bytes - max(0, free - self.free))


@dataclass(slots=True)
class FreedSpace:
    """The result of one pass over a root. `exhausted`: no deletable clip is left."""

    free: int
    clips: list[Clip] = field(default_factory=list)
    stuck: list[Stuck] = field(default_factory=list)
    """Clips marked in this pass that the disk cannot delete."""
    stuck_folders: set[str] = field(default_factory=set)
    pending: int = 0
    exhausted: bool = False
    vanished: bool = False
    """Too many files are missing: nothing more is deleted."""


class DiskSpace:
    """Deletes clips of a root while its disk has less than `floor` bytes free."""

    def __init__(self, root: StorageRoot, clock: Callable[[], float] = time.monotonic) -> None:
        self.root, self.pending = root, PendingSpace(clock=clock)

    def measure(self, files: RootFiles, floor: int) -> FreedSpace:
        """The state before the first deletion. OSError if nothing can be deleted."""
        freed = FreedSpace(files.free_bytes())
        # Before a clip is marked: on a read-only disk it would be hidden without being deleted.
        if self.is_short(freed, floor) and files.read_only():
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        # From the rows, so that also earlier passes count: or each pass would mark one more clip in a folder that
        # deletes none.
        freed.stuck_folders = self._stuck_folders()
        return freed

    def is_short(self, freed: FreedSpace, floor: int) -> bool:
        return freed.free + self.pending.remaining(freed.free) < floor

    def may_delete(self, freed: FreedSpace, floor: int) -> bool:
        """Whether another clip is to be deleted."""
        ended = freed.exhausted or freed.vanished or len(freed.stuck_folders) >= MAX_STUCK
        return not ended and self.is_short(freed, floor)

    def delete_clip(self, files: RootFiles, pk: str, freed: FreedSpace) -> None:
        """Delete the clip unless it was pinned or held meanwhile."""
        if not mark_for_deletion(Clip.objects.deletable().filter(pk=pk, root=self.root)):
            return
        clip = Clip.objects.select_related("camera").filter(pk=pk).first()
        if clip is None:
            return  # another cleanup has deleted it since it is marked
        result = delete_clips(files, [clip])
        if result.stuck:
            freed.stuck += result.stuck
            freed.stuck_folders.add(folder_of(clip.path))
            return
        freed.clips += result.deleted
        # Measured after each clip: the bytes of its row say nothing about a file that a program has open.
        before, freed.free = freed.free, files.free_bytes()
        self.pending.add_deleted(clip.bytes, before, freed.free)

    def _stuck_folders(self) -> set[str]:
        """Folders with a marked clip that the disk cannot delete."""
        marked = Clip.objects.exclude(deleted_at=None).filter(root=self.root).order_by()
        return {folder_of(path) for path in marked.values_list("path", flat=True)[:MAX_AT_ONCE]}


def outside(clips: ClipQuerySet, folders: set[str]) -> ClipQuerySet:
    """Those of `clips` that are not below one of `folders`."""
    for folder in folders:
        clips = clips.exclude(path__startswith=f"{folder}/")
    return clips
