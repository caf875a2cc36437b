"""The answers for what is planned. Without Django and NumPy: the API and the command line share them."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainSerializer

from core.resources.fields import Fields
from core.resources.values import Column, Share
from core.times.timestamps import Day, stamp
from scheduler.telescope.night.sky import time_of

JulianStamp = Annotated[float, PlainSerializer(lambda jd: stamp(time_of(jd)), return_type=str)]
Stripped = Annotated[str, PlainSerializer(str.strip, return_type=str)]


class PlannedBody(Fields):
    field: Annotated[str, Column("field.id")]
    kind: Annotated[str, Column("field.kind.image_type")]
    comment: Annotated[Stripped, Column("field.comment")]
    number: int
    at: Annotated[JulianStamp, Column("jd")]
    exposure_s: Annotated[float, Column("field.exposure_s")]
    ha_h: Annotated[float | None, Column("hour_angle")]
    altitude_deg: Annotated[float | None, Column("altitude")]
    airmass: float | None
    selection: Annotated[str, Column("selection.name")]
    reason: str


class PassedOverBody(Fields):
    field: Annotated[str, Column("field.id")]
    kind: Annotated[str, Column("field.kind.image_type")]
    comment: Annotated[Stripped, Column("field.comment")]
    reason: str


class PlanBody(Fields):
    evening: Annotated[Day, Column("night.date")]
    rule: Annotated[str, Column("options.rule")]
    sunset: Annotated[JulianStamp, Column("night.sunset")]
    dark_begin: Annotated[JulianStamp, Column("night.begin")]
    dark_end: Annotated[JulianStamp, Column("night.end")]
    sunrise: Annotated[JulianStamp, Column("night.sunrise")]
    moon_illumination: Annotated[Share, Column("night.moon_illumination")]
    observations: list[PlannedBody]
    unfinished: list[PassedOverBody]
    """The fields of which not all is observed at the end, with the reason."""
