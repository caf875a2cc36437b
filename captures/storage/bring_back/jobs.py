"""The job `bring_back`: the files of a selection come back to this host from their verified copies. First the copies
of all chosen files say until when the files stay here, so that no rule of retention takes them away again behind the
job. Then each file is written beside its place, read back, compared, and renamed in the transaction in which its row
says that it is here. A kill at any line leaves the file at its destination, and at most a part here, which the next
attempt replaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from cameras.models import Camera
from cameras.spool.durable import RootFiles
from cameras.spool.storage import RootMissing
from captures.recordings.clips.services import open_root
from captures.roots.models import Kept, StorageRoot
from captures.storage.archives.copying import CopyFaulty, CopyStopped, CopyTarget, is_whole
from captures.storage.archives.jobs import lock_folder
from captures.storage.bring_back.planning import RETURNING, ReturningTable, Selection, make_plan, reserve_bytes
from captures.storage.offsite.copy_rows import lock_copies, update_locked
from captures.storage.offsite.destinations.port import CopyMissing, DestinationError, Interrupted, WrongChecksum
from captures.storage.offsite.models import OffsiteCopy
from captures.storage.offsite.restore import NoCopy, copies_of, fetch_part, part_name
from captures.storage.offsite.states import CopyState
from core import database_clock
from core.events.service import record_event
from core.failpoints import Failpoints
from core.jobs.context import JobContext, JobError
from core.templatetags.skycam import format_bytes
from core.text.sentences import pluralize
from core.times.timestamps import stamp

FAILPOINTS = Failpoints(
    (
        "after_files_held",
        "after_part_written",
        "after_file_placed",
        "after_row_here",
    )
)
"""Of a file that comes back, in their order."""


FAILURES = 3
"""Failures in a row after which the job ends, and is tried again later: the destination is away."""
MAX_LISTED = 100


def bring_back(context: JobContext) -> dict[str, Any]:
    """Arguments: `selection`, `until` (timestamp). Each attempt continues with what is not here yet. JobError when the
    disk has no space for all of it, before a byte is fetched, and when a destination does not give a file now."""
    returning = Returning(
        context, Selection.model_validate(context.arguments["selection"]),
        datetime.fromisoformat(context.arguments["until"]),
    )  # fmt: skip
    return returning.run()


class PlaceTaken(Exception):
    """Another file is where the file is to come back. It is not replaced: it may be the only one of its kind."""

    def __init__(self) -> None:
        super().__init__("Another file is in its place here. Move that file away, and bring this one back again.")


@dataclass(slots=True)
class Totals:
    """`lost`: what no destination has whole. `problems`: of these, and of files whose place another one has."""

    files: int = 0
    bytes: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)
    cameras: Counter[Any] = field(default_factory=Counter)


@dataclass(slots=True)
class StopPace:
    """Stops within a file, too. The hours and limits of a destination hold for what is sent there."""

    should_stop: Callable[[], bool]

    def take_bytes(self, count: int) -> None:
        if self.should_stop():
            raise Interrupted("The job is to stop.")


class Returning:
    """One attempt."""

    def __init__(self, context: JobContext, selection: Selection, until: datetime) -> None:
        self._context, self._selection, self._until = context, selection, until
        self._host, self._pace = settings.STATION.host, StopPace(context.should_stop)
        before = context.checkpoint or {}
        self.totals = Totals(files=before.get("files", 0), bytes=before.get("bytes", 0))
        self._total, self._failures, self._failed = 0, 0, ""

    def run(self) -> dict[str, Any]:
        self._hold()
        FAILPOINTS.hit("after_files_held")
        plan = make_plan(self._selection, self._host)
        if plan.problems:
            raise JobError(" ".join(plan.problems), permanent=True)
        self._total = self.totals.files + plan.files
        try:
            for root in plan.roots:
                self._fetch_root(root.root)
        except (CopyStopped, Interrupted):
            pass
        finally:
            self._report(always=True)
            self._record()
        if self._failed and not self._context.was_asked_to_stop:
            raise JobError(self._failed)
        found = self.totals
        return {
            "files": found.files, "bytes": found.bytes, "lost": found.lost, "until": stamp(self._until),
            "problems": found.problems,
        }  # fmt: skip

    def _hold(self) -> None:
        sooner = Q(here_until=None) | Q(here_until__lt=self._until)
        for table in RETURNING:
            chosen = table.chosen(self._selection).filter(**{table.host: self._host}).order_by().values("pk")
            copies = OffsiteCopy.objects.filter(sooner, table=table.name, **{f"{table.key}__in": chosen})
            update_locked(copies, here_until=self._until)

    def _fetch_root(self, root: StorageRoot) -> None:
        """CopyStopped, Interrupted; JobError when the disk is full or away."""
        try:
            with open_root(root) as files:
                for table in RETURNING:
                    rows = table.away(self._selection, [self._host]).filter(**{table.root: root})
                    for row in rows.order_by("pk").iterator(chunk_size=200):
                        self._try(table, row, files)
        except RootMissing as error:
            raise JobError(str(error)) from error
        except OSError as error:
            raise JobError(f"Writing to {root.path} failed: {error.strerror or error}. Check the disk.") from error

    def _try(self, table: ReturningTable, row: Any, files: RootFiles) -> None:
        """One that cannot be fetched now holds up no other."""
        if self._context.should_stop():
            raise CopyStopped
        try:
            is_back = ReturningFile(table, row, files, self._pace).bring_back()
        except (NoCopy, CopyMissing, WrongChecksum) as error:
            self.totals.lost += 1
            self._list_problem(table, row, error)
            return
        except PlaceTaken as error:
            self._list_problem(table, row, error)
            return
        except (DestinationError, CopyFaulty) as error:
            self._failed, self._failures = str(error), self._failures + 1
            if self._failures >= FAILURES:
                raise JobError(str(error)) from error
            return
        self._failures = 0
        if is_back:
            self.totals.files += 1
            self.totals.bytes += row.bytes
            self.totals.cameras[table.camera_of(row)] += 1
            self._report()

    def _list_problem(self, table: ReturningTable, row: Any, error: Exception) -> None:
        if len(self.totals.problems) < MAX_LISTED:
            self.totals.problems.append(f"{table.served(row).path}: {error}")

    def _report(self, *, always: bool = False) -> None:
        found = self.totals
        sentence = f"{pluralize(found.files, 'file')} ({format_bytes(found.bytes)}) came back"
        self._context.progress(found.files, self._total, sentence, always=always, files=found.files, bytes=found.bytes)

    def _record(self) -> None:
        """One event for each camera: a capture's path names it."""
        who = self._context.actor or "The station"
        for camera in Camera.objects.filter(pk__in=list(self.totals.cameras)):
            number = self.totals.cameras[camera.pk]
            record_event(
                "offsite.restored",
                f"{who} brought back {pluralize(number, 'file')} of {camera.slug} from off-site. No rule moves them "
                f"before {self._until:%Y-%m-%d %H:%M} UTC.",
                camera=camera, actor=self._context.actor,
                data={"files": number, "job": self._context.id, "until": stamp(self._until)},
            )  # fmt: skip


