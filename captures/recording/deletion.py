"""How clips are deleted, so that a kill between any two lines spoils nothing: `deleted_at` in the row, then the file,
then the row. What a kill left half done, or another host asked for, the host that has the file finishes."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from cameras.runtime.durable import RootFiles
from cameras.runtime.killpoints import reached
from cameras.runtime.spool import spool_folder
from cameras.runtime.storage import MARKER, RootMissing, missing_sentence
from captures.models import Clip, StorageRoot
from captures.models.clip import ClipQuerySet
from captures.stills.thumbnails import forget

log = logging.getLogger(__name__)
MAX_AT_ONCE = 100
"""Rows of one transaction: others want to write too."""
MAX_STUCK = 10
"""Folders of one root: where the disk keeps a marked clip in so many, no more are marked to make room. A disk that
fails at each clip shall not cost all of them once it is mended."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why clips of a root stay. `camera` is the one whose clip the sentence names; `without_path` names none."""

    sentence: str
    camera: Camera | None = None
    without_path: str = ""


@dataclass(slots=True)
class DeletionSummary:
    """Clips that are gone, and roots where that could not be done."""

    clips: list[Clip] = field(default_factory=list)
    problems: dict[UUID, Problem] = field(default_factory=dict)


Stuck = tuple[Clip, OSError]


@dataclass(slots=True)
class DeletionResult:
    """Clips of which nothing is left, and those that the disk keeps, with what it says."""

    deleted: list[Clip] = field(default_factory=list)
    stuck: list[Stuck] = field(default_factory=list)


def mark_for_deletion(clips: ClipQuerySet) -> list[UUID]:
    """Mark for deletion what `clips` names, as far as its conditions still hold when it is written: a hold or a pin
    that comes at the same moment is either seen here or refused there. The ids of those that were marked."""
    wanted = list(clips.order_by().values_list("pk", flat=True)[:MAX_AT_ONCE])
    if not wanted:
        return []
    now = timezone.now()
    with transaction.atomic():
        locked = list(Clip.objects.select_for_update().filter(pk__in=wanted).values_list("pk", flat=True))
        clips.filter(pk__in=locked).order_by().update(deleted_at=now)
        marked = Clip.objects.filter(pk__in=locked, deleted_at=now).values_list("pk", flat=True)
        found = list(marked)
    reached("after_clip_marked")
    return found


def delete_marked(host: str, only: Iterable[UUID] | None = None) -> DeletionSummary:
    """Finish the deletion of this host's clips that are marked. A root that is not mounted keeps its rows."""
    marked = Clip.objects.exclude(deleted_at=None).filter(host=host, root__host=host)
    if only is not None:
        marked = marked.filter(pk__in=list(only))
    summary = DeletionSummary()
    for root in StorageRoot.objects.filter(pk__in=marked.order_by().values("root")):
        clips = marked.filter(root=root).select_related("camera").order_by("deleted_at", "pk")
        _delete_marked_in(root, list(clips[:MAX_AT_ONCE]), summary)
    return summary


def _delete_marked_in(root: StorageRoot, clips: list[Clip], summary: DeletionSummary) -> None:
    try:
        with open_root(root) as files:
            result = delete_clips(files, clips)
    except RootMissing as error:
        summary.problems[root.pk] = Problem(str(error))
    except OSError as error:
        summary.problems[root.pk] = Problem(undeletable_message(root, error))
    else:
        summary.clips += result.deleted
        if result.stuck:
            summary.problems[root.pk] = stuck_problem(root, result.stuck)
            _move_to_end([clip for clip, _ in result.stuck], len(clips))


def _move_to_end(clips: list[Clip], looked_at: int) -> None:
    """Where there are more than one sweep looks at, those that cannot go wait behind all others."""
    if looked_at == MAX_AT_ONCE:
        Clip.objects.filter(pk__in=[clip.pk for clip in clips]).update(deleted_at=timezone.now())


def undeletable_message(root: StorageRoot, error: OSError) -> str:
    return f"Clips in {root.path} cannot be deleted: {error.strerror}. Look at the disk."


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def stuck_problem(root: StorageRoot, stuck: list[Stuck]) -> Problem:
    """Names a clip that everybody may know of, if there is one."""
    clip, error = min(stuck, key=lambda one: (one[0].camera.restricted, one[0].path))
    clips = "A clip" if len(stuck) == 1 else f"{len(stuck)} clips"
    folders = {folder_of(one.path) for one, _ in stuck}
    others = "others go meanwhile" if len(folders) < MAX_STUCK else "none goes to make room meanwhile"
    said = f"{clips} in {root.path} cannot be deleted"
    return Problem(
        f"{said}: {clip.path} ({error.strerror}). Look at that file and its folders; {others}.",
        clip.camera,
        f"{said} ({error.strerror}); {others}.",
    )


def combine_problems(problems: Iterable[Problem]) -> Problem:
    """All of them, for an alert: since it is about one camera at most, one problem names a clip and the others none."""
    listed = sorted(problems, key=lambda one: (one.camera is None, one.camera is not None and one.camera.restricted))
    first, others = listed[0], listed[1:]
    return Problem(" ".join([first.sentence, *(one.without_path or one.sentence for one in others)]), first.camera)


def is_usable(root: StorageRoot) -> bool:
    """Whether files can be deleted there: what is not mounted, or read-only, is not even marked."""
    try:
        with open_root(root) as files:
            return not files.read_only()
    except (RootMissing, OSError):
        return False


@contextlib.contextmanager
def open_root(root: StorageRoot) -> Iterator[RootFiles]:
    """The root by its descriptor. RootMissing when it is not there, or another one is; OSError."""
    try:
        files = RootFiles(root.path)
    except FileNotFoundError as error:
        raise RootMissing(missing_sentence(root.path)) from error
    try:
        if read_marker(files) != str(root.pk):
            raise RootMissing(missing_sentence(root.path))
        yield files
    finally:
        files.close()


def read_marker(files: RootFiles) -> str | None:
    """The UUID of the root that was opened, and not of what may be mounted over it by now."""
    try:
        return files.read("", MARKER).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def delete_clips(files: RootFiles, clips: Iterable[Clip]) -> DeletionResult:
    """The files of marked clips, then their rows; also when a part of it is done already. One that cannot be removed
    is in nobody's way.

    A row stays while its record still lies in the spool: taken in again, that would make a row without a file.
    """
    result = DeletionResult()
    for clip in clips:
        try:
            delete_file(files, clip.path, clip.sha256)
            reached("after_clip_file")
            if files.size(spool_folder(str(clip.camera_id), "clips"), f"{clip.pk}.done") is None:
                result.deleted.append(clip)
        except OSError as error:
            result.stuck.append((clip, error))
    Clip.objects.filter(pk__in=[clip.pk for clip in result.deleted]).delete()
    reached("after_clip_row")
    return result


def delete_file(files: RootFiles, path: str, sha256: str) -> None:
    """A file of a root, which may be gone already, and what was drawn of it. OSError."""
    folder, _, name = path.rpartition("/")
    with contextlib.suppress(FileNotFoundError):  # people move files and folders
        files.unlink(folder, name)
        files.sync(folder)
    try:
        forget(files, sha256)
    except OSError as error:
        log.warning("What was drawn of %s stays in the thumbnails of its root: %s", path, error)
