"""Ingests records of sessions and of their gaps. Each function is idempotent and runs in its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from cameras.leases import service as leases
from cameras.programmes.cycle import kind_of
from cameras.spool.records import GapRecord, SessionBody, SessionRecord
from captures.capturing.models import Capture
from captures.capturing.records import camera_of
from captures.capturing.totals import count_missed
from captures.sessions.models import SESSION_TRANSITIONS, Session, SessionGap, SessionState
from core.camera_names import CameraRef
from core.events.service import end_cause, record_event
from core.text.amounts import pluralize, was_or_were
from core.text.names import person
from core.text.sentences import Sentence, join_sentences, sentence

EVENT_OF = {
    "waiting": "session.waiting",
    "running": "session.started",
    "paused": "session.paused",
    "finished": "session.finished",
}
STOPPED_WITHIN = timedelta(minutes=1)
"""Before a planned run begins, the session from which it took the camera was stopped."""


def ingest_gaps(records: Iterable[GapRecord]) -> None:
    for record in records:
        ingest_gap(record)


def ingest_gap(record: GapRecord) -> None:
    """Store the captures of a session that were missed in an outage."""
    body = record["body"]
    session = Session.objects.filter(pk=body["session"]).first()
    if session is None or SessionGap.objects.filter(pk=record["id"]).exists():
        return
    SessionGap.objects.create(
        id=record["id"],
        session=session,
        from_at=datetime.fromisoformat(body["from"]),
        to_at=datetime.fromisoformat(body["to"]),
        first_index=body["first_index"],
        count=body["count"],
        reason=body["reason"],
        message=body["message"],
    )
    # A gap counts as skipped, so that planned = saved + failed + skipped at all times.
    Session.objects.filter(pk=session.pk).update(
        planned=F("planned") + body["count"], skipped=F("skipped") + body["count"]
    )
    count_missed(UUID(record["camera"]), body["reason"], body["count"])
    camera = camera_of(record)
    message = join_sentences([_describe_missed(camera, body["count"]), body["message"]], ": ")
    data = {"reason": body["reason"], "count": body["count"]}
    record_event("session.gap", message, severity="warning", camera=camera, subject=session.pk, data=data)


def close_gap_before(capture: Capture) -> None:
    """Close the alerts of a gap that has no number of missed captures, once its session has chosen the next one."""
    assert capture.session is not None
    assert capture.index is not None
    # Only a programme that chooses has such gaps, so the other ones cost no query.
    if not kind_of(capture.session.programme).chooses:
        return
    if SessionGap.objects.filter(session=capture.session, first_index=capture.index, count=0).exists():
        why = sentence("{camera} chooses captures again.", camera=capture.camera)
        end_cause("session.gap", capture.session_id, why)


def _describe_missed(camera: CameraRef, count: int) -> Sentence:
    # A programme that chooses each exposure when it is due has no number of those that it would have chosen.
    if not count:
        return sentence("{camera} chose no captures for some time", camera=camera)
    return sentence(
        "{captures} of {camera} {were} missed",
        captures=pluralize(count, "capture"), camera=camera, were=was_or_were(count),
    )  # fmt: skip


def ingest_sessions(records: Iterable[SessionRecord]) -> None:
    for record in records:
        ingest_session(record)


def ingest_session(record: SessionRecord) -> None:
    """Store a session's new state. Records are numbered: an older one changes nothing."""
    body = record["body"]
    session = Session.objects.select_for_update().filter(pk=body["session"]).first() or _create_session(record)
    if session is None or body["number"] <= session.reported:
        return
    old, new, reason, message = session.state, body["state"], body["reason"], body["message"]
    if (old, new) == ("planned", "stopped") and session.reason:
        new, reason, message = "failed", session.reason, session.message  # set by `mark_session_refused`
    session.reported = body["number"]
    # An ended state stays: a session that was failed because its host was gone ends again when the host returns.
    if new in SESSION_TRANSITIONS[old]:
        kind = _event_kind(session, new)
        session.state = new
        _set_times(session, datetime.fromisoformat(body["at"]))
        session.reason, session.message = reason, message
        camera = camera_of(record)
        happened = message or sentence("The session of {camera} is {state}.", camera=camera, state=new)
        record_event(
            kind,
            join_sentences([happened, *_account(body), *body.get("warnings", [])]),
            camera=camera,
            subject=session.pk,
            severity=_severity(new, reason),
        )
    session.actual, session.warnings = body.get("actual", session.actual), body.get("warnings", session.warnings)
    # Of a running session the next capture says it.
    session.next_at = datetime.fromisoformat(body["next"]) if new == "waiting" and "next" in body else None
    session.save()


def _account(body: SessionBody) -> list[str]:
    """Of a session that has ended: what became of its captures. None for one that has not begun."""
    if SESSION_TRANSITIONS[body["state"]] or not body["planned"]:
        return []
    counts = f"{body['saved']} saved, {body['failed']} failed, {body['skipped']} skipped"
    return [f"{pluralize(body['planned'], 'capture')}: {counts}."]


def _severity(new: str, reason: str) -> str:
    if new == "failed":
        return "error"
    # Someone's session was ended by a planned run.
    return "warning" if (new, reason) == ("stopped", "camera_held") else "info"


def _event_kind(session: Session, new: str) -> str:
    """The event of a change to `new`; `session` has the state before it."""
    continues = new == "running" and session.started_at is not None
    if continues or (session.state == "paused" and new in ("running", "waiting")):
        return "session.resumed"
    return EVENT_OF.get(new, "session.stopped")


def _create_session(record: SessionRecord) -> Session | None:
    """The row of a session that its camera has begun from its agenda. None when the record does not describe it: its
    row was deleted."""
    description = record["body"].get("description")
    if description is None:
        return None
    # The camera runs one session: a planned one that it has not begun is refused, and would prevent this row.
    unbegun = Session.objects.filter(camera_id=UUID(record["camera"]), state=SessionState.PLANNED)
    unbegun.update(
        state=SessionState.FAILED, desired=Session.Desired.STOPPED, revision=F("revision") + 1,
        reason="camera_held", ended_at=timezone.now(),
        message=f"The planned session {description['name'] or record['body']['session']} began before it.",
    )  # fmt: skip
    if "taken_from" in description:
        leases.take_over_for_run(
            UUID(record["camera"]), _holder_of(record, description["taken_from"]), description["name"],
            description["created_by"], datetime.fromisoformat(record["body"]["at"]),
        )  # fmt: skip
    return Session.objects.create(
        id=record["body"]["session"], camera_id=record["camera"], name=description["name"],
        programme=description["programme"], created_by=description["created_by"], schedule=description["name"],
        revision=record["body"]["revision"],
    )  # fmt: skip


def _holder_of(record: SessionRecord, user: str) -> str:
    """Who held the camera: of a session that was stopped, its process knows who started it, and not to whom it was
    handed over."""
    at = datetime.fromisoformat(record["body"]["at"])
    stopped = Session.objects.filter(
        camera_id=record["camera"], reason="camera_held", ended_at__range=(at - STOPPED_WITHIN, at)
    )
    handed = stopped.exclude(handed_to="").order_by("-ended_at").first()
    return person(handed.handed_to) if handed is not None and person(handed.created_by) == user else user


def _set_times(session: Session, at: datetime) -> None:
    if session.state == Session.State.RUNNING:
        session.started_at = session.started_at or at
    elif not SESSION_TRANSITIONS[session.state]:
        session.ended_at = at
