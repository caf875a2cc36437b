"""Room on the disk of one storage root: below the soft floor the oldest loose clips go, one by one."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cameras.runtime.durable import RootFiles
from captures.models import Clip, StorageRoot
from captures.models.clip import ClipQuerySet
from captures.recording.deletion import MAX_AT_ONCE, MAX_STUCK, Stuck, delete_clips, folder_of, mark_for_deletion
from captures.recording.surplus import oldest_loose

PATIENCE_S = 60.0
"""How long the space of a deleted file may come late: a reader holds it open, or the file system is slow to say."""
AT_ONCE = 20


@dataclass(slots=True)
class Owed:
    """Bytes of deleted files that the disk has not given back. While they may still come, nothing more is deleted for
    them: files that somebody reads free nothing, and all clips would go."""

    bytes: int = 0
    free: int = 0
    until: float = 0.0
    clock: Callable[[], float] = time.monotonic

    def note(self, deleted: int, before: int, after: int) -> None:
        """A file of `deleted` bytes is gone, and the free space went from `before` to `after`."""
        owed = self.at(before)
        if (after - before) * 2 < deleted:
            owed += deleted
            self.until = self.clock() + PATIENCE_S
        self.bytes, self.free = owed, after

    def at(self, free: int) -> int:
        """What is still to come where `free` bytes are free by now."""
        if self.clock() >= self.until:
            self.bytes = 0
        return max(0, self.bytes - max(0, free - self.free))


@dataclass(slots=True)
class Cleared:
    """One look at a root: what went, what is free now, and whether anything was left that might have gone."""

    free: int
    clips: list[Clip] = field(default_factory=list)
    stuck: list[Stuck] = field(default_factory=list)
    """Those that were marked at this look, and that the disk keeps."""
    owed: int = 0
    exhausted: bool = False


class Room:
    def __init__(self, root: StorageRoot, clock: Callable[[], float] = time.monotonic) -> None:
        self.root, self.owed = root, Owed(clock=clock)

    def make(self, files: RootFiles, floor: int, goes_on: Callable[[], bool]) -> Cleared:
        """Delete until `floor` bytes are free, and no more than that. OSError: nothing can be."""
        cleared = Cleared(files.free_bytes())
        if self._lacks(cleared, floor) and files.read_only():
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        closed = self._closed()
        while self._lacks(cleared, floor) and len(closed) < MAX_STUCK and goes_on() and not cleared.exhausted:
            oldest = list(_besides(oldest_loose(self.root), closed).select_related("camera")[:AT_ONCE])
            cleared.exhausted = not oldest
            for clip in oldest:
                if not self._lacks(cleared, floor) or not goes_on():
                    break
                self._delete(files, clip, cleared)
                if cleared.stuck and cleared.stuck[-1][0] == clip:
                    closed.add(folder_of(clip.path))
                    break
        cleared.owed = self.owed.at(cleared.free)
        return cleared

    def _closed(self) -> set[str]:
        """Folders in which the disk keeps a clip that is marked."""
        marked = Clip.objects.exclude(deleted_at=None).filter(root=self.root).order_by()
        return {folder_of(path) for path in marked.values_list("path", flat=True)[:MAX_AT_ONCE]}

    def _lacks(self, cleared: Cleared, floor: int) -> bool:
        return cleared.free + self.owed.at(cleared.free) < floor

    def _delete(self, files: RootFiles, clip: Clip, cleared: Cleared) -> None:
        """Unless somebody took hold of it meanwhile."""
        if not mark_for_deletion(Clip.objects.loose().filter(pk=clip.pk)):
            return
        result = delete_clips(files, [clip])
        cleared.stuck += result.stuck
        if result.stuck:
            return
        cleared.clips.append(clip)
        before, cleared.free = cleared.free, files.free_bytes()
        self.owed.note(clip.bytes, before, cleared.free)


def _besides(clips: ClipQuerySet, folders: set[str]) -> ClipQuerySet:
    for folder in folders:
        clips = clips.exclude(path__startswith=f"{folder}/")
    return clips
