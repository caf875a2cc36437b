"""What can be done with the rows of the admin: a literal table, and what each action does with one row. Each calls
the service that the pages and the API call. A new action is one entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from django.conf import settings
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from captures.capturing.models import Capture, CaptureFile
from captures.experiments.models import Experiment
from captures.files.verification import FileFaulty, RootAway, verify_file
from captures.recordings.clips.models import Clip, ClipHold
from captures.recordings.clips.services import ClipHeld, delete_clip, pin_clip
from captures.roots.roots import UnusableRoot
from captures.storage.archives.models import Archive
from captures.storage.archives.services import request_archive
from captures.storage.archives.verification import request_verification
from captures.storage.offsite.models import Destination
from captures.storage.offsite.queue import queue_files
from captures.storage.stored_files import FILE_TABLES
from captures.storage.trash.services import (
    CaptureKept,
    NotInTrash,
    NotPurged,
    guarded_captures,
    in_use,
    pin_capture,
    purge_capture,
    restore_capture,
    trash_capture,
)
from captures.tables import guarded


@dataclass(frozen=True, slots=True)
class ItemRequest:
    """Who asked for it, why, and whether it is to stop."""

    actor: str
    reason: str = ""
    should_stop: Callable[[], bool] = field(default=lambda: False)


Apply = Callable[[Any, ItemRequest], None]
ITEM_ERRORS: tuple[type[Exception], ...] = (
    CaptureKept,
    ClipHeld,
    FileFaulty,
    NotInTrash,
    NotPurged,
    RootAway,
    UnusableRoot,
)
"""What one row can have wrong: it is reported with the row, and the others go on."""


def pin(clip: Clip, request: ItemRequest) -> None:
    pin_clip(clip, True, request.actor, request.reason)


def unpin(clip: Clip, request: ItemRequest) -> None:
    pin_clip(clip, False, request.actor, request.reason)


def delete(clip: Clip, request: ItemRequest) -> None:
    """ClipHeld."""
    delete_clip(clip, request.actor)


def copy_clip(clip: Clip, request: ItemRequest) -> None:
    queue_files([FILE_TABLES["clips"].of_row(clip)], request.actor)


def pin_picture(capture: Capture, request: ItemRequest) -> None:
    """CaptureKept."""
    pin_capture(capture, True, request.actor, request.reason)


def unpin_picture(capture: Capture, request: ItemRequest) -> None:
    pin_capture(capture, False, request.actor, request.reason)


def trash(capture: Capture, request: ItemRequest) -> None:
    """CaptureKept."""
    trash_capture(capture, request.actor)


def restore(capture: Capture, request: ItemRequest) -> None:
    """NotInTrash."""
    restore_capture(capture, request.actor)


def purge(capture: Capture, request: ItemRequest) -> None:
    """NotPurged."""
    purge_capture(capture, settings.STATION.host, request.actor)


def copy_capture(capture: Capture, request: ItemRequest) -> None:
    files = capture.files.select_related("capture")
    queue_files([FILE_TABLES["captures"].of_row(file) for file in files], request.actor)


def verify_clip(clip: Clip, request: ItemRequest) -> None:
    """FileFaulty, RootAway, Stopped."""
    verify_file(clip, request.should_stop)


def verify_capture(capture: Capture, request: ItemRequest) -> None:
    """Its files on this host. FileFaulty, which names each faulty one; RootAway, Stopped."""
    faults = []
    for file in capture.files.filter(host=settings.STATION.host).select_related("root", "capture__camera"):
        try:
            verify_file(file, request.should_stop)
        except FileFaulty as error:
            faults.append(str(error))
    if faults:
        raise FileFaulty(" ".join(faults))


def archive_experiment(experiment: Experiment, request: ItemRequest) -> None:
    """UnusableRoot."""
    request_archive(experiment, actor=request.actor, user=None)


def verify_experiment(experiment: Experiment, request: ItemRequest) -> None:
    request_verification(experiment.archive, request.actor, user=None)


def verify_archive(archive: Archive, request: ItemRequest) -> None:
    request_verification(archive, request.actor, user=None)


HasHost = Callable[[str], Q]
Hosts = Callable[[QuerySet[Any]], list[str]]


class Skip(NamedTuple):
    """Rows that an action leaves out, and why: `12 clips are left out: they are pinned already`."""

    why: str
    condition: Callable[[], Q]


class Places(NamedTuple):
    """For work that is done where the files are: one job on each host that has some of them."""

    has_host: HasHost
    hosts: Hosts


class Action(NamedTuple):
    """`work`: `items`: `apply` is called for each row, in a job if the action is heavy or there are many rows;
    `download`: the files are sent to the browser. `bytes`: the path to the sizes of a row's files; empty: not counted.
    """

    model: type[Model]
    name: str
    label: str
    """A verb: `Pin`."""
    done: str
    """In the past: `pinned`."""
    role: str
    heavy: bool
    """Asks to type the number of rows before it begins."""
    with_reason: bool
    work: Literal["items", "download"]
    bytes: str
    skips: tuple[Skip, ...]
    apply: Apply | None = None
    places: Places | None = None


def _of_column(path: str) -> Hosts:
    return lambda rows: sorted(set(rows.order_by().values_list(path, flat=True).distinct()) - {None})


def _files_on(host: str) -> Q:
    return Q(Exists(CaptureFile.objects.filter(capture=OuterRef("pk"), host=host)))


CLIP_PLACES = Places(lambda host: Q(host=host), _of_column("host"))
CAPTURE_PLACES = Places(_files_on, _of_column("files__host"))
NO_FILES = Skip("have no files", lambda: ~Q(Exists(CaptureFile.objects.filter(capture=OuterRef("pk")))))

IN_TRASH = Q(trashed_at__isnull=False, purged_at=None)
TRASHED = Skip("are in the trash", lambda: Q(trashed_at__isnull=False))
NO_DESTINATION = Skip(
    "have no enabled destination of off-site copies",
    lambda: Q(pk__isnull=False) if not Destination.objects.filter(enabled=True).exists() else Q(pk__in=[]),
)


GUARDED = "wait for an archive that copies them, or for their off-site copy"

ACTIONS: tuple[Action, ...] = (
    Action(
        Clip, "pin", "Pin", "pinned", "manager", False, True, "items", "bytes",
        (Skip("are pinned already", lambda: Q(pinned=True)),), pin,
    ),
    Action(
        Clip, "unpin", "Unpin", "unpinned", "manager", False, True, "items", "bytes",
        (Skip("are not pinned", lambda: Q(pinned=False)),), unpin,
    ),
    Action(Clip, "verify", "Verify", "verified", "manager", True, False, "items", "bytes", (), verify_clip,
           CLIP_PLACES),
    Action(
        Clip, "export", "Export", "exported", "manager", True, False, "download", "bytes",
        (),
    ),
    Action(Capture, "verify", "Verify", "verified", "manager", True, False, "items", "files__bytes", (NO_FILES,),
           verify_capture, CAPTURE_PLACES),
    Action(
        Capture, "export", "Export", "exported", "manager", True, False, "download", "files__bytes",
        (
            TRASHED,
            NO_FILES,
        ),
    ),
    Action(
        Clip, "offsite", "Copy off-site", "queued", "manager", True, False, "items", "bytes", (NO_DESTINATION,),
        copy_clip,
    ),
    Action(
        Clip, "delete", "Delete for good", "deleted", "manager", True, False, "items", "bytes",
        (
            Skip("are pinned", lambda: Q(pinned=True)),
            Skip("are held", lambda: Q(Exists(ClipHold.objects.filter(clip=OuterRef("pk"))))),
            Skip(GUARDED, lambda: guarded("clips")),
        ),
        delete,
    ),
    Action(
        Capture, "pin", "Pin", "pinned", "manager", False, True, "items", "files__bytes",
        (TRASHED, Skip("are pinned already", lambda: Q(pinned=True))), pin_picture,
    ),
    Action(
        Capture, "unpin", "Unpin", "unpinned", "manager", False, True, "items", "files__bytes",
        (TRASHED, Skip("are not pinned", lambda: Q(pinned=False))), unpin_picture,
    ),
    Action(
        Capture, "offsite", "Copy off-site", "queued", "manager", True, False, "items", "files__bytes",
        (NO_DESTINATION, NO_FILES), copy_capture,
    ),
    Action(
        Capture, "trash", "Move to the trash", "moved to the trash", "manager", True, False, "items", "files__bytes",
        (
            TRASHED, NO_FILES, Skip("are pinned", lambda: Q(pinned=True)),
            Skip("belong to an experiment that is not archived, or to an archive that is being made", in_use),
        ),
        trash,
    ),
    Action(
        Capture, "restore", "Restore from the trash", "restored", "manager", True, False, "items", "files__bytes",
        (Skip("are not in the trash", lambda: ~IN_TRASH),), restore,
    ),
    Action(
        Capture, "purge", "Delete from the trash for good", "deleted", "manager", True, False, "items", "files__bytes",
        (Skip("are not in the trash", lambda: ~IN_TRASH), Skip(GUARDED, guarded_captures)), purge,
        CAPTURE_PLACES,
    ),
    Action(
        Experiment, "archive", "Archive", "archived", "manager", True, False, "items", "clips__bytes",
        (Skip("have not started", lambda: Q(started_at=None)),), archive_experiment,
    ),
    Action(
        Experiment, "verify", "Verify the archive", "verified", "manager", True, False, "items",
        "archive__folders__files__bytes", (Skip("have no archive", lambda: Q(archive=None)),),
        verify_experiment,
    ),
    Action(Archive, "verify", "Verify", "verified", "manager", True, False, "items", "folders__files__bytes", (),
           verify_archive),
)  # fmt: skip
"""In the order of the menus."""


def actions_of(model: type[Model]) -> list[Action]:
    return [action for action in ACTIONS if action.model is model]


def action_named(model: type[Model], name: str) -> Action | None:
    return next((action for action in actions_of(model) if action.name == name), None)
