"""The query of a plan: a date, a place or a rule makes it a dry run."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core.api.queries import Query
from scheduler.planning.rules import FIRST, LAST
from scheduler.telescope.field_lists.nights import station_site
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.sky import TelescopeSite


class PlanQuery(Query):
    evening: Annotated[date | None, Field(ge=FIRST, le=LAST, description="its date; the present night")] = None
    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    elevation: Annotated[float, Field(ge=-500, le=9000)] = 0.0
    rule: Rule = "priority"
    begin: Annotated[
        Literal["sunset", "now"],
        Field(description="`now`: the rest of the night, with what was observed until now."),
    ] = "sunset"

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude belong together: give both or neither.")
        return self

    @property
    def site(self) -> TelescopeSite:
        """That of the station without a place. ValidationError (Django's) when it has no coordinates."""
        if self.latitude is None or self.longitude is None:
            return station_site()
        return TelescopeSite(self.latitude, self.longitude, self.elevation)
