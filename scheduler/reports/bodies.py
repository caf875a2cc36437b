"""The report of a night, and the nights of a month, as JSON."""

from __future__ import annotations

from typing import Any, TypedDict

from core.times.timestamps import stamp, stamp_or_none
from scheduler.planning.rules import Site
from scheduler.reports.accounts import Counts, SessionAccount
from scheduler.reports.calendar import CalendarNight
from scheduler.reports.comparison import PastNight
from scheduler.reports.curves import charts_of
from scheduler.reports.incidents import Action, GateClosure
from scheduler.reports.losses import Loss
from scheduler.reports.report import CameraReport, Report
from scheduler.tonight.bodies import SiteBody, SkyBody
from scheduler.tonight.night import sky_body

LossBody = TypedDict(
    "LossBody",
    {
        "camera": str, "kind": str, "from": str, "to": str, "lost_s": float, "count": int, "estimated": bool,
        "reason": str, "message": str, "session": str | None, "times": int,
    },
)  # fmt: skip
ClosureBody = TypedDict(
    "ClosureBody",
    {"gate": str, "camera": str, "from": str, "to": str | None, "value": Any, "limit": Any, "message": str},
)


class CountsBody(TypedDict):
    planned: int
    saved: int
    failed: int
    skipped: int
    open: int
    sum_holds: bool


class SessionOfNightBody(CountsBody):
    """The counts are those of the night, and not of the whole session."""

    id: str
    name: str
    state: str
    begin: str
    end: str
    created_by: str


class CurveBody(TypedDict):
    """Points are pairs of seconds since 1970 and the value, at most 600, which keep the extremes."""

    chart: str
    label: str
    points: list[list[float]]


class CameraNightBody(CountsBody):
    camera: str
    name: str
    site: SiteBody
    twilight: SkyBody | None
    begin: str
    end: str
    complete: bool
    lost_s: float
    to_come: int
    bytes: int
    free_bytes: int | None
    unsynchronised: dict[str, int]
    sessions: list[SessionOfNightBody]
    curves: list[CurveBody]
    thumbnails: list[str]


class ActionBody(TypedDict):
    at: str
    actor: str
    kind: str
    camera: str
    message: str


class PastNightBody(TypedDict):
    night: str
    planned: int
    saved: int
    lost_s: float
    lost_by_reason: dict[str, float]
    complete: bool


class ReportBody(CountsBody):
    night: str
    state: str
    sentence: str
    begin: str
    end: str
    made: str
    time_zone: str
    percent: float | None
    to_come: int
    problems: list[str]
    lost_by_reason: dict[str, float]
    losses: list[LossBody]
    cameras: list[CameraNightBody]
    idle: list[str]
    gates: list[ClosureBody]
    actions: list[ActionBody]
    past: list[PastNightBody]


class CalendarNightBody(TypedDict):
    """`state` is `unknown` for a night that is not reported yet; its numbers are null."""

    night: str
    state: str
    planned: int | None
    saved: int | None
    percent: float | None
    lost_s: float | None


class MonthBody(TypedDict):
    month: str
    results: list[CalendarNightBody]


def report_body(report: Report) -> ReportBody:
    return ReportBody(
        night=report.night.isoformat(),
        state=report.state,
        sentence=report.sentence,
        begin=stamp(report.begin),
        end=stamp(report.end),
        made=stamp(report.made_at),
        time_zone=report.site.time_zone,
        planned=report.planned,
        saved=report.saved,
        failed=report.failed,
        skipped=report.skipped,
        open=report.open,
        sum_holds=report.sum_holds,
        percent=report.percent,
        to_come=report.to_come,
        problems=report.problems,
        lost_by_reason={reason: lost.total_seconds() for reason, lost in report.lost_by_reason.items()},
        losses=[loss_body(one, loss) for one, loss in report.losses],
        cameras=[camera_body(one) for one in report.cameras],
        idle=[camera.slug for camera in report.idle],
        gates=[closure_body(one) for one in report.gates],
        actions=[action_body(one) for one in report.actions],
        past=[past_body(one) for one in report.past],
    )


def loss_body(one: CameraReport, loss: Loss) -> LossBody:
    return {
        "camera": one.camera.slug,
        "kind": loss.kind,
        "from": stamp(loss.begin),
        "to": stamp(loss.end),
        "lost_s": loss.lost.total_seconds(),
        "count": loss.count,
        "estimated": loss.is_estimate,
        "reason": loss.reason,
        "message": loss.message,
        "session": str(loss.session) if loss.session else None,
        "times": len(loss.spans),
    }


def counts_body(counts: Counts) -> CountsBody:
    return CountsBody(
        planned=counts.planned,
        saved=counts.saved,
        failed=counts.failed,
        skipped=counts.skipped,
        open=counts.open,
        sum_holds=counts.sum_holds,
    )


def camera_body(one: CameraReport) -> CameraNightBody:
    return CameraNightBody(
        **counts_body(one.account.counts),
        camera=one.camera.slug,
        name=one.camera.name,
        site=site_body(one.site),
        twilight=sky_body(one.sky) if one.sky else None,
        begin=stamp(one.begin),
        end=stamp(one.end),
        complete=one.account.is_complete,
        lost_s=one.lost.total_seconds(),
        to_come=one.account.to_come,
        bytes=one.ledger.bytes,
        free_bytes=one.free_bytes,
        unsynchronised=one.unsynchronised,
        sessions=[session_body(session) for session in one.account.sessions],
        curves=[
            CurveBody(chart=chart.title, label=curve.label, points=[list(point) for point in curve.points])
            for chart in charts_of(one.ledger.captures)
            for curve in chart.curves
        ],
        thumbnails=[thumb.url for thumb in one.thumbs if thumb.file],
    )


def site_body(site: Site) -> SiteBody:
    return SiteBody(
        latitude=site.latitude, longitude=site.longitude, elevation=site.elevation, time_zone=site.time_zone
    )


def session_body(account: SessionAccount) -> SessionOfNightBody:
    session = account.session
    return SessionOfNightBody(
        **counts_body(account.counts),
        id=str(session.pk),
        name=session.name,
        state=session.state,
        begin=stamp(account.begin),
        end=stamp(account.end),
        created_by=session.created_by,
    )


def closure_body(one: GateClosure) -> ClosureBody:
    return {
        "gate": one.gate,
        "camera": one.camera,
        "from": stamp(one.begin),
        "to": stamp_or_none(one.end),
        "value": one.value,
        "limit": one.limit,
        "message": one.message,
    }


def action_body(one: Action) -> ActionBody:
    return ActionBody(at=stamp(one.at), actor=one.actor, kind=one.kind, camera=one.camera, message=one.message)


def past_body(one: PastNight) -> PastNightBody:
    return PastNightBody(
        night=one.night.isoformat(),
        planned=one.planned,
        saved=one.saved,
        lost_s=one.lost_s,
        lost_by_reason=one.lost_by_reason,
        complete=one.is_complete,
    )


def calendar_night_body(one: CalendarNight) -> CalendarNightBody:
    return CalendarNightBody(
        night=one.night.isoformat(),
        state=one.state,
        planned=one.planned,
        saved=one.saved,
        percent=one.percent,
        lost_s=one.lost_s,
    )
