"""Sessions and their gaps as JSON, from rows with their camera and gaps (`captures.sessions.selectors`)."""

from __future__ import annotations

from typing import Any, TypedDict

from captures.sessions.models import Session, SessionGap
from core.times.timestamps import stamp, stamp_or_none

GapBody = TypedDict(
    "GapBody", {"from": str, "to": str, "first_index": int, "count": int, "reason": str, "message": str}
)


class SessionBody(TypedDict):
    id: str
    camera: str
    name: str
    state: str
    desired: str
    reason: str
    message: str
    programme: dict[str, Any]
    actual: dict[str, Any]
    warnings: list[str]
    created_by: str
    schedule: str | None
    """Name of the schedule whose run it is."""
    handed_to: str
    created: str
    started: str | None
    ended: str | None
    planned: int
    saved: int
    failed: int
    skipped: int
    exposure_total_s: float
    gaps: list[GapBody]
    next: str | None


def session_url(session: object) -> str:
    return f"/api/v1/sessions/{session}/"


def gap_body(gap: SessionGap) -> GapBody:
    return {
        "from": stamp(gap.from_at),
        "to": stamp(gap.to_at),
        "first_index": gap.first_index,
        "count": gap.count,
        "reason": gap.reason,
        "message": gap.message,
    }


def session_body(session: Session) -> SessionBody:
    return SessionBody(
        id=str(session.id),
        camera=session.camera.slug,
        name=session.name,
        state=session.state,
        desired=session.desired,
        reason=session.reason,
        message=session.message,
        programme=session.programme,
        actual=session.actual,
        warnings=session.warnings,
        created_by=session.created_by,
        schedule=session.schedule or None,
        handed_to=session.handed_to,
        created=stamp(session.created_at),
        started=stamp_or_none(session.started_at),
        ended=stamp_or_none(session.ended_at),
        planned=session.planned,
        saved=session.saved,
        failed=session.failed,
        skipped=session.skipped,
        exposure_total_s=session.exposure_total_us / 1e6,
        gaps=[gap_body(gap) for gap in session.gaps.all()],
        next=stamp_or_none(session.next_at),
    )
