"""Records of the spool into the ledger, each function in the transaction of its caller and idempotent.

Also the verdicts on what never reached a spool, and the sessions that cameras should run.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from cameras.models import Camera
from cameras.runtime.sessions import iso
from cameras.runtime.spool import PartFile, Record
from cameras.status_reader import LastCapture
from captures.models import Capture, CaptureFile, Session, SessionGap
from captures.models.session import SESSION_MOVES
from captures.notices import tell_of
from captures.sessions.orders import active_session, session_order
from core.plurals import pluralize, was_or_were
from monitoring.camera_refs import CameraName, CameraRef
from monitoring.services import raise_alert, record_event

OBSERVED = (
    "exposure_us", "gain", "iso", "f_number", "temperature_celsius", "simulated", "driver", "library", "firmware",
    "serial", "clock", "warnings",
)  # fmt: skip
SEVERITIES = {"saved": "info", "failed": "error", "skipped": "warning"}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def camera_of(record: Record) -> CameraName:
    return CameraName(record["camera"], record["slug"])


def take_capture(record: Record) -> None:
    """A capture's outcome. The first verdict holds: another one raises an alert and changes nothing."""
    capture = _by(record)
    if not _was_planned(record) and not _is_new(capture, record):
        return
    files = CaptureFile.objects.bulk_create(files_of(capture, record))
    if capture.session_id:
        _count(capture)
    _tell(capture, camera_of(record), files)


def _by(record: Record) -> Capture:
    """The row as the record tells of it, not read and not saved; without a session that is no longer there."""
    body = record["body"]
    session = Session.objects.filter(pk=body["session"]).first() if body["session"] else None
    capture = Capture(
        id=UUID(record["id"]),
        camera_id=UUID(record["camera"]),
        session=session,
        index=body["index"] if session else None,
        requested_by=body["requested_by"],
        job=body["job"],
    )
    fill(capture, record)
    return capture


def _was_planned(record: Record) -> bool:
    """Give the planned row its outcome, without reading it first: False when there is none."""
    planned = Capture.objects.filter(pk=record["id"], status=Capture.Status.PLANNED)
    return bool(planned.update(**told_of(record)))


def _is_new(capture: Capture, record: Record) -> bool:
    """A row that only the camera process has planned, for a session: False when it is there already."""
    known = Capture.objects.filter(pk=capture.pk).first()
    if known is not None:
        _same_again(known, record["body"]["outcome"])
        return False
    capture.save(force_insert=True)
    return True


def _same_again(capture: Capture, outcome: str) -> None:
    if capture.status == outcome:
        return
    raise_alert(
        f"capture.contradiction:{capture.pk}",
        f"Capture {capture.pk} is {capture.status}, and a record says {outcome}. The first verdict was kept.",
        severity="error",
        camera=capture.camera,
    )


def fill(capture: Capture, record: Record) -> None:
    """What a record tells of a capture, onto its row; not saved."""
    for name, value in told_of(record).items():
        setattr(capture, name, value)


def told_of(record: Record) -> dict[str, Any]:
    """Fields of a capture by a record; what the camera did not observe is not among them."""
    body = record["body"]
    return {
        "status": body["outcome"],
        "reason": body["reason"],
        "message": body["message"],
        "asked": body["asked"],
        "planned_at": moment(body["planned"]),
        "exposed": body["started"] is not None,
        "started_at": moment(body["started"] or body["planned"]),
        "ended_at": moment(body["ended"]),
        **{name: body[name] for name in OBSERVED if body.get(name) is not None},
    }


def files_of(capture: Capture, record: Record) -> list[CaptureFile]:
    """The files that a record of this host names, not saved."""
    return [_file(capture, record["root"], place, file) for place, file in enumerate(record["files"])]


def _file(capture: Capture, root: str, place: int, file: PartFile) -> CaptureFile:
    return CaptureFile(
        capture=capture,
        kind=file["kind"],
        place=place,
        host=settings.STATION.host,
        root_id=root,
        path=file["path"],
        bytes=file["bytes"],
        sha256=file["sha256"],
        width=file["width"],
        height=file["height"],
    )


def _count(capture: Capture) -> None:
    assert capture.session_id
    used = (capture.exposure_us or 0) if capture.status == Capture.Status.SAVED else 0
    Session.objects.filter(pk=capture.session_id).update(
        planned=F("planned") + 1,
        next_at=_next(capture),
        exposure_total_us=F("exposure_total_us") + used,
        **{capture.status: F(capture.status) + 1},
    )


def _next(capture: Capture) -> datetime | None:
    """When the capture after this one is due, should the session go on."""
    assert capture.session
    programme = capture.session.programme
    if not SESSION_MOVES[capture.session.state] or capture.ended_at is None:
        return None
    if "cadence_s" in programme:
        return capture.planned_at + timedelta(seconds=programme["cadence_s"])
    return capture.ended_at + timedelta(seconds=programme.get("delay_s", 0.0))


def _tell(capture: Capture, camera: CameraRef, files: list[CaptureFile]) -> None:
    said = _said_of_values(capture)
    message = " ".join([capture.message or f"{camera.slug} saved a capture.", *said])
    severity = SEVERITIES[capture.status]
    record_event(
        f"capture.{capture.status}", message, severity="warning" if said and severity == "info" else severity,
        camera=camera, subject=capture.pk, actor=capture.requested_by,
        data=_arguments(capture) | ({"reason": capture.reason} if capture.reason else {}),
    )  # fmt: skip
    tell_of(capture, camera.slug, files)


