"""Ingests records of the spool into the database. Each function is idempotent and runs in its caller's transaction.

Also here: outcomes of captures that never reached a spool, and the desired session of a camera.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from cameras.models import Camera
from cameras.runtime.messages import LastCapture
from cameras.spool.records import CaptureRecord, GapRecord, PartFile, Record, SessionRecord
from cameras.spool.session_files import DesiredSession, iso
from captures.capturing.models import Capture, CaptureFile
from captures.capturing.notices import publish_capture
from captures.sessions.models import SESSION_TRANSITIONS, Session, SessionGap
from captures.sessions.session_commands import active_session, describe_desired_session
from core.text.plurals import pluralize, was_or_were
from monitoring.camera_refs import CameraName, CameraRef
from monitoring.services import raise_alert, record_event

OBSERVED = (
    "exposure_us", "gain", "iso", "f_number", "temperature_celsius", "simulated", "driver", "library", "firmware",
    "serial", "clock", "warnings",
)  # fmt: skip
SEVERITIES = {"saved": "info", "failed": "error", "skipped": "warning"}


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def camera_of(record: Record) -> CameraName:
    return CameraName(record["camera"], record["slug"])


def ingest_capture(record: CaptureRecord) -> None:
    """Store a capture's outcome. The first outcome holds: a different one raises an alert and changes nothing."""
    capture = _capture_from_record(record)
    if not _update_planned(record) and not _insert_capture(capture, record):
        return
    files = CaptureFile.objects.bulk_create(files_from_record(capture, record))
    if capture.session_id:
        _count_outcome(capture)
    _publish_outcome(capture, camera_of(record), files)


def _capture_from_record(record: CaptureRecord) -> Capture:
    """A row built from the record, neither read nor saved. It has no session if that is deleted."""
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
    apply_record(capture, record)
    return capture


def _update_planned(record: CaptureRecord) -> bool:
    """Store the outcome in the planned row, without reading it first. False when there is no planned row."""
    planned = Capture.objects.filter(pk=record["id"], status=Capture.Status.PLANNED)
    return bool(planned.update(**fields_from_record(record)))


def _insert_capture(capture: Capture, record: CaptureRecord) -> bool:
    """Insert a capture that only the camera process has planned, for a session. False when the row exists."""
    known = Capture.objects.filter(pk=capture.pk).first()
    if known is not None:
        _alert_contradiction(known, record["body"]["outcome"])
        return False
    capture.save(force_insert=True)
    return True


def _alert_contradiction(capture: Capture, outcome: str) -> None:
    if capture.status == outcome:
        return
    raise_alert(
        f"capture.contradiction:{capture.pk}",
        f"Capture {capture.pk} is {capture.status}, and a record says {outcome}. The first outcome was kept.",
        severity="error",
        camera=capture.camera,
    )


def apply_record(capture: Capture, record: CaptureRecord) -> None:
    """Copy a record's values to its capture; not saved."""
    for name, value in fields_from_record(record).items():
        setattr(capture, name, value)


def fields_from_record(record: CaptureRecord) -> dict[str, Any]:
    """A capture's fields from its record, without those that the camera did not observe."""
    body = record["body"]
    observed: Mapping[str, Any] = body
    return {
        "status": body["outcome"],
        "reason": body["reason"],
        "message": body["message"],
        "asked": body["asked"],
        "planned_at": parse_time(body["planned"]),
        "exposed": body["started"] is not None,
        "started_at": parse_time(body["started"] or body["planned"]),
        "ended_at": parse_time(body["ended"]),
        **{name: observed[name] for name in OBSERVED if observed.get(name) is not None},
    }


def files_from_record(capture: Capture, record: CaptureRecord) -> list[CaptureFile]:
    """Rows for the files in a record of this host, not saved."""
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


def _count_outcome(capture: Capture) -> None:
    assert capture.session_id
    used = (capture.exposure_us or 0) if capture.status == Capture.Status.SAVED else 0
    Session.objects.filter(pk=capture.session_id).update(
        planned=F("planned") + 1,
        next_at=_next_due(capture),
        exposure_total_us=F("exposure_total_us") + used,
        **{capture.status: F(capture.status) + 1},
    )


def _next_due(capture: Capture) -> datetime | None:
    """When the next capture of the session is due; None after its end."""
    assert capture.session
    programme = capture.session.programme
    if not SESSION_TRANSITIONS[capture.session.state] or capture.ended_at is None:
        return None
    if "cadence_s" in programme:
        return capture.planned_at + timedelta(seconds=programme["cadence_s"])
    return capture.ended_at + timedelta(seconds=programme.get("delay_s", 0.0))


def _publish_outcome(capture: Capture, camera: CameraRef, files: list[CaptureFile]) -> None:
    warnings = _setting_warnings(capture)
    message = " ".join([capture.message or f"{camera.slug} saved a capture.", *warnings])
    severity = SEVERITIES[capture.status]
    record_event(
        f"capture.{capture.status}", message, severity="warning" if warnings and severity == "info" else severity,
        camera=camera, subject=capture.pk, actor=capture.requested_by,
        data=_command_arguments(capture) | ({"reason": capture.reason} if capture.reason else {}),
    )  # fmt: skip
    publish_capture(capture, camera.slug, files)


