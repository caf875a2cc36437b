"""The telescope of a camera, by a source of its status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cameras.drivers.base import Aborted, Clock
from cameras.drivers.telescope_port import Pointing
from cameras.telescope_status.sources import Pointing as CanPoint
from cameras.telescope_status.sources import Site, StatusError, StatusSource
from cameras.telescope_status.status import header_words

LOOK_S = 0.5
"""Between two looks at whether it has arrived."""
READ_S = 5.0
"""How long one reading of the status may take."""


class ControlledTelescope:
    """A `cameras.drivers.telescope_port.Telescope`. Used by the camera loop's thread."""

    def __init__(self, source: StatusSource, clock: Clock) -> None:
        self._source, self._clock = source, clock

    @property
    def immovable(self) -> str:
        return "" if isinstance(self._source, CanPoint) else "this source of its status cannot."

    def move(self, pointing: Pointing, deadline: float) -> list[str]:
        if pointing == Pointing():
            return []
        if not isinstance(self._source, CanPoint):
            return [f"The telescope was not moved: {self.immovable}"]
        source, problems = self._source, list[str]()
        commands: list[Callable[[], None]] = []
        if (place := pointing.place) is not None:
            commands.append(lambda: source.point(*place, self._soon(deadline)))
        if (focus := pointing.focus) is not None:
            commands.append(lambda: source.focus(focus, self._soon(deadline)))
        if (name := pointing.filter_name) is not None:
            commands.append(lambda: source.select_filter(name, self._soon(deadline)))
        for command in commands:
            try:
                command()
            except StatusError as error:
                problems.append(str(error))
        return [*problems, *self._wait_until_there(deadline)]

    def _wait_until_there(self, deadline: float) -> list[str]:
        while True:
            status = self._source.read(self._soon(deadline))
            if not status.is_slewing and not status.is_adjusting:
                return []
            if self._clock.monotonic() >= deadline:
                return ["The telescope still moves: the exposure did not wait for it any longer."]
            if self._clock.wait(LOOK_S):
                raise Aborted

    def header_words(self, deadline: float) -> tuple[dict[str, str], str]:
        status = self._source.read(self._soon(deadline))
        return header_words(status), status.problem

    def set_site(self, latitude: float | None, longitude: float | None, elevation: float) -> None:
        self._source.context = replace(self._source.context, site=Site(latitude, longitude, elevation))

    def _soon(self, deadline: float) -> float:
        return min(deadline, self._clock.monotonic() + READ_S)