class ReturningFile:
    """A row whose file comes back to its place in `files`."""

    def __init__(self, table: ReturningTable, row: Any, files: RootFiles, pace: StopPace) -> None:
        self._table, self._row, self._files, self._pace = table, row, files, pace
        self._path = table.served(row).path
        self._folder, _, self._name = self._path.rpartition("/")

    def bring_back(self) -> bool:
        """Whether it is here, and was not before. PlaceTaken, NoCopy, DestinationError, CopyFaulty, CopyStopped,
        Interrupted, JobError, OSError."""
        self._files.make_folders(self._folder)
        # Not two at once: the worker of a job may be frozen and lose its lease, while its child goes on.
        with lock_folder(self._files, self._folder):
            if self._end_move():
                return False
            if self._is_whole(self._name):
                # A kill came between its new name and the row, maybe before its temporary name was gone.
                self._files.unlink(self._folder, part_name(self._row.sha256))
                self._files.sync(self._folder)
                return self._place("")
            self._check_place()
            if self._files.free_bytes() < self._row.bytes + reserve_bytes():
                raise JobError("The disk became full meanwhile. Free some space; what is back stays.", permanent=True)
            copies = copies_of(self._table.name, self._row.pk, self._row.sha256)
            _, part = fetch_part(copies, self._files, self._folder, self._pace)
            FAILPOINTS.hit("after_part_written")
            # The disk may return something else than was written.
            if not self._is_whole(part):
                self._files.unlink(self._folder, part)
                raise CopyFaulty("What was written here is not what the copy has. Check the disk.")
            try:
                return self._place(part)
            except FileExistsError:
                # It appeared while the part was written.
                self._files.unlink(self._folder, part)
                raise PlaceTaken from None

    def _end_move(self) -> bool:
        """A rule has marked it for its deletion here, which may have happened or not: decide it now, against that
        deletion (`captures.storage.retention.capture_rules`). Whether the file is here."""
        moving = self._table.model.objects.filter(pk=self._row.pk, kept=Kept.MOVING.value)
        with transaction.atomic():
            lock_copies(self._copies())
            is_here = self._files.size(self._folder, self._name) is not None
            moving.update(kept=Kept.HERE if is_here else Kept.OFFSITE)
        return not self._table.model.objects.filter(pk=self._row.pk, kept=Kept.OFFSITE.value).exists()

    def _copies(self) -> QuerySet[OffsiteCopy]:
        return OffsiteCopy.objects.filter(table=self._table.name, **{self._table.key: self._row.pk})

    def _check_place(self) -> None:
        """PlaceTaken, before a byte is fetched."""
        if self._files.size(self._folder, self._name) is not None:
            raise PlaceTaken

    def _is_whole(self, name: str) -> bool:
        target = CopyTarget(self._folder, self._name, self._row.bytes, self._row.sha256)
        return is_whole(self._files, target, name, self._pace.should_stop)

    def _place(self, part: str) -> bool:
        """False if the file was deleted meanwhile. FileExistsError when another file is in its place."""
        with transaction.atomic():
            # Locked: one that is taken back now is dead before this, or finds the file here.
            lock_copies(self._copies())
            # Locked: a deletion either comes before, or finds the file.
            if not list(self._table.owner(self._row).select_for_update()):
                self._files.unlink(self._folder, part or self._name)
                return False
            if part:
                self._files.move_to_free_name(self._folder, part, self._name)
                self._files.sync(self._folder)
                FAILPOINTS.hit("after_file_placed")
            rows = self._table.model.objects.filter(pk=self._row.pk, kept=Kept.OFFSITE.value)
            is_back = bool(rows.update(kept=Kept.HERE))
            # What could not be sent again while the file was away.
            dead = self._copies().filter(state=CopyState.DEAD.value)
            dead.update(state=CopyState.QUEUED, attempts=0, retry_at=database_clock.read_now())
        FAILPOINTS.hit("after_row_here")
        return is_back