def _arguments(capture: Capture) -> dict[str, Any]:
    """Of the command; what a session asks stands with its start."""
    return {} if capture.session_id else {"arguments": capture.asked}


def _said_of_values(capture: Capture) -> list[str]:
    """What the camera did not take as it was asked. A session says it once, when it begins."""
    return [] if capture.session_id else capture.warnings


def take_gap(record: Record) -> None:
    """What an outage swallowed of a session."""
    body = record["body"]
    session = Session.objects.filter(pk=body["session"]).first()
    if session is None or SessionGap.objects.filter(pk=record["id"]).exists():
        return
    SessionGap.objects.create(
        id=record["id"],
        session=session,
        from_at=moment(body["from"]),
        to_at=moment(body["to"]),
        first_index=body["first_index"],
        count=body["count"],
        reason=body["reason"],
        message=body["message"],
    )
    Session.objects.filter(pk=session.pk).update(
        planned=F("planned") + body["count"], skipped=F("skipped") + body["count"]
    )
    captures = f"{pluralize(body['count'], 'capture')} of {record['slug']} {was_or_were(body['count'])}"
    message = f"{captures} missed: {body['message']}"
    data = {"reason": body["reason"], "count": body["count"]}
    record_event("session.gap", message, severity="warning", camera=camera_of(record), subject=session.pk, data=data)


EVENT_OF = {"running": "session.started", "paused": "session.paused", "finished": "session.finished"}


def take_session(record: Record) -> None:
    """A session's new state. Records carry a rising number: an older one changes nothing."""
    body = record["body"]
    session = Session.objects.select_for_update().filter(pk=body["session"]).first()
    if session is None or body["number"] <= session.told:
        return
    old, new, reason, message = session.state, body["state"], body["reason"], body["message"]
    if (old, new) == ("planned", "stopped") and session.reason:
        new, reason, message = "failed", session.reason, session.message  # of `refuse_session`
    session.told = body["number"]
    if new in SESSION_MOVES[old]:
        session.state = new
        _date(session, moment(body["at"]))
        session.reason, session.message = reason, message
        kind = "session.resumed" if (old, new) == ("paused", "running") else EVENT_OF.get(new, "session.stopped")
        said = [message or f"The session of {record['slug']} is {new}.", *body.get("warnings", [])]
        record_event(
            kind, " ".join(said), camera=camera_of(record),
            subject=session.pk, severity="error" if new == "failed" else "info",
        )  # fmt: skip
    session.actual, session.warnings = body.get("actual", session.actual), body.get("warnings", session.warnings)
    session.next_at = None
    session.save()


def _date(session: Session, at: datetime) -> None:
    if session.state == Session.State.RUNNING:
        session.started_at = session.started_at or at
    elif not SESSION_MOVES[session.state]:
        session.ended_at = at


@transaction.atomic
def settle_unstarted(capture: UUID | str, reason: str, message: str) -> bool:
    """The verdict on a planned row that never reached a spool; False when it has one already."""
    row = Capture.objects.select_for_update().filter(pk=capture, status=Capture.Status.PLANNED).first()
    if row is None:
        return False
    row.status, row.reason, row.message = Capture.Status.FAILED, reason, message
    row.ended_at = timezone.now()
    row.save(update_fields=["status", "reason", "message", "ended_at"])
    _tell(row, row.camera, [])
    return True


def refuse_session(session: UUID | str, reason: str, message: str) -> None:
    """Its camera would not begin it. It is wished stopped, so that no later order begins it behind everybody's back,
    and has failed, with this reason, once the camera's process says that it is stopped."""
    planned = Session.objects.filter(pk=session, state=Session.State.PLANNED, desired=Session.Desired.RUNNING)
    planned.update(desired=Session.Desired.STOPPED, revision=F("revision") + 1, reason=reason, message=message[:1000])


def overdue(host: str, now_ms: int) -> list[tuple[str, str]]:
    """Camera and id of what this host was told to take and is planned beyond its deadline in Redis TIME, also where
    another host has the camera by now."""
    told = Q(host=host) | Q(host="", camera__host=host)
    rows = Capture.objects.filter(told, status=Capture.Status.PLANNED, deadline_ms__lt=now_ms)
    return [(str(camera), str(capture)) for camera, capture in rows.values_list("camera_id", "id")[:100]]


def is_settled(capture: str) -> bool:
    """Whether this id has its outcome already: it is never exposed again."""
    return Capture.objects.filter(pk=capture).exclude(status=Capture.Status.PLANNED).exists()


def wished_session(camera: Camera) -> dict[str, Any] | None:
    """The session that a camera should run or stop, as JSON. A camera that was removed stops its own."""
    session = active_session(camera)
    if session is None:
        return None
    if camera.removed_at is not None and session.desired != Session.Desired.STOPPED:
        session.desired, session.revision = Session.Desired.STOPPED, session.revision + 1
        session.save(update_fields=["desired", "revision"])
    return session_order(session)


def last_captures(cameras: Iterable[str]) -> dict[str, LastCapture]:
    """By the camera's id: how the newest capture of each ended; without those that have none."""
    ended = Capture.objects.exclude(status=Capture.Status.PLANNED).exclude(ended_at=None)
    found = {camera: ended.filter(camera_id=camera).only("status", "reason", "ended_at").first() for camera in cameras}
    return {
        camera: LastCapture(id=str(one.pk), status=one.status, reason=one.reason, at=iso(one.ended_at.timestamp()))
        for camera, one in found.items()
        if one is not None and one.ended_at is not None
    }
