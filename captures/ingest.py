"""Records of the spool become rows: captures, sessions with their gaps, clips. Each function is idempotent by the id
of what it stores, and runs in its caller's transaction."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from cameras import leases
from cameras.programmes.kinds import kind_of
from cameras.spool.records import CaptureRecord, ClipRecord, FollowingStart, GapRecord, SessionBody, SessionRecord
from captures.capturing.models import Capture, CaptureFile, CaptureReference
from captures.capturing.outcomes import StoredOutcome, count_missed, publish_outcomes
from captures.capturing.records import (
    apply_record,
    camera_of,
    fields_from_record,
    files_from_record,
    references_from_record,
)
from captures.experiments.membership import link_captures, shown_by
from captures.experiments.models import Experiment
from captures.recordings.claims.services import experiments_of, hold_clips
from captures.recordings.clips.models import Clip
from captures.sessions.models import SESSION_TRANSITIONS, Session, SessionGap, SessionState
from core.camera_names import CameraRef
from core.events.service import end_cause, raise_alert, record_event
from core.text.names import person
from core.text.sentences import Sentence, join_sentences, pluralize, sentence, was_or_were

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


def ingest_clips(records: Iterable[ClipRecord]) -> None:
    for record in records:
        ingest_clip(record)


def ingest_clip(record: ClipRecord) -> None:
    """Save the clip of a record. A record that is known already changes nothing."""
    if Clip.objects.filter(pk=record["id"]).exists():
        return
    clip = clip_of(record)
    clip.save(force_insert=True)
    _hold_for_experiments(clip, record["body"].get("origin", {}).get("experiments", []))
    _record_clip_event(clip, camera_of(record))


def clip_of(record: ClipRecord) -> Clip:
    """The unsaved row for a record of this host."""
    body, [file] = record["body"], record["files"]
    return Clip(
        id=record["id"],
        camera_id=record["camera"],
        started_at=datetime.fromisoformat(body["started"]),
        ended_at=datetime.fromisoformat(body["ended"]),
        requested_by=body["requested_by"],
        host=settings.STATION.host,
        root_id=record["root"],
        path=file["path"],
        bytes=file["bytes"],
        sha256=file["sha256"],
        width=file["width"] or 0,
        height=file["height"] or 0,
        kind=body["kind"],
        frames=body["frames"],
        lost_frames=body["lost_frames"],
        interrupted=body["interrupted"],
        reason=body["reason"],
        message=body["message"],
        simulated=body["simulated"],
        codec=body["codec"],
        copied=body["copied"],
        boot=body.get("origin", {}).get("boot", ""),
        boot_s=body.get("origin", {}).get("boot_s"),
        conditions=body.get("origin", {}).get("conditions", {}),
        delivery=body.get("delivery", {}),
        **body.get("clock", {}),
    )


def _hold_for_experiments(clip: Clip, named: list[str]) -> None:
    """In the transaction of the clip's row, so that retention never sees the row without its holds. `named` are the
    experiments for which the clip was recorded; a clip of the pre-roll was begun before its experiment."""
    # An experiment can be unknown: the database was restored from a backup, for example.
    known = Experiment.objects.filter(pk__in=named).values_list("pk", flat=True) if named else []
    for experiment in {*known, *experiments_of(clip), *shown_by(clip)}:
        hold_clips([clip.pk], experiment)


def _record_clip_event(clip: Clip, camera: CameraRef) -> None:
    length = f"{clip.duration.total_seconds():.1f} s with {clip.frames} {'frame' if clip.frames == 1 else 'frames'}"
    lost = f", {clip.lost_frames} lost" if clip.lost_frames else ""
    unknown = " How many frames it lost is unknown." if clip.lost_frames is None else ""
    summary = sentence(
        "{camera} recorded a clip of {length}{lost}.{unknown}",
        camera=camera, length=length, lost=lost, unknown=unknown,
    )  # fmt: skip
    data = {"reason": clip.reason, "lost_frames": clip.lost_frames} if clip.interrupted or clip.lost_frames else {}
    record_event(
        "recording.lost" if clip.interrupted or clip.lost_frames else "recording.rotated",
        join_sentences([summary, clip.delivered.lack, clip.message]),
        severity="warning" if data else "info",
        camera=camera,
        subject=clip.pk,
        data=data,
    )
