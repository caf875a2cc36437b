"""Clips are held, pinned and deleted, so that a kill at any line does no harm: `deleted_at` is set in the row, then
the file is deleted, then the row. The host with the file finishes deletions that a kill interrupted, or that another
host requested."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.durable import RootFiles
from cameras.spool.failpoints import hit_failpoint
from cameras.spool.spool import spool_folder
from cameras.spool.storage import MARKER, RootMissing, root_missing_message
from captures.recordings.clips.models import Clip, ClipHold, ClipQuerySet
from captures.roots.models import StorageRoot
from captures.tables import guards, unguarded
from captures.thumbnails.store import delete_thumbnails
from core.events.service import record_event
from core.slices import delete_in_slices
from core.text.sentences import pluralize

log = logging.getLogger(__name__)

PIN = "a pin, which an operator can remove"
GUARDS_AS_HOLDS = {
    "an archive that copies it": ("archive", "until it is copied"),
    "an off-site copy that is not verified": ("offsite", "until its copy is verified"),
}
"""What keeps a clip, by `captures.tables.RETENTION_GUARDS` -> by whom and until when, as in a hold."""


class ClipHeld(Exception):
    """The clip must not be deleted; the message says why."""

    def __init__(self, clip: Clip, holds: list[ClipHold]) -> None:
        super().__init__(f"The clip is held by {', '.join(hold_reasons(clip, holds))}. Nothing was deleted.")
        self.holds = holds


def hold_reasons(clip: Clip, holds: list[ClipHold]) -> list[str]:
    """Why the clip must not be deleted, for people; empty if it may be."""
    return [*map(str, holds), *([PIN] if clip.pinned else [])]


@transaction.atomic
def pin_clip(clip: Clip, pinned: bool, actor: str, reason: str = "") -> None:
    """Pin or unpin the clip. Idempotent. A clip that is being deleted is not changed. The event has the reason."""
    if Clip.objects.present().filter(pk=clip.pk, pinned=not pinned).update(pinned=pinned):
        verb = "pinned" if pinned else "unpinned"
        record_event(
            "recording.pinned", f"{actor} {verb} the clip {clip}{f': {reason}' if reason else '.'}",
            camera=clip.camera, subject=clip.pk, actor=actor,
            data={"pinned": pinned, **({"reason": reason} if reason else {})},
        )  # fmt: skip


def delete_clip(clip: Clip, actor: str) -> None:
    """Delete the clip for good. A file on another host, or on a failing disk, is deleted when that host can do it.
    ClipHeld; Clip.DoesNotExist if it is being deleted already."""
    with transaction.atomic():
        found = Clip.objects.present().select_for_update().get(pk=clip.pk)
        holds = list(found.holds.all())
        if holds or found.pinned:
            raise ClipHeld(found, holds)
        if holds := _guarding_holds(found):
            raise ClipHeld(found, holds)
        # Not `deletable()`: a person may also delete a manual clip. A guard that came meanwhile keeps it, too.
        if not mark_for_deletion(unguarded(Clip.objects.present().filter(pk=clip.pk), "clips")):
            raise ClipHeld(found, _guarding_holds(found))
        _record_deletion(clip, actor)
    # After the commit: a transaction that is rolled back must not have deleted a file. A kill here leaves the clip to
    # the next pass of its host.
    if clip.host == settings.STATION.host:
        delete_marked(clip.host, [clip.pk])


def _guarding_holds(clip: Clip) -> list[ClipHold]:
    """What keeps the clip without a hold of its own, in the form of holds, which are not stored."""
    rows = Clip.objects.filter(pk=clip.pk)
    found = [reason for reason, condition in guards("clips").items() if rows.filter(condition).exists()]
    return [ClipHold(clip=clip, by=by, name=name) for by, name in map(GUARDS_AS_HOLDS.__getitem__, found)]


def _record_deletion(clip: Clip, actor: str) -> None:
    content = f"{clip.duration.total_seconds():.0f} s, {pluralize(clip.frames, 'frame')}, {clip.filename}"
    record_event(
        "recording.deleted", f"{actor} deleted the clip {clip}: {content}.", camera=clip.camera, subject=clip.pk,
        actor=actor, data={"path": clip.path, "bytes": clip.bytes, "sha256": clip.sha256},
    )  # fmt: skip


class ClipDeleted(Exception):
    """The clip is being deleted, or does not exist."""


@transaction.atomic
def hold_clip(clip: UUID, by: str, name: str) -> ClipHold:
    """Keep the clip for the experiment, archive or export `name`. Idempotent. ClipDeleted.

    The row is locked first: a concurrent deletion sees the hold, or the hold sees the deletion.
    """
    if Clip.objects.present().select_for_update().filter(pk=clip).first() is None:
        raise ClipDeleted(f"The clip {clip} is being deleted, or does not exist any more.")
    # In the transaction of the lock, or a deletion could mark the clip between the check and this row.
    found, _ = ClipHold.objects.get_or_create(clip_id=clip, by=by, name=name)
    return found


def release_holds(by: str, name: str) -> int:
    """Release all holds of `name`; returns how many there were. An experiment may have tens of thousands of clips."""
    return delete_in_slices(ClipHold.objects.filter(by=by, name=name))


MAX_AT_ONCE = 100
"""Rows per transaction, so that other writers do not wait long."""
MAX_STUCK = 10
"""Folders of one root in which marked clips cannot be deleted. From then on no more clips are marked to free space: a
disk that fails on each clip must not lead to the deletion of all of them once it works."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why clips of a root are not deleted. `sentence` names a clip of `camera`; `without_path` names none."""

    sentence: str
    camera: Camera | None = None
    without_path: str = ""