def _command_arguments(capture: Capture) -> dict[str, Any]:
    """Arguments of the capture command; a session's arguments are in the event of its start."""
    return {} if capture.session_id else {"arguments": capture.asked}


def _setting_warnings(capture: Capture) -> list[str]:
    """Warnings of values that the camera did not accept. A session reports them once, when it begins."""
    return [] if capture.session_id else capture.warnings


def ingest_gap(record: GapRecord) -> None:
    """Store the captures of a session that were missed in an outage."""
    body = record["body"]
    session = Session.objects.filter(pk=body["session"]).first()
    if session is None or SessionGap.objects.filter(pk=record["id"]).exists():
        return
    SessionGap.objects.create(
        id=record["id"],
        session=session,
        from_at=parse_time(body["from"]),
        to_at=parse_time(body["to"]),
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


def ingest_session(record: SessionRecord) -> None:
    """Store a session's new state. Records are numbered: an older one changes nothing."""
    body = record["body"]
    session = Session.objects.select_for_update().filter(pk=body["session"]).first()
    if session is None or body["number"] <= session.reported:
        return
    old, new, reason, message = session.state, body["state"], body["reason"], body["message"]
    if (old, new) == ("planned", "stopped") and session.reason:
        new, reason, message = "failed", session.reason, session.message  # set by `mark_session_refused`
    session.reported = body["number"]
    if new in SESSION_TRANSITIONS[old]:
        session.state = new
        _set_times(session, parse_time(body["at"]))
        session.reason, session.message = reason, message
        kind = "session.resumed" if (old, new) == ("paused", "running") else EVENT_OF.get(new, "session.stopped")
        sentences = [message or f"The session of {record['slug']} is {new}.", *body.get("warnings", [])]
        record_event(
            kind, " ".join(sentences), camera=camera_of(record),
            subject=session.pk, severity="error" if new == "failed" else "info",
        )  # fmt: skip
    session.actual, session.warnings = body.get("actual", session.actual), body.get("warnings", session.warnings)
    session.next_at = None
    session.save()


def _set_times(session: Session, at: datetime) -> None:
    if session.state == Session.State.RUNNING:
        session.started_at = session.started_at or at
    elif not SESSION_TRANSITIONS[session.state]:
        session.ended_at = at


@transaction.atomic
def fail_unsent_capture(capture: UUID | str, reason: str, message: str) -> bool:
    """Mark a planned capture that never reached a spool as failed. False when it has an outcome already."""
    row = Capture.objects.select_for_update().filter(pk=capture, status=Capture.Status.PLANNED).first()
    if row is None:
        return False
    row.status, row.reason, row.message = Capture.Status.FAILED, reason, message
    row.ended_at = timezone.now()
    row.save(update_fields=["status", "reason", "message", "ended_at"])
    _publish_outcome(row, row.camera, [])
    return True


def mark_session_refused(session: UUID | str, reason: str, message: str) -> None:
    """Store why the camera refused to begin a session, and set it to stopped, so that no later command begins it
    unnoticed. It becomes failed, with this reason, when the camera process reports that it is stopped."""
    planned = Session.objects.filter(pk=session, state=Session.State.PLANNED, desired=Session.Desired.RUNNING)
    planned.update(desired=Session.Desired.STOPPED, revision=F("revision") + 1, reason=reason, message=message[:1000])


def overdue_captures(host: str, now_ms: int) -> list[tuple[str, str]]:
    """Camera and id of captures commanded to this host that are still planned after their deadline (in Redis TIME),
    even if the camera has moved to another host."""
    addressed = Q(host=host) | Q(host="", camera__host=host)
    rows = Capture.objects.filter(addressed, status=Capture.Status.PLANNED, deadline_ms__lt=now_ms)
    return [(str(camera), str(capture)) for camera, capture in rows.values_list("camera_id", "id")[:100]]


def has_outcome(capture: str) -> bool:
    """Whether this capture has its outcome: then it is never exposed again."""
    return Capture.objects.filter(pk=capture).exclude(status=Capture.Status.PLANNED).exists()


def desired_session(camera: Camera) -> DesiredSession | None:
    """The session that a camera should run or stop, as JSON. A removed camera stops its session."""
    session = active_session(camera)
    if session is None:
        return None
    if camera.removed_at is not None and session.desired != Session.Desired.STOPPED:
        session.desired, session.revision = Session.Desired.STOPPED, session.revision + 1
        session.save(update_fields=["desired", "revision"])
    return describe_desired_session(session)


def last_captures(cameras: Iterable[str]) -> dict[str, LastCapture]:
    """The outcome of each camera's newest capture, by the camera's id. Cameras without captures are left out."""
    ended = Capture.objects.exclude(status=Capture.Status.PLANNED).exclude(ended_at=None)
    found = {camera: ended.filter(camera_id=camera).only("status", "reason", "ended_at").first() for camera in cameras}
    return {
        camera: LastCapture(id=str(one.pk), status=one.status, reason=one.reason, at=iso(one.ended_at.timestamp()))
        for camera, one in found.items()
        if one is not None and one.ended_at is not None
    }
