"""What can be done with the rows of the admin: a literal table. A new action is one entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from captures.capturing.models import Capture, CaptureFile
from captures.experiments.models import Experiment
from captures.recordings.clips.models import Clip, ClipHold
from captures.roots.guards import guarded
from captures.storage.archives.models import Archive
from captures.storage.offsite.models import Destination
from captures.storage.trash.purge import guarded_captures
from captures.storage.trash.services import in_use
from skycam_project.admin.actions import items

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
    apply: items.Apply | None = None
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
        (Skip("are pinned already", lambda: Q(pinned=True)),), items.pin,
    ),
    Action(
        Clip, "unpin", "Unpin", "unpinned", "manager", False, True, "items", "bytes",
        (Skip("are not pinned", lambda: Q(pinned=False)),), items.unpin,
    ),
    Action(Clip, "verify", "Verify", "verified", "manager", True, False, "items", "bytes", (), items.verify_clip,
           CLIP_PLACES),
    Action(
        Clip, "export", "Export", "exported", "manager", True, False, "download", "bytes",
        (),
    ),
    Action(Capture, "verify", "Verify", "verified", "manager", True, False, "items", "files__bytes", (NO_FILES,),
           items.verify_capture, CAPTURE_PLACES),
    Action(
        Capture, "export", "Export", "exported", "manager", True, False, "download", "files__bytes",
        (
            TRASHED,
            NO_FILES,
        ),
    ),
    Action(
        Clip, "offsite", "Copy off-site", "queued", "manager", True, False, "items", "bytes", (NO_DESTINATION,),
        items.copy_clip,
    ),
    Action(
        Clip, "delete", "Delete for good", "deleted", "manager", True, False, "items", "bytes",
        (
            Skip("are pinned", lambda: Q(pinned=True)),
            Skip("are held", lambda: Q(Exists(ClipHold.objects.filter(clip=OuterRef("pk"))))),
            Skip(GUARDED, lambda: guarded("clips")),
        ),
        items.delete,
    ),
    Action(
        Capture, "pin", "Pin", "pinned", "manager", False, True, "items", "files__bytes",
        (TRASHED, Skip("are pinned already", lambda: Q(pinned=True))), items.pin_picture,
    ),
    Action(
        Capture, "unpin", "Unpin", "unpinned", "manager", False, True, "items", "files__bytes",
        (TRASHED, Skip("are not pinned", lambda: Q(pinned=False))), items.unpin_picture,
    ),
    Action(
        Capture, "offsite", "Copy off-site", "queued", "manager", True, False, "items", "files__bytes",
        (NO_DESTINATION, NO_FILES), items.copy_capture,
    ),
    Action(
        Capture, "trash", "Move to the trash", "moved to the trash", "manager", True, False, "items", "files__bytes",
        (
            TRASHED, NO_FILES, Skip("are pinned", lambda: Q(pinned=True)),
            Skip("belong to an experiment that is not archived, or to an archive that is being made", in_use),
        ),
        items.trash,
    ),
    Action(
        Capture, "restore", "Restore from the trash", "restored", "manager", True, False, "items", "files__bytes",
        (Skip("are not in the trash", lambda: ~IN_TRASH),), items.restore,
    ),
    Action(
        Capture, "purge", "Delete from the trash for good", "deleted", "manager", True, False, "items", "files__bytes",
        (Skip("are not in the trash", lambda: ~IN_TRASH), Skip(GUARDED, guarded_captures)), items.purge,
        CAPTURE_PLACES,
    ),
    Action(
        Experiment, "archive", "Archive", "archived", "manager", True, False, "items", "clips__bytes",
        (Skip("have not started", lambda: Q(started_at=None)),), items.archive_experiment,
    ),
    Action(
        Experiment, "verify", "Verify the archive", "verified", "manager", True, False, "items",
        "archive__folders__files__bytes", (Skip("have no archive", lambda: Q(archive=None)),),
        items.verify_experiment,
    ),
    Action(Archive, "verify", "Verify", "verified", "manager", True, False, "items", "folders__files__bytes", (),
           items.verify_archive),
)  # fmt: skip
"""In the order of the menus."""


def actions_of(model: type[Model]) -> list[Action]:
    return [action for action in ACTIONS if action.model is model]


def action_named(model: type[Model], name: str) -> Action | None:
    return next((action for action in actions_of(model) if action.name == name), None)
