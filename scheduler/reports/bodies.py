"""The queries of reports of nights, and the answers: the report of a night, and the nights of a month."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer

from cameras.resource import CameraFilter
from core.api.queries import Query
from core.resources.fields import Fields, field
from core.resources.values import Column, Id
from core.times.timestamps import Day, Stamp
from scheduler.planning.rules import FIRST, LAST
from scheduler.tonight.bodies import SiteBody, SkyBody


def _parse_month(text: str) -> str:
    first_of_month(text)
    return text


def first_of_month(text: str) -> date:
    """`2026-11`. ValueError with a sentence."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        found = date.min
    if len(text) != 7 or not FIRST <= found <= LAST:
        raise ValueError("is not a month. Write one such as 2026-11, from 1950-01 to 2049-12.")
    return found


class MonthQuery(Query):
    month: Annotated[
        str | None, AfterValidator(_parse_month), Field(description="such as 2026-11; by default the present one")
    ] = None


class ReportQuery(Query):
    camera: CameraFilter = None


class NoSuchNight(ValueError):
    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:40]!r} is not a night. Write the date of its evening, such as 2026-11-22.")


def parse_night(text: str) -> date:
    """NoSuchNight for anything but a date from FIRST to LAST."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise NoSuchNight(text) from None
    if len(text) != 10 or not FIRST <= found <= LAST:
        raise NoSuchNight(text)
    return found


Length = Annotated[timedelta, PlainSerializer(timedelta.total_seconds, return_type=float)]
"""Seconds."""


class LossBody(Fields):
    camera: Annotated[str, Column("where.camera.slug")]
    kind: Annotated[str, Column("loss.kind")]
    from_: Annotated[Stamp, Column("loss.begin")] = field(alias="from")
    to: Annotated[Stamp, Column("loss.end")]
    lost_s: Annotated[Length, Column("loss.lost")]
    count: Annotated[int, Column("loss.count")]
    estimated: Annotated[bool, Column("loss.is_estimate")]
    reason: Annotated[str, Column("loss.reason")]
    message: Annotated[str, Column("loss.message")]
    session: Annotated[Id | None, Column("loss.session")]
    times: Annotated[int, Column("loss.times")]


class ClosureBody(Fields):
    gate: str
    camera: str
    from_: Annotated[Stamp, Column("begin")] = field(alias="from")
    to: Annotated[Stamp | None, Column("end")]
    value: Any
    limit: Any
    message: str


class CountsBody(Fields):
    planned: Annotated[int, Column("counts.planned")]
    saved: Annotated[int, Column("counts.saved")]
    failed: Annotated[int, Column("counts.failed")]
    skipped: Annotated[int, Column("counts.skipped")]
    open: Annotated[int, Column("counts.open")]
    sum_holds: Annotated[bool, Column("counts.sum_holds")]


class SessionOfNightBody(CountsBody):
    """The counts are those of the night, and not of the whole session."""

    id: Annotated[Id, Column("session.pk")]
    name: Annotated[str, Column("session.name")]
    state: Annotated[str, Column("session.state")]
    begin: Stamp
    end: Stamp
    created_by: Annotated[str, Column("session.created_by")]


class CurveBody(Fields):
    """Points are pairs of seconds since 1970 and the value, at most 600, which keep the extremes."""

    chart: Annotated[str, Column("chart.title")]
    label: Annotated[str, Column("curve.label")]
    points: Annotated[tuple[tuple[float, float], ...], Column("curve.points")]


class CameraNightBody(CountsBody):
    camera: Annotated[str, Column("camera.slug")]
    name: Annotated[str, Column("camera.name")]
    site: SiteBody
    twilight: Annotated[SkyBody | None, Column("sky")]
    begin: Stamp
    end: Stamp
    complete: Annotated[bool, Column("account.is_complete")]
    lost_s: Annotated[Length, Column("lost")]
    to_come: Annotated[int, Column("account.to_come")]
    bytes: Annotated[int, Column("ledger.bytes")]
    free_bytes: int | None
    unsynchronised: dict[str, int]
    sessions: Annotated[list[SessionOfNightBody], Column("account.sessions")]
    curves: list[CurveBody]
    thumbnails: list[str]


class ActionBody(Fields):
    at: Stamp
    actor: str
    kind: str
    camera: str
    message: str


class PastNightBody(Fields):
    night: Day
    planned: int
    saved: int
    lost_s: float
    lost_by_reason: dict[str, float]
    complete: Annotated[bool, Column("is_complete")]


class ReportBody(CountsBody):
    sum_holds: bool
    night: Day
    state: str
    sentence: str
    begin: Stamp
    end: Stamp
    made: Annotated[Stamp, Column("made_at")]
    time_zone: Annotated[str, Column("site.time_zone")]
    percent: float | None
    to_come: int
    problems: list[str]
    lost_by_reason: dict[str, Length]
    losses: list[LossBody]
    cameras: list[CameraNightBody]
    idle: Annotated[list[str], Column("idle_slugs")]
    gates: list[ClosureBody]
    actions: list[ActionBody]
    past: list[PastNightBody]


class CalendarNightBody(Fields):
    """`state` is `unknown` for a night that is not reported yet; its numbers are null."""

    night: Day
    state: str
    planned: int | None
    saved: int | None
    percent: float | None
    lost_s: float | None


class MonthBody(Fields):
    month: Annotated[str, Column("name")]
    results: Annotated[list[CalendarNightBody], Column("nights")]
