"""The interface of a source of the telescope's status; STATUS_SOURCES, the kinds of sources: adding one is one file
and one line; and the telescope of a camera, which reads one. No source imports Django. A source is small: it reads,
and closes what it has opened. It starts no thread and stores nothing. One thread uses it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import ConfigDict, ValidationError

from cameras.drivers.base import Aborted, Clock
from cameras.drivers.telescope_port import Pointing
from cameras.telescope_status.status import LIMITS, TelescopeStatus, header_words
from core.api.model import StrictModel, describe_error
from core.outgoing import OutgoingGuard
from core.registry import resolve


class StatusError(Exception):
    """The one exception that leaves a source. The message names the thing, the cause and the next step."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the telescope stands. None where the configuration of the station does not say it."""

    latitude: float | None = None
    """Degrees (WGS 84), north positive."""
    longitude: float | None = None
    """Degrees (WGS 84), east positive."""
    elevation: float = 0.0
    """Metres above sea level."""


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What the camera process gives to its source."""

    clock: Clock
    site: Site = Site()
    guard: OutgoingGuard = field(default_factory=OutgoingGuard)
    """The destinations to which a source may connect."""


class SourceSettings(StrictModel):
    """The settings of a kind of source. Unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StatusSource(ABC):
    """A source of the status. It raises only StatusError.

    Every call takes a deadline, in seconds of the clock's `monotonic`, and returns by then.
    """

    Settings: ClassVar[type[SourceSettings]] = SourceSettings

    def __init__(self, settings: Any, context: SourceContext) -> None:
        """`settings` is a valid `Settings` of the class. Opens nothing."""
        self.context = context

    @abstractmethod
    def read(self, deadline: float) -> TelescopeStatus:
        """The present status. What cannot be read is unknown in it, with a sentence in `problem`; a source that gives
        nothing at all is no exception, but a status in which all is unknown."""

    def close(self) -> None:
        """Close what `read` has opened. Idempotent; never raises. The next `read` opens it again."""

    def now(self) -> float:
        """The wall clock, in seconds since 1970, UTC."""
        return self.context.clock.wall_ns() / 1e9


@runtime_checkable
class CanPoint(Protocol):
    """A source that can also move the telescope.

    Each operation returns once the device has accepted it, which is before the movement ends: `read` says when that is,
    by `is_slewing` and `is_adjusting`. StatusError, with the device's reason, when it does not accept it before the
    deadline.
    """

    def point(self, ra_hours: float, dec_deg: float, deadline: float) -> None:
        """Slew to these coordinates and track them. They are in the mount's equinox, as those of the status."""

    def focus(self, position: float, deadline: float) -> None:
        """Move the focuser; `position` is in the unit of the status."""

    def select_filter(self, name: str, deadline: float) -> None:
        """Turn the filter wheel to the filter with this name, or with this id."""


def check_coordinates(ra_hours: float, dec_deg: float) -> None:
    """StatusError for coordinates that are none."""
    # Not "ra < 0 or ...": that would let NaN pass.
    if not 0 <= ra_hours <= 24:
        raise StatusError(f"The right ascension {ra_hours:g} h is not valid; allowed is 0 h to 24 h.")
    if not -90 <= dec_deg <= 90:
        raise StatusError(f"The declination {dec_deg:g}° is not valid; allowed is -90° to 90°.")


def check_focus(position: float) -> None:
    """StatusError for a position that no focuser has."""
    limits = LIMITS["focus"]
    if not limits.allow(position):
        raise StatusError(
            f"The focus position {position:g} is not valid; allowed is {limits.least:g} to {limits.most:g}."
        )


STATUS_SOURCES = {
    "fixed": ("Fixed values", "cameras.telescope_status.simulated.FixedSource"),
    "file": ("File of another program", "cameras.telescope_status.file.StatusFileSource"),
    "simulated": ("Simulated telescope", "cameras.telescope_status.simulated.SimulatedSource"),
    "indi": ("INDI server", "cameras.telescope_status.indi.source.IndiSource"),
}
"""Kind -> its label, and its class. An observatory's own protocol is one more line."""


def source_class(kind: str) -> type[StatusSource]:
    """StatusError for a kind that does not exist."""
    if kind not in STATUS_SOURCES:
        raise StatusError(
            f"There is no source of telescope status {kind!r}. Choose one of {', '.join(STATUS_SOURCES)}."
        )
    found: type[StatusSource] = resolve(STATUS_SOURCES[kind][1])
    return found


def create_source(kind: str, settings: Mapping[str, Any], context: SourceContext) -> StatusSource:
    """A source that has opened nothing yet. StatusError for a kind or a setting that is not valid."""
    found = source_class(kind)
    try:
        checked = found.Settings.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        what = f"The setting {name}" if name else "A setting"
        why = describe_error(first).rstrip(".")
        raise StatusError(f"{what} of the telescope status source {kind}: {why}.") from None
    return found(checked, context)


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
