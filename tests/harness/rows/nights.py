"""Nights as rows: sessions with captures in a cadence, their gaps, and sites of hosts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import uuid6
from django.conf import settings

from cameras.models import Camera, CameraHost
from captures.models import Capture, CaptureFile, Session, SessionGap, StorageRoot
from core.times.timestamps import stamp

MUNICH = {"latitude": 48.1, "longitude": 11.6, "elevation": 500.0, "time_zone": "Europe/Berlin"}
NIGHT = "2027-01-14"
DUSK = datetime(2027, 1, 14, 17, 0, tzinfo=UTC)
MORNING = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
"""After sunrise, on the day after NIGHT."""
CADENCE_S = 60.0


def at_site(site: dict[str, Any] | None = None, host: str = "") -> None:
    """The site that a host tells; Munich for this host by default."""
    name = host or settings.STATION.host
    CameraHost.objects.update_or_create(name=name, defaults={"site": MUNICH if site is None else site})


def session_of(camera: Camera, begin: datetime = DUSK, hours: float = 10, **fields: Any) -> Session:
    """A finished session with its end in its programme, and no captures."""
    end = begin + timedelta(hours=hours)
    programme = {"exposure_us": 1_000_000, "cadence_s": CADENCE_S, "until": stamp(end)}
    given = {"state": "finished", "started_at": begin, "created_at": begin, "ended_at": end, "name": "Dark sky"}
    return Session.objects.create(camera=camera, programme=programme, **{**given, **fields})


def captures_in(
    session: Session, begin: datetime, number: int, status: str = "saved", every_s: float = CADENCE_S, **fields: Any
) -> list[Capture]:
    """`number` captures of the session, one each `every_s` from `begin` on, counted by the session."""
    first = session.planned
    made = Capture.objects.bulk_create(
        Capture(
            camera_id=session.camera_id, session=session, index=first + n, status=status, exposed=True,
            started_at=begin + timedelta(seconds=n * every_s), exposure_us=1_000_000, clock="synchronised", **fields,
        )
        for n in range(number)
    )  # fmt: skip
    return count(session, made, status, number)


def count(session: Session, made: list[Capture], status: str, number: int) -> list[Capture]:
    session.planned += number
    setattr(session, status, getattr(session, status) + number)
    session.save()
    return made


def gap_in(session: Session, begin: datetime, end: datetime, number: int, reason: str, message: str = "") -> SessionGap:
    gap = SessionGap.objects.create(
        id=uuid6.uuid7(), session=session, from_at=begin, to_at=end, first_index=session.planned, count=number,
        reason=reason, message=message,
    )  # fmt: skip
    count(session, [], "skipped", number)
    return gap


def whole_session(camera: Camera, begin: datetime = DUSK, hours: int = 10, **fields: Any) -> Session:
    """A session of which every capture is saved."""
    session = session_of(camera, begin, hours, **fields)
    captures_in(session, begin, hours * 60)
    return session


def files_of(captures: Iterable[Capture], root: StorageRoot, size: int = 1000) -> Sequence[CaptureFile]:
    """Rows of files that are not on disk."""
    return CaptureFile.objects.bulk_create(
        CaptureFile(
            capture=one, kind="jpeg", host=root.host, root=root, path=f"{one.pk}.jpg", bytes=size, sha256="0" * 64
        )
        for one in captures
    )
