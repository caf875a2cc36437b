"""The interface of a kind of programme. `cameras.tables.PROGRAMME_KINDS` lists the kinds. Django-free."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from cameras.spool.records import Programme
from core.times.durations import format_exposure

if TYPE_CHECKING:
    from cameras.programmes.choosing import Chooser
    from cameras.spool.session_files import SessionFile
    from cameras.spool.spool import Spool

Shot: TypeAlias = dict[str, Any]
"""What one exposure requests: `exposure_us` and any of `gain`, `iso`, `f_number`, `format`, `options`."""
LONGEST_US = 3_600_000_000


class ProgrammeKind(ABC):
    """Pure: it knows no clock and no camera. `cameras.programmes.schedule` says when a cycle starts."""

    chooses: ClassVar[bool] = False
    """Whether each exposure is chosen when it is due, by `open_chooser`. No start counts as missed then: what an outage
    swallowed is a gap without a number of captures."""

    @abstractmethod
    def shots(self, programme: Programme, settings: Mapping[str, Any]) -> list[Shot]:
        """The exposures of one cycle, in their order; at least one.

        `settings` are those of the programme, or those that exposure control has chosen.
        """

    def rehearsal(self, programme: Programme, settings: Mapping[str, Any]) -> Shot:
        """An exposure that the camera rehearses at the start of a session, without taking it: what it would use, and
        what it cannot do, is recorded with the start."""
        return self.shots(programme, settings)[0]

    def open_chooser(self, spool: Spool, session: SessionFile) -> Chooser:
        """What chooses the exposures of a session. Only of a kind that `chooses`."""
        raise NotImplementedError

    def reference(self, programme: Programme) -> int:
        """The place in the cycle of the exposure by whose brightness exposure control chooses the settings."""
        return 0

    @abstractmethod
    def describe(self, programme: Programme, settings: Mapping[str, Any]) -> str:
        """The exposures of a cycle in words, such as `8 s` or `20 x 10 ms`."""


LIMITS = {"gain": "gain {:g} to {:g}", "iso": "ISO {:g} to {:g}", "f_number": "f/{:g} to f/{:g}"}
"""Setting that automatic exposure may change -> its limits in words."""


def exposure_words(programme: Programme, settings: Mapping[str, Any]) -> str:
    """`8 s`, or the limits of automatic exposure."""
    control = programme.get("control")
    if control is None:
        return format_exposure(settings["exposure_us"])
    shortest, longest = (format_exposure(limit) for limit in control["exposure_us"])
    limits = cast(Mapping[str, tuple[float, float] | None], control)
    more = [words.format(*pair) for name, words in LIMITS.items() if (pair := limits.get(name))]
    exposure = f"{shortest} to {longest} automatic"
    return f"{exposure} ({', '.join(more)})" if more else exposure


def limited_exposure(exposure_us: float) -> int:
    """The nearest exposure that a request may have, in whole microseconds."""
    return round(min(max(exposure_us, 1.0), LONGEST_US))
