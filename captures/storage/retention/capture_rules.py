"""The rules for captures and archives: the time in the trash, the age that moves captures there, and the age from
which captures and archives are left to their verified off-site copies. Nothing deletes captures to free space. A file
that is left to its copy is marked as `moving` with all conditions in one statement, deleted, and then `offsite`. A
kill in between leaves it `moving`: it is served from its copy already, and the next pass deletes it, if the copy is
still verified then. What takes a verified copy back, or closes its destination, locks its row as the deletion
does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from cameras.spool.durable import RootFiles
from cameras.spool.storage import RootMissing
from captures.capturing.models import Capture, CaptureFile
from captures.files.thumbnail_queue import job_for, local_queue
from captures.recordings.clips.services import Problem, open_root, undeletable_message
from captures.roots.models import Kept, StorageRoot
from captures.storage.archives.models import ArchiveFile, ArchiveFileState
from captures.storage.archives.selectors import copy_of
from captures.storage.file_classes import FileClass
from captures.storage.offsite.copy_rows import lock_copies
from captures.storage.offsite.destinations.settings import DestinationKind
from captures.storage.offsite.models import OffsiteCopy
from captures.storage.offsite.selectors import unverified_archive_files
from captures.storage.offsite.states import CopyState
from captures.storage.retention.plan import PlanItem, Why
from captures.storage.trash.services import expired, in_use, mark_purged, marked, record_aged, trash_captures, trashable
from captures.tables import guarded, unguarded
from captures.thumbnails.store import CLIP, PICTURE_KINDS, ThumbnailStore
from core import database_clock
from core.events.service import record_event
from core.station_settings import retention_config
from core.templatetags.skycam import format_bytes
from core.text.sentences import pluralize, was_or_were

COLUMNS = ("pk", Cast("capture__camera", CharField()), Cast("root", CharField()), "path", "bytes")


def file_items(files: QuerySet[CaptureFile], why: Why, most: int | None) -> Iterator[PlanItem]:
    rows = files.order_by("pk").values_list(*COLUMNS)
    ids = cache(UUID)
    for pk, camera, root, path, size in rows[:most] if most else rows.iterator(chunk_size=2000):
        yield PlanItem("captures", str(pk), FileClass.CAPTURE, ids(camera), ids(root), path, size, why)


def _in(files: QuerySet[CaptureFile], roots: Sequence[StorageRoot]) -> Iterator[QuerySet[CaptureFile]]:
    for root in roots:
        yield files.filter(root=root, host=root.host)


class MarkedCaptures:
    """Purges that a kill or a missing disk interrupted."""

    table, why = "captures", Why.ASKED

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        for files in _in(marked(), roots):
            yield from file_items(files, self.why, most)

    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        return [str(pk) for pk in marked().filter(pk__in=[item.pk for item in items]).values_list("pk", flat=True)]


class TimeInTrash:
    """Captures that were moved to the trash longer ago than they can be restored."""

    table, why = "captures", Why.TRASH

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        for files in _in(expired(retention_config().trash_days), roots):
            yield from file_items(files, self.why, most)

    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        return mark_purged([item.pk for item in items], retention_config().trash_days)


class AgeOfCaptures:
    """Captures that are older than captures may become: they are moved to the trash, and no file is deleted."""

    table, why = "captures", Why.AGE

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        if retention_config().capture_days:
            for files in _in(unguarded(self._aged(), "captures"), roots):
                yield from file_items(files, self.why, most)

    @transaction.atomic
    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        if not retention_config().capture_days:
            return []
        aged = unguarded(self._aged(), "captures").filter(pk__in=[item.pk for item in items])
        moved = trash_captures(set(aged.values_list("capture", flat=True)), actor="")
        record_aged(moved, retention_config().capture_days)
        return []

    @staticmethod
    def _aged() -> QuerySet[CaptureFile]:
        before = timezone.now() - timedelta(days=retention_config().capture_days)
        return CaptureFile.objects.filter(capture__in=trashable().filter(started_at__lt=before).order_by())


class MovesToCopies:
    """A rule of one table."""

    table: str
    why = Why.OFFSITE
    file_class: FileClass
    camera: str
    key: str
    """The column of `OffsiteCopy` for its keys."""
    model: type[CaptureFile | ArchiveFile]

    def select(self, roots: Sequence[StorageRoot], cameras: Iterable[UUID], most: int | None) -> Iterator[PlanItem]:
        begun = self.of_roots(self.begun(), roots)
        due = self.of_roots(self.due(), roots) if self.days() else []
        for rows in [*begun, *due]:
            for row in rows.order_by("pk")[:most] if most else rows.order_by("pk").iterator(chunk_size=500):
                yield self.item(row)

    def mark(self, items: Sequence[PlanItem]) -> list[str]:
        """The keys of those that are to be deleted here now."""
        keys = [item.pk for item in items]
        if self.days():
            ready = [row.pk for row in self.due().filter(pk__in=keys) if has_thumbnails(self.served(row))]
            # Conditions and mark in one statement: a copy that was taken back meanwhile keeps its file.
            self.model.objects.filter(pk__in=self.due().filter(pk__in=ready).values("pk")).update(kept=Kept.MOVING)
        return [str(pk) for pk in self.begun().filter(pk__in=keys).values_list("pk", flat=True)]

    def begun(self) -> QuerySet[Any]:
        return self.rows().filter(kept=Kept.MOVING.value)

    def due(self) -> QuerySet[Any]:
        copies = self.verified_copies().filter(**{self.key: OuterRef("pk")}, sha256=OuterRef("sha256"))
        held = self.brought_back().filter(**{self.key: OuterRef("pk")})
        return self.aged().filter(Exists(copies), ~Exists(held), kept=Kept.HERE.value)

    def brought_back(self) -> QuerySet[OffsiteCopy]:
        """The copies of files that a person wants here for now."""
        return OffsiteCopy.objects.filter(table=self.table, here_until__gt=database_clock.read_now())

    def verified_copies(self) -> QuerySet[OffsiteCopy]:
        """At destinations that may have the only copy."""
        return OffsiteCopy.objects.filter(
            table=self.table, state=CopyState.VERIFIED.value, destination__kind=DestinationKind.S3.value,
            destination__enabled=True, destination__settings__only_copy=True,
        )  # fmt: skip

    def lock_owners(self, pk: str) -> None:
        """Lock what a pin, an experiment or an archive refers to: it comes before, and is seen, or after the
        deletion."""
        list(self.model.objects.filter(pk=pk).select_for_update())

    def kept(self) -> QuerySet[Any]:
        """The files that must stay, however old they are."""
        raise NotImplementedError

    def before(self) -> Any:
        return timezone.now() - timedelta(days=self.days())

    def days(self) -> float:
        raise NotImplementedError

    def rows(self) -> QuerySet[Any]:
        raise NotImplementedError

    def aged(self) -> QuerySet[Any]:
        raise NotImplementedError

    def of_roots(self, rows: QuerySet[Any], roots: Sequence[StorageRoot]) -> list[QuerySet[Any]]:
        raise NotImplementedError

    def item(self, row: Any) -> PlanItem:
        raise NotImplementedError

    def served(self, row: Any) -> Any:
        raise NotImplementedError


class OldCaptures(MovesToCopies):
    table, file_class, key, model = "captures", FileClass.CAPTURE, "number", CaptureFile

    def days(self) -> float:
        return float(retention_config().capture_offsite_days)

    def rows(self) -> QuerySet[CaptureFile]:
        return CaptureFile.objects.filter(capture__purged_at=None).select_related("capture", "root")

    def aged(self) -> QuerySet[CaptureFile]:
        # As the rule of age: what is pinned or in use by an experiment stays here.
        old = trashable().filter(started_at__lt=self.before()).order_by()
        return unguarded(self.rows().filter(capture__in=old), "captures")

    def lock_owners(self, pk: str) -> None:
        list(Capture.objects.filter(files__pk=pk).select_for_update(of=("self",)))
        super().lock_owners(pk)

    def kept(self) -> QuerySet[CaptureFile]:
        needed = Capture.objects.filter(Q(pinned=True) | in_use()).order_by()
        return CaptureFile.objects.filter(Q(capture__in=needed) | guarded("captures"))

    def of_roots(self, rows: QuerySet[Any], roots: Sequence[StorageRoot]) -> list[QuerySet[Any]]:
        return [rows.filter(root=root, host=root.host) for root in roots]

    def item(self, row: CaptureFile) -> PlanItem:
        return PlanItem(
            self.table, str(row.pk), self.file_class, row.capture.camera_id, row.root_id, row.path, row.bytes, self.why
        )

    def served(self, row: CaptureFile) -> CaptureFile:
        return row


class OldArchives(MovesToCopies):
    table, file_class, key, model = "archives", FileClass.ARCHIVE, "uuid", ArchiveFile

    def days(self) -> float:
        return float(retention_config().archive_offsite_days)

    def rows(self) -> QuerySet[ArchiveFile]:
        found = ArchiveFile.objects.filter(state=ArchiveFileState.COPIED.value)
        return found.select_related("folder__archive", "folder__root").defer("folder__archive__manifest")

    def aged(self) -> QuerySet[ArchiveFile]:
        # No rule but this one deletes files of archives, so they are in no table of guards.
        old = self.rows().filter(at__lt=self.before(), copied_at__lt=self.before())
        return old.exclude(unverified_archive_files())

    def kept(self) -> QuerySet[ArchiveFile]:
        return ArchiveFile.objects.filter(unverified_archive_files())

    def of_roots(self, rows: QuerySet[Any], roots: Sequence[StorageRoot]) -> list[QuerySet[Any]]:
        return [rows.filter(folder__root=root, folder__host=root.host) for root in roots]

    def item(self, row: ArchiveFile) -> PlanItem:
        copy = copy_of(row)
        return PlanItem(
            self.table, str(row.pk), self.file_class, row.camera_id, copy.root_id, copy.path, row.bytes, self.why
        )

    def served(self, row: ArchiveFile) -> Any:
        return copy_of(row)


MOVES: dict[str, MovesToCopies] = {rule.table: rule for rule in (OldCaptures(), OldArchives())}


def has_thumbnails(row: Any) -> bool:
    """Whether all that the host makes of the file is made, or cannot be: it cannot be made of a copy. What is missing
    is queued."""
    if row.kind not in PICTURE_KINDS and row.kind != CLIP:
        return True
    with ThumbnailStore(row.root.path) as store:
        if store.has_all_sizes(row.sha256) or store.read_failure(row.sha256):
            return True
    local_queue().enqueue(job_for(row))
    return False


def delete_moved(rule: MovesToCopies, items: Sequence[PlanItem]) -> tuple[list[PlanItem], dict[UUID, Problem]]:
    """Delete the marked files of one root here, not their thumbnails. Returns those that are gone, and problems by
    root."""
    gone, problems = list[PlanItem](), dict[UUID, Problem]()
    for root in StorageRoot.objects.filter(pk__in={item.root for item in items}):
        try:
            with open_root(root) as files:
                for item in items:
                    if item.root == root.pk and _delete_here(rule, files, item):
                        gone.append(item)
        except RootMissing as error:
            problems[root.pk] = Problem(str(error))
        except OSError as error:
            problems[root.pk] = Problem(undeletable_message(root, error))
    return gone, problems


def _delete_here(rule: MovesToCopies, files: RootFiles, item: PlanItem) -> bool:
    """Whether it is gone. Without a verified copy, or when a person, an experiment or an archive needs it by now, it
    stays, and is again a file of this host. OSError."""
    folder, _, name = item.path.rpartition("/")
    row = rule.model.objects.filter(pk=item.pk, kept=Kept.MOVING.value)
    copies = rule.verified_copies().filter(**{rule.key: item.pk})
    with transaction.atomic():
        # Until the file is gone, no destination is closed and no copy taken back.
        is_verified = bool(lock_copies(copies))
        # After the copies, as a file that comes back locks them.
        rule.lock_owners(item.pk)
        is_wanted = rule.kept().filter(pk=item.pk).exists()
        is_wanted |= rule.brought_back().filter(**{rule.key: item.pk}).exists()
        # Of a move that was killed it is gone already.
        is_here = files.size(folder, name) is not None
        if is_here and (is_wanted or not is_verified):
            row.update(kept=Kept.HERE)
            return False
        if is_here:
            files.unlink(folder, name)
        return bool(row.update(kept=Kept.OFFSITE))


def record_moves(items: Sequence[PlanItem], actor: str) -> None:
    if items:
        size = sum(item.bytes for item in items)
        record_event(
            "storage.moved",
            f"{pluralize(len(items), 'file')} ({format_bytes(size)}) {was_or_were(len(items))} deleted here: their "
            "verified off-site copies are kept.",
            camera=None, actor=actor, data={"files": len(items), "bytes": size},
        )  # fmt: skip
