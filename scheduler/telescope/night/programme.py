"""The night of a telescope as a kind of programme. Django-free: it runs in the camera process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from cameras.programmes.kinds import Chooser, ProgrammeKind, Shot
from cameras.spool.records import Programme
from cameras.spool.session_files import SessionFile
from cameras.spool.spool import Spool


class TelescopeKind(ProgrammeKind):
    """Each exposure is chosen when it is due. `exposure_us` of the programme is the longest one of its list, by which
    the station knows how long a capture may take."""

    chooses = True

    def shots(self, programme: Programme, settings: Mapping[str, Any]) -> list[Shot]:
        return [dict(settings)]

    def rehearsal(self, programme: Programme, settings: Mapping[str, Any]) -> Shot:
        """With a place, as the fields of the sky have one: the start of a night says that nothing will be pointed."""
        options: dict[str, Any] = {**settings.get("options", {}), "ra": 0.0, "dec": 0.0}
        return {**settings, "options": options}

    def describe(self, programme: Programme, settings: Mapping[str, Any]) -> str:
        return f"the fields of {cast(dict[str, Any], programme)['telescope']['name']}"

    def open_chooser(self, spool: Spool, session: SessionFile) -> Chooser:
        # Imported when a night runs: it needs NumPy and the almanac.
        from scheduler.telescope.night.night_run import TelescopeNight

        return TelescopeNight(spool, session)