@dataclass(slots=True)
class DeletionSummary:
    """Deleted clips, and problems by root."""

    clips: list[Clip] = field(default_factory=list)
    problems: dict[UUID, Problem] = field(default_factory=dict)


Stuck = tuple[Clip, OSError]
Record = Callable[[Sequence[Clip]], None]
"""Stores the event of deleted clips, so that a kill loses neither it nor a row without it."""


@dataclass(slots=True)
class DeletionResult:
    """Clips whose rows were deleted, and clips that the disk cannot delete, with its errors."""

    deleted: list[Clip] = field(default_factory=list)
    stuck: list[Stuck] = field(default_factory=list)


def mark_for_deletion(clips: ClipQuerySet) -> list[UUID]:
    """Mark those of `clips` whose conditions still hold when the mark is written: a concurrent hold or pin is either
    seen here or refused there. Returns the ids of the marked clips."""
    # Only ids: the conditions of `clips` are checked once more when the rows are locked.
    wanted = list(clips.order_by().values_list("pk", flat=True)[:MAX_AT_ONCE])
    if not wanted:
        return []
    now = timezone.now()
    with transaction.atomic():
        locked = list(Clip.objects.select_for_update().filter(pk__in=wanted).values_list("pk", flat=True))
        # The conditions once more, in the UPDATE: a hold takes the same row lock (`hold_clip`), so it is either seen
        # here, or finds the mark.
        clips.filter(pk__in=locked).order_by().update(deleted_at=now)
        # An UPDATE of Django returns a number and no ids. The rows are locked: this time is that of this call.
        marked = Clip.objects.filter(pk__in=locked, deleted_at=now).values_list("pk", flat=True)
        found = list(marked)
    # After the commit: from here on the clip is hidden, and any pass of its host completes the deletion.
    hit_failpoint("after_clip_marked")
    return found


def delete_marked(host: str, only: Iterable[UUID] | None = None, record: Record | None = None) -> DeletionSummary:
    """Delete this host's marked clips. Clips of a root that is not mounted keep their rows. `record` is called with
    those of each root in the transaction that deletes their rows."""
    marked = Clip.objects.exclude(deleted_at=None).filter(host=host, root__host=host)
    if only is not None:
        marked = marked.filter(pk__in=list(only))
    summary = DeletionSummary()
    # Root by root, so that one that is missing or fails does not delay the clips of the others.
    for root in StorageRoot.objects.filter(pk__in=marked.order_by().values("root")):
        clips = marked.filter(root=root).select_related("camera").order_by("deleted_at", "pk")
        _delete_marked_in(root, list(clips[:MAX_AT_ONCE]), summary, record)
    return summary


def _delete_marked_in(root: StorageRoot, clips: list[Clip], summary: DeletionSummary, record: Record | None) -> None:
    try:
        with open_root(root) as files:
            result = delete_clips(files, clips, record)
    except RootMissing as error:
        summary.problems[root.pk] = Problem(str(error))
    except OSError as error:
        summary.problems[root.pk] = Problem(undeletable_message(root, error))
    else:
        summary.clips += result.deleted
        if result.stuck:
            summary.problems[root.pk] = stuck_problem(root, result.stuck)
            # Otherwise 100 clips that cannot be deleted would fill each batch, and no other would be reached.
            _move_to_end([clip for clip, _ in result.stuck], len(clips))


def _move_to_end(clips: list[Clip], tried: int) -> None:
    """If there are more marked clips than one batch, those that cannot be deleted are tried after all others."""
    if tried == MAX_AT_ONCE:
        Clip.objects.filter(pk__in=[clip.pk for clip in clips]).update(deleted_at=timezone.now())


