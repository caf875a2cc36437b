"""What an action does with one row: each calls the service that the pages and the API call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from captures.capturing.models import Capture
from captures.experiments.models import Experiment
from captures.files.verification import FileFaulty, RootAway, verify_file
from captures.recordings.clips.models import Clip
from captures.recordings.clips.services import ClipHeld, delete_clip, pin_clip
from captures.roots.roots import UnusableRoot
from captures.storage.archives.models import Archive
from captures.storage.archives.services import request_archive
from captures.storage.archives.verification import request_verification
from captures.storage.offsite.queue import queue_files
from captures.storage.stored_files.tables import FILE_TABLES
from captures.storage.trash.purge import NotPurged, purge_capture
from captures.storage.trash.services import CaptureKept, NotInTrash, pin_capture, restore_capture, trash_capture


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
