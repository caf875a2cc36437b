"""Ingests records of captures, idempotent by the capture's id and in the caller's transaction."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F

from cameras.spool.records import CaptureRecord, FollowingStart
from captures.capturing.models import Capture, CaptureFile, CaptureReference
from captures.capturing.outcomes import StoredOutcome, publish_outcomes
from captures.capturing.records import (
    apply_record,
    camera_of,
    fields_from_record,
    files_from_record,
    references_from_record,
)
from captures.experiments.membership import link_captures
from captures.ingest.sessions import close_gap_before
from captures.sessions.models import SESSION_TRANSITIONS, Session
from core.events.service import raise_alert

Recorded = tuple[Capture, CaptureRecord]
"""A capture as its record says it, and the record."""


def ingest_captures(records: Sequence[CaptureRecord]) -> None:
    """Store the outcomes of captures, with one statement for each table. The first outcome of a capture holds: a
    different one raises an alert and changes nothing."""
    stored = _store_captures(_captures_from_records(records))
    if not stored:
        return
    captures = [capture for capture, _ in stored]
    outcomes = [
        StoredOutcome(
            capture, camera_of(record), files_from_record(capture, record), references_from_record(capture, record),
            record["body"].get("durable_after_s"),
        )
        for capture, record in stored
    ]  # fmt: skip
    CaptureFile.objects.bulk_create(file for outcome in outcomes for file in outcome.files)
    CaptureReference.objects.bulk_create(one for outcome in outcomes for one in outcome.references)
    _count_in_sessions(stored)
    for capture in captures:
        if capture.session_id:
            close_gap_before(capture)
    link_captures(captures)
    publish_outcomes(outcomes)


def _captures_from_records(records: Iterable[CaptureRecord]) -> list[Recorded]:
    """Rows built from the records, neither read nor saved. One whose session is deleted has none."""
    named = {record["body"]["session"] for record in records} - {None}
    sessions = {str(pk): session for pk, session in Session.objects.in_bulk(named).items()} if named else {}
    return [(_capture_from_record(record, sessions.get(record["body"]["session"] or "")), record) for record in records]


def _capture_from_record(record: CaptureRecord, session: Session | None) -> Capture:
    body = record["body"]
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


def _store_captures(recorded: list[Recorded]) -> list[Recorded]:
    """Those whose outcome was stored now: in the planned row of a command, or in a new row of a session."""
    # Of a command one UPDATE decides, without a query before it: its caller waits.
    updated = {capture.pk for capture, record in recorded if not record["body"]["session"] and _update_planned(record)}
    # Locked: another process may be about to decide one of them, or to remove it. Read without that, a row would still
    # be planned, and its UPDATE would find none. In the order of their ids: two processes do not block each other.
    rows = Capture.objects.select_for_update().order_by("pk")
    known = rows.in_bulk([capture.pk for capture, _ in recorded if capture.pk not in updated])
    for capture, record in recorded:
        if (row := known.get(capture.pk)) is None:
            continue
        if row.status == Capture.Status.PLANNED and _update_planned(record):
            updated.add(capture.pk)
        else:
            _alert_contradiction(row, record["body"]["outcome"])
    new = [capture for capture, _ in recorded if capture.pk not in updated and capture.pk not in known]
    Capture.objects.bulk_create(new)
    return [one for one in recorded if one[0].pk in updated or one[0].pk not in known]


def _update_planned(record: CaptureRecord) -> bool:
    """Store the outcome in the planned row. False when there is none."""
    planned = Capture.objects.filter(pk=record["id"], status=Capture.Status.PLANNED)
    return bool(planned.update(**fields_from_record(record)))


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


def _count_in_sessions(stored: Iterable[Recorded]) -> None:
    by_session = sorted((one for one in stored if one[0].session_id), key=lambda one: str(one[0].session_id))
    for session, found in itertools.groupby(by_session, key=lambda one: one[0].session_id):
        of_session = list(found)
        captures = [capture for capture, _ in of_session]
        last, record = of_session[-1]
        # These columns only, and added by the database: pages change the desired state of the same row.
        Session.objects.filter(pk=session).update(
            planned=F("planned") + len(captures),
            next_at=_next_due(last, record["body"].get("following")),
            exposure_total_us=F("exposure_total_us") + sum(map(_exposure_us, captures)),
            **{status: F(status) + number for status, number in Counter(one.status for one in captures).items()},
        )


def _exposure_us(capture: Capture) -> int:
    return (capture.exposure_us or 0) if capture.status == Capture.Status.SAVED else 0


def _next_due(capture: Capture, following: FollowingStart | None) -> datetime | None:
    """When the next capture of the session is due; None after its end, and when the record does not say it."""
    assert capture.session
    if not SESSION_TRANSITIONS[capture.session.state] or capture.ended_at is None or following is None:
        return None
    if "at" in following:
        return datetime.fromisoformat(following["at"])
    return capture.ended_at + timedelta(seconds=following["after_s"])