def undeletable_message(root: StorageRoot, error: OSError) -> str:
    return f"Clips in {root.path} cannot be deleted: {error.strerror}. Check the disk."


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def stuck_problem(root: StorageRoot, stuck: list[Stuck]) -> Problem:
    """Names a clip of an unrestricted camera if there is one."""
    # An alert belongs to one camera at most, and only users who may see that camera see it.
    clip, error = min(stuck, key=lambda one: (one[0].camera.restricted, one[0].path))
    clips = "A clip" if len(stuck) == 1 else f"{len(stuck)} clips"
    folders = {folder_of(one.path) for one, _ in stuck}
    others = (
        "other clips are deleted meanwhile"
        if len(folders) < MAX_STUCK
        else "no clip is deleted to free space meanwhile"
    )
    summary = f"{clips} in {root.path} cannot be deleted"
    return Problem(
        f"{summary}: {clip.path} ({error.strerror}). Check that file and its folders; {others}.",
        clip.camera,
        f"{summary} ({error.strerror}); {others}.",
    )


def combine_problems(problems: Iterable[Problem]) -> Problem:
    """All problems in one for an alert. It can belong to one camera only, so only one problem names a clip."""
    listed = sorted(problems, key=lambda one: (one.camera is None, one.camera is not None and one.camera.restricted))
    first, others = listed[0], listed[1:]
    return Problem(" ".join([first.sentence, *(one.without_path or one.sentence for one in others)]), first.camera)


def is_usable(root: StorageRoot) -> bool:
    """Whether files can be deleted there. Clips of a root that is read-only or not mounted are not even marked."""
    try:
        with open_root(root) as files:
            return not files.read_only()
    except (RootMissing, OSError):
        return False


@contextlib.contextmanager
def open_root(root: StorageRoot) -> Iterator[RootFiles]:
    """The root, opened by descriptor. RootMissing if the folder does not exist or holds another root; OSError."""
    try:
        files = RootFiles(root.path)
    except FileNotFoundError as error:
        raise RootMissing(root_missing_message(root.path)) from error
    try:
        # Read through the open descriptor, like all that follows: a disk that is mounted or unmounted now changes
        # nothing.
        if read_marker(files) != str(root.pk):
            raise RootMissing(root_missing_message(root.path))
        yield files
    finally:
        files.close()


def read_marker(files: RootFiles) -> str | None:
    """The UUID of the open root, not of a root that was mounted over it later."""
    try:
        return files.read("", MARKER).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def delete_clips(files: RootFiles, clips: Iterable[Clip], record: Record | None = None) -> DeletionResult:
    """Delete the files of marked clips, then their rows; continues an interrupted deletion. A clip that cannot be
    deleted does not block the others. `record` is called in the transaction of the rows.

    A row stays while its record is in the spool: ingesting the record again would create a row without a file.
    """
    result = DeletionResult()
    for clip in clips:
        try:
            # The file before the row: after a kill in between the row still names it. The other order would leave a
            # file that no row knows, and its space would never be freed.
            delete_file(files, clip.path, clip.sha256)
            hit_failpoint("after_clip_file")
            if files.size(spool_folder(str(clip.camera_id), "clips"), f"{clip.pk}.done") is None:
                result.deleted.append(clip)
        except OSError as error:
            result.stuck.append((clip, error))
    result.deleted = _delete_rows(result.deleted, record)
    hit_failpoint("after_clip_row")
    return result


def _delete_rows(clips: Sequence[Clip], record: Record | None) -> list[Clip]:
    """Returns those that had a row: a job and the periodic cleanup may delete the same marked clips, and each clip is
    reported once."""
    # Before the transaction, which takes the database's lock for writing.
    if not clips:
        return []
    with transaction.atomic():
        rows = Clip.objects.filter(pk__in=[clip.pk for clip in clips])
        locked = set(rows.select_for_update().order_by().values_list("pk", flat=True))
        Clip.objects.filter(pk__in=locked).delete()
        deleted = [clip for clip in clips if clip.pk in locked]
        if record and deleted:
            record(deleted)
    return deleted


def delete_file(files: RootFiles, path: str, sha256: str) -> None:
    """Delete a file of a root, which may be missing already, and its thumbnails. OSError."""
    folder, _, name = path.rpartition("/")
    with contextlib.suppress(FileNotFoundError):  # people move files and folders
        files.unlink(folder, name)
        # Before the row goes: a power cut could bring back the name of a file whose row is gone.
        files.sync(folder)
    try:
        delete_thumbnails(files, sha256)
    except OSError as error:
        # Thumbnails are small and can be made again: they must not keep a clip of gigabytes on a full disk.
        log.warning("The thumbnails of %s cannot be deleted and stay in its root: %s", path, error)
