"""Ingests records of captures, idempotent by the capture's id and in the caller's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F

from cameras.spool.records import CaptureRecord, FollowingStart
from captures.capturing.models import Capture, CaptureFile, CaptureReference
from captures.capturing.outcome_events import publish_outcome
from captures.capturing.records import apply_record, fields_from_record, files_from_record, references_from_record
from captures.experiments.membership import link_capture
from captures.ingest.records import camera_of
from captures.ingest.sessions import close_gap_before
from captures.sessions.models import SESSION_TRANSITIONS, Session
from monitoring.services import raise_alert


def ingest_capture(record: CaptureRecord) -> None:
    """Store a capture's outcome. The first outcome holds: a different one raises an alert and changes nothing."""
    capture = _capture_from_record(record)
    if not _update_planned(record) and not _insert_capture(capture, record):
        return
    files = CaptureFile.objects.bulk_create(files_from_record(capture, record))
    references = CaptureReference.objects.bulk_create(references_from_record(capture, record))
    if capture.session_id:
        _count_outcome(capture, record["body"].get("following"))
        close_gap_before(capture)
    link_capture(capture)
    publish_outcome(capture, camera_of(record), files, references, record["body"].get("durable_after_s"))


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
    # One UPDATE decides, without a query before it: this is in the path of each capture, whose caller waits.
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
    # The same record again, after a kill between the commit and the removal of the record.
    if capture.status == outcome:
        return
    raise_alert(
        f"capture.contradiction:{capture.pk}",
        f"Capture {capture.pk} is {capture.status}, and a record says {outcome}. The first outcome was kept.",
        severity="error",
        camera=capture.camera,
    )


def _count_outcome(capture: Capture, following: FollowingStart | None) -> None:
    assert capture.session_id
    used = (capture.exposure_us or 0) if capture.status == Capture.Status.SAVED else 0
    # These columns only, and added by the database: pages change the desired state of the same row.
    Session.objects.filter(pk=capture.session_id).update(
        planned=F("planned") + 1,
        next_at=_next_due(capture, following),
        exposure_total_us=F("exposure_total_us") + used,
        **{capture.status: F(capture.status) + 1},
    )


def _next_due(capture: Capture, following: FollowingStart | None) -> datetime | None:
    """When the next capture of the session is due; None after its end, and when the record does not say it."""
    assert capture.session
    if not SESSION_TRANSITIONS[capture.session.state] or capture.ended_at is None or following is None:
        return None
    if "at" in following:
        return datetime.fromisoformat(following["at"])
    return capture.ended_at + timedelta(seconds=following["after_s"])
