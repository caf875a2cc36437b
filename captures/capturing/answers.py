"""Captures and their files as JSON, for the API, the sockets and the command line. Django-free."""

from __future__ import annotations

from typing import Annotated, Any

from core.resources.fields import Fields, Rows
from core.resources.values import Column, Id
from core.times.timestamps import Stamp


class FileBody(Fields):
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


class ReferenceBody(Fields):
    """A file that stays with the camera, in a `place` as the camera says it. The station does not hold it. Size and
    hash are null where the camera does not report them, and are never checked."""

    kind: str
    place: str
    bytes: int | None
    sha256: Annotated[str | None, Column("known_sha256")]


class CaptureBody(Fields):
    """One planned still. `started` is null until the shutter opens. `ended` is when its outcome was known: of a saved
    one, when its files were on the disk. The primary file's fields are repeated at the top
    level, null without files. `asked` has the requested settings; exposure_us, gain, ... are those that were used.
    `origin` is camera or adopted; `adopted` says when, null for a camera's own capture. `trashed` says when it was
    moved to the trash, null if it was not; `purged` when its files were deleted from there. `files` are those that the
    station holds; `references` those that stay with the camera."""

    id: Id
    camera: Annotated[str, Column("camera.slug")]
    session: Annotated[Id | None, Column("session_id")]
    index: int | None
    origin: str
    adopted: Annotated[Stamp | None, Column("adopted_at")]
    status: str
    reason: str
    message: str
    planned: Annotated[Stamp, Column("planned_at")]
    started: Annotated[Stamp | None, Column("opened_at")]
    ended: Annotated[Stamp | None, Column("ended_at")]
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
    trashed: Annotated[Stamp | None, Column("trashed_at")]
    trashed_by: str
    purged: Annotated[Stamp | None, Column("purged_at")]
    filename: Annotated[str | None, Column("primary.filename")]
    bytes: Annotated[int | None, Column("primary.bytes")]
    sha256: Annotated[str | None, Column("primary.sha256")]
    width: Annotated[int | None, Column("primary.width")]
    height: Annotated[int | None, Column("primary.height")]
    files: Annotated[list[FileBody], Column("shown_files")]
    references: Annotated[list[ReferenceBody], Column("shown_references")]
    thumbnail: Annotated[str | None, Column("thumbnail_url")]


class CapturePage(Rows):
    results: list[CaptureBody]


class DayCount(Fields):
    day: str
    count: int


class Calendar(Fields):
    tz: str
    results: list[DayCount]
