"""The strip of thumbnails of a night: saved captures, evenly spread over those of each camera."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from captures.capturing.models import Capture, CaptureFile, capture_url
from captures.thumbnails.store import SIZES, ThumbnailStore, picture_index
from scheduler.reports.ledger import CaptureRow

log = logging.getLogger(__name__)
STRIP = 24
ALL = 96
"""Of all cameras together: a strip of many cameras is shorter."""
LEAST = 4
SIZE = SIZES[0]


@dataclass(frozen=True, slots=True)
class Thumb:
    """`file` is None when the capture has no file that can be rendered, for example because it was deleted."""

    capture: UUID
    at: datetime
    file: CaptureFile | None

    @property
    def url(self) -> str:
        return f"{capture_url(self.capture)}thumbnail/?size={SIZE}"


def choose_thumbs(captures: Mapping[UUID, Sequence[CaptureRow]]) -> dict[UUID, list[Thumb]]:
    """The strips of several cameras, with the captures and files of all in two queries."""
    most = max(LEAST, min(STRIP, ALL // max(1, len(captures))))
    chosen = {
        (row.camera, row.at)
        for rows in captures.values()
        for row in spread([row for row in rows if row.status == "saved"], most)
    }
    at = {at for _, at in chosen}
    # Not those in the trash, whose files may be deleted already.
    rows = Capture.objects.present().filter(started_at__in=at, camera__in=list(captures), status="saved")
    found: dict[UUID, list[Thumb]] = {}
    for row in rows.prefetch_related("files__root").order_by("started_at", "id") if chosen else ():
        if (row.camera_id, row.started_at) in chosen:
            chosen.discard((row.camera_id, row.started_at))  # two captures may begin at the same time
            found.setdefault(row.camera_id, []).append(Thumb(row.pk, row.started_at, _picture(list(row.files.all()))))
    return found


def spread(rows: Sequence[CaptureRow], most: int) -> list[CaptureRow]:
    """At most `most` of them, evenly spread, with the first and the last."""
    if len(rows) <= most:
        return list(rows)
    return [rows[round(number * (len(rows) - 1) / (most - 1))] for number in range(most)]


def _picture(files: Sequence[CaptureFile]) -> CaptureFile | None:
    place = picture_index([file.kind for file in files])
    return None if place is None else files[place]


def stored_thumbnail(thumb: Thumb) -> bytes | None:
    """The rendered JPEG; None when it is not rendered, or on another host. Nothing is rendered here."""
    file = thumb.file
    if file is None or file.host != settings.STATION.host:
        return None
    try:
        with ThumbnailStore(file.root.path) as store:
            return store.read_thumbnail(file.sha256, SIZE)
    except OSError as error:
        log.warning("The thumbnail of %s cannot be read: %s", file.path, error)
        return None
