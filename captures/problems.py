"""EXCEPTIONS: the API's problems for the exceptions of this app."""

from __future__ import annotations

from cameras.problems import known_type
from cameras.selectors import UnknownCamera
from captures.capturing.outcomes import NotSaved
from captures.experiments.service import WrongState
from captures.files.answers import Unsatisfiable
from captures.files.downloads import TooManyFiles
from captures.files.host_files.client import HostAway
from captures.files.opened import FileMissing, KeptOffsite
from captures.files.thumbnails import NoThumbnail, NotRenderedYet
from captures.recordings.clips.answers import HoldBody
from captures.recordings.clips.services import ClipHeld
from captures.recordings.control.api import ExperimentName
from captures.recordings.control.commands import RecordingClaimed
from captures.roots.roots import UnusableRoot
from captures.sessions.api import NoSession
from captures.sessions.service import SessionClaimed
from captures.storage.bring_back.planning import NoSpace
from captures.storage.integrity.decisions import FindingRefused
from captures.storage.offsite.services import FilesWait
from captures.storage.retention.manager import PlanRefused
from captures.storage.trash.services import CaptureKept, NotInTrash
from core.api.problems import ErrorBody, ExceptionTable, Problem, from_message, invalid
from core.resources.resource import body_of
from core.times.timestamps import stamp_or_none


def unknown_camera(error: UnknownCamera) -> Problem:
    return invalid([ErrorBody(field="camera", message=str(error))])


def too_many_files(error: TooManyFiles) -> Problem:
    return invalid([ErrorBody(field="", message=str(error))])


def kept_offsite(error: KeptOffsite) -> Problem:
    return only_at_copies(str(error), error.copies)


def only_at_copies(detail: str, copies: list[str]) -> Problem:
    return Problem("not-ready", detail, headers={"Retry-After": "10"}, is_expected=True, extensions={"copies": copies})


def file_missing(error: FileMissing) -> Problem:
    """It is not lost while a destination has it."""
    if not error.copies:
        return Problem("not-found", str(error))
    return only_at_copies(name_unreadable(error), error.copies)


def host_away(error: HostAway) -> Problem:
    # A page of pictures would log a warning for each.
    return Problem(
        "host-down", name_unreadable(error), headers={"Retry-After": "10"}, is_expected=True,
        extensions={"host": error.host, "since": stamp_or_none(error.since), "copies": error.copies},
    )  # fmt: skip


def name_unreadable(error: FileMissing | HostAway) -> str:
    """Why the file cannot be sent, with the copies that could be, and who says why they are not."""
    if not error.copies:
        return str(error)
    return f"{error} Its verified copies at {', '.join(error.copies)} cannot be read now: see `skycam offsite status`."


def range_unsatisfiable(error: Unsatisfiable) -> Problem:
    return Problem("range", str(error), headers={"Content-Range": f"bytes */{error.size}"})


def clip_held(error: ClipHeld) -> Problem:
    """The clip has a hold, such as a pin."""
    return Problem("held", str(error), extensions={"holds": [body_of(HoldBody, hold) for hold in error.holds]})


def capture_not_saved(error: NotSaved) -> Problem:
    capture = error.capture
    extensions = {"capture": str(capture.pk), "capture_status": capture.status, "reason": capture.reason}
    return Problem(known_type(error.problem), str(error), extensions=extensions)


def not_rendered_yet(error: NotRenderedYet) -> Problem:
    # A page of new pictures would log a warning for each, and again at each try.
    return Problem("not-ready", str(error), headers={"Retry-After": "2"}, is_expected=True)


def recording_claimed(error: RecordingClaimed | SessionClaimed) -> Problem:
    """Experiments record the camera that was to be stopped, or take stills with it."""
    experiments = [body_of(ExperimentName, one) for one in error.experiments]
    return Problem("recording-claimed", str(error), extensions={"experiments": experiments})


EXCEPTIONS: ExceptionTable = {
    RecordingClaimed: recording_claimed,
    SessionClaimed: recording_claimed,
    WrongState: from_message("experiment-state"),
    UnusableRoot: from_message("not-ready"),
    CaptureKept: from_message("capture-kept"),
    NotInTrash: from_message("not-in-trash"),
    FindingRefused: from_message("finding-refused"),
    PlanRefused: from_message("plan-refused"),
    FilesWait: from_message("files-wait"),
    NoSpace: from_message("disk-full"),
    UnknownCamera: unknown_camera,
    NoSession: from_message("not-found"),
    NoThumbnail: from_message("not-found"),
    FileMissing: file_missing,
    HostAway: host_away,
    KeptOffsite: kept_offsite,
    TooManyFiles: too_many_files,
    Unsatisfiable: range_unsatisfiable,
    ClipHeld: clip_held,
    NotSaved: capture_not_saved,
    NotRenderedYet: not_rendered_yet,
}
