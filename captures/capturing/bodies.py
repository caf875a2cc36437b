"""Captures and their files as JSON for the API, the sockets and the command line.

The functions use the related rows that `captures.capturing.selectors` prefetches, so they make no queries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

from captures.capturing.models import Capture, CaptureFile, CaptureReference
from captures.thumbnails.store import picture_index
from core.times.timestamps import stamp, stamp_or_none


class FileBody(TypedDict):
    """`original` is the path that an adopted file was copied from, else empty. `kept`: `here` on its host, or `moving`
    or `offsite`: only a destination of off-site copies keeps it."""

    kind: str
    filename: str
    original: str
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    kept: str
    url: str


class ReferenceBody(TypedDict):
    """A file that stays with the camera, in a `place` as the camera says it. The station does not hold it. Size and
    hash are null where the camera does not report them, and are never checked."""

    kind: str
    place: str
    bytes: int | None
    sha256: str | None


class CaptureBody(TypedDict):
    """One planned still. `started` is null until the shutter opens. `ended` is when its outcome was known: of a saved
    one, when its files were on the disk. The primary file's fields are repeated at the top
    level, null without files. `asked` has the requested settings; exposure_us, gain, ... are those that were used.
    `origin` is camera or adopted; `adopted` says when, null for a camera's own capture. `trashed` says when it was
    moved to the trash, null if it was not; `purged` when its files were deleted from there. `files` are those that the
    station holds; `references` those that stay with the camera."""

    id: str
    camera: str
    session: str | None
    index: int | None
    origin: str
    adopted: str | None
    status: str
    reason: str
    message: str
    planned: str
    started: str | None
    ended: str | None
    exposure_us: int | None
    asked: dict[str, Any]
    gain: float | None
    iso: int | None
    f_number: float | None
    temperature_celsius: float | None
    statistics: dict[str, float] | None
    simulated: bool
    driver: str
    library: str
    firmware: str
    serial: str
    clock: str
    clock_offset_s: float | None
    clock_error_s: float | None
    clock_jumped_s: float | None
    database_ahead_s: float | None
    warnings: list[str]
    requested_by: str
    job: str
    note: str
    pinned: bool
    trashed: str | None
    trashed_by: str
    purged: str | None
    filename: str | None
    bytes: int | None
    sha256: str | None
    width: int | None
    height: int | None
    files: list[FileBody]
    references: list[ReferenceBody]
    thumbnail: str | None


def capture_url(capture: object) -> str:
    return f"/api/v1/captures/{capture}/"


def thumbnail_url(capture: Capture, files: Iterable[CaptureFile] | None = None) -> str | None:
    """None when no file can be rendered. `files`: the capture's files, if they are known."""
    kinds = [file.kind for file in (capture.files.all() if files is None else files)]
    return f"{capture_url(capture.id)}thumbnail/" if picture_index(kinds) is not None else None


def file_body(file: CaptureFile) -> FileBody:
    return FileBody(
        kind=file.kind,
        filename=file.path.rpartition("/")[2],
        original=file.original,
        bytes=file.bytes,
        sha256=file.sha256,
        width=file.width,
        height=file.height,
        kept=file.kept,
        url=f"{capture_url(file.capture_id)}file/?kind={file.kind}",
    )


def reference_body(reference: CaptureReference) -> ReferenceBody:
    return ReferenceBody(
        kind=reference.kind, place=reference.place, bytes=reference.bytes, sha256=reference.sha256 or None
    )


def capture_body(
    capture: Capture, known: list[CaptureFile] | None = None, references: list[CaptureReference] | None = None
) -> CaptureBody:
    """`known` and `references`: the capture's files and references, if they are known."""
    found = capture.files.all() if known is None else known
    files = [file_body(file) for file in found]
    primary = files[0] if files else None
    return CaptureBody(
        id=str(capture.id),
        camera=capture.camera.slug,
        session=str(capture.session_id) if capture.session_id else None,
        index=capture.index,
        origin=capture.origin,
        adopted=stamp_or_none(capture.adopted_at),
        status=capture.status,
        reason=capture.reason,
        message=capture.message,
        planned=stamp(capture.planned_at),
        started=stamp(capture.started_at) if capture.exposed else None,
        ended=stamp_or_none(capture.ended_at),
        exposure_us=capture.exposure_us,
        asked=capture.asked,
        gain=capture.gain,
        iso=capture.iso,
        f_number=capture.f_number,
        temperature_celsius=capture.temperature_celsius,
        statistics=capture.statistics,
        simulated=capture.simulated,
        driver=capture.driver,
        library=capture.library,
        firmware=capture.firmware,
        serial=capture.serial,
        clock=capture.clock,
        clock_offset_s=capture.clock_offset_s,
        clock_error_s=capture.clock_error_s,
        clock_jumped_s=capture.clock_jumped_s,
        database_ahead_s=capture.database_ahead_s,
        warnings=capture.warnings,
        requested_by=capture.requested_by,
        job=capture.job,
        note=capture.note,
        pinned=capture.pinned,
        trashed=stamp_or_none(capture.trashed_at),
        trashed_by=capture.trashed_by,
        purged=stamp_or_none(capture.purged_at),
        filename=primary["filename"] if primary else None,
        bytes=primary["bytes"] if primary else None,
        sha256=primary["sha256"] if primary else None,
        width=primary["width"] if primary else None,
        height=primary["height"] if primary else None,
        files=files,
        references=[reference_body(one) for one in (capture.references.all() if references is None else references)],
        thumbnail=thumbnail_url(capture, found),
    )
