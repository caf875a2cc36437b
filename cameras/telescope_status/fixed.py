"""A telescope that does not move, or of which nothing else is known: constants. Django-free."""

from __future__ import annotations

from pydantic import Field

from cameras.telescope_status.sources import SourceContext, SourceSettings, StatusSource
from cameras.telescope_status.status import TEXT_LENGTH, TelescopeStatus, with_sidereal_time
from core.text.names import Line


class FixedSettings(SourceSettings):
    """What is not set is unknown, except the sidereal time and the hour angle, which are computed."""

    lst: float | None = Field(default=None, ge=0, le=24, description="hours")
    ha: float | None = Field(default=None, ge=-12, le=12, description="hours")
    ra: float | None = Field(default=None, ge=0, le=24, description="hours")
    dec: float | None = Field(default=None, ge=-90, le=90, description="degrees")
    focus: float | None = Field(default=None, ge=-1e7, le=1e7)
    filter_name: Line | None = Field(default=None, max_length=TEXT_LENGTH)
    filter_id: Line | None = Field(default=None, max_length=TEXT_LENGTH)


class FixedSource(StatusSource):
    Settings = FixedSettings

    def __init__(self, settings: FixedSettings, context: SourceContext) -> None:
        super().__init__(settings, context)
        self._values = settings.model_dump()

    def read(self, deadline: float) -> TelescopeStatus:
        status = TelescopeStatus(self.now(), **self._values, is_slewing=False, is_adjusting=False)
        return with_sidereal_time(status, self.context.site.longitude)
