"""What is planned, as JSON. Without Django and NumPy: the API and the command line share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from core.times.timestamps import stamp
from scheduler.telescope.sky import time_of

if TYPE_CHECKING:
    from scheduler.telescope.night_plan import PlannedObservation
    from scheduler.telescope.rules import PassedOver


class PlannedBody(TypedDict):
    field: str
    kind: str
    comment: str
    number: int
    at: str
    exposure_s: float
    ha_h: float | None
    altitude_deg: float | None
    airmass: float | None
    selection: str
    reason: str


class PassedOverBody(TypedDict):
    field: str
    kind: str
    comment: str
    reason: str


def planned_body(one: PlannedObservation) -> PlannedBody:
    field = one.field
    return PlannedBody(
        field=field.id, kind=field.kind.image_type, comment=field.comment.strip(), number=one.number,
        at=stamp(time_of(one.jd)), exposure_s=field.exposure_s, ha_h=one.hour_angle, altitude_deg=one.altitude,
        airmass=one.airmass, selection=one.selection.name, reason=one.reason,
    )  # fmt: skip


def reason_body(one: PassedOver) -> PassedOverBody:
    field = one.field
    return PassedOverBody(
        field=field.id, kind=field.kind.image_type, comment=field.comment.strip(), reason=one.reason
    )  # fmt: skip
