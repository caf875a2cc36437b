"""A field: a place of the sky, or a calibration, that the scheduler observes a number of times in a night."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from enum import IntEnum
from typing import NamedTuple, Protocol, TypeVar

MAX_FIELDS = 500
MAX_OBS_PER_FIELD = 100
FILENAME_LENGTH = 16
"""Bytes of the root of a file name in a field of the C code, its NUL included."""

T = TypeVar("T")

BAD_CODE = -1
DARK_CODE = 0
SKY_CODE = 1
FOCUS_CODE = 2
OFFSET_CODE = 3
EVENING_FLAT_CODE = 4
MORNING_FLAT_CODE = 5
DOME_FLAT_CODE = 6


class FieldKind(NamedTuple):
    letter: str
    """The last letter in the root of a file name."""
    flag: str
    """In a field file."""
    image_type: str
    """The header word `imagetyp`."""


FIELD_KINDS = {
    BAD_CODE: FieldKind("?", "?", "unknown"),
    DARK_CODE: FieldKind("d", "N", "dark"),
    SKY_CODE: FieldKind("s", "Y", "sky"),
    FOCUS_CODE: FieldKind("f", "F", "focus"),
    OFFSET_CODE: FieldKind("p", "P", "offset"),
    EVENING_FLAT_CODE: FieldKind("e", "E", "pmskyflat"),
    MORNING_FLAT_CODE: FieldKind("m", "M", "amskyflat"),
    DOME_FLAT_CODE: FieldKind("l", "L", "domeskyflat"),
}
"""`shutter` of a field -> how file names, field files and headers name it."""


class SurveyCode(IntEnum):
    NONE = 0
    TNO = 1
    SNE = 2
    MUSTDO = 3
    LIGO = 4


class FieldStatus(IntEnum):
    TOO_LATE = -1
    """The time that is left is too short for the observations that are left."""
    NOT_DOABLE = 0
    READY = 1
    DO_NOW = 2


class SelectionCode(IntEnum):
    """Why the scheduler has chosen a field."""

    NOT_SELECTED = 0
    FIRST_DO_NOW_FLAT = 1
    FIRST_DO_NOW_DARK = 2
    FIRST_DO_NOW = 3
    FIRST_READY_PAIR = 4
    FIRST_LATE_PAIR = 5
    FIRST_NOT_READY_LATE_PAIR = 6
    FIRST_NOT_READY_NOT_LATE_PAIR = 7
    LEAST_TIME_LATE_MUST_DO = 8
    LEAST_TIME_READY_MUST_DO = 9
    LEAST_TIME_READY = 10
    MOST_TIME_READY_LATE = 11
    SEQUENTIAL = 12
    """By the sequential rule of 2026."""


class Exposure(Protocol):
    """What a field records of an exposure."""

    @property
    def filename(self) -> str:
        """The root of the names of its files."""

    @property
    def ut(self) -> float:
        """Hours since midnight, UTC, at its start."""

    @property
    def jd(self) -> float:
        """Julian date at its start."""

    @property
    def actual_exposure_s(self) -> float: ...


@dataclass(slots=True)
class Field:
    """The members of the C structure `Field`, with its names and units: hours for times, hour angles and right
    ascensions, degrees for all other angles.

    The lists have one element for each observation that was made, in their order.
    """

    expt: float
    """Exposure time in hours, as `interval`."""
    shutter: int
    """A code of FIELD_KINDS."""
    _: KW_ONLY
    status: int = FieldStatus.NOT_DOABLE
    doable: int = 0
    """1 if all observations are possible in this night."""
    selection_code: int = SelectionCode.NOT_SELECTED
    field_number: int = 0
    line_number: int = 0
    script_line: str = ""
    """The line of the field file."""
    ra: float = 0.0
    dec: float = 0.0
    gal_long: float = 0.0
    gal_lat: float = 0.0
    ecl_long: float = 0.0
    ecl_lat: float = 0.0
    epoch: float = 0.0
    """Of the coordinates, as a year."""
    interval: float = 0.0
    """Between the starts of two observations."""
    n_required: int = 1
    survey_code: int = SurveyCode.NONE
    ut_rise: float = 0.0
    """From here on the airmass is low enough, until `ut_set`; `jd_rise` and `jd_set` are the same times."""
    ut_set: float = 0.0
    jd_rise: float = 0.0
    jd_set: float = 0.0
    jd_next: float = 0.0
    """The next observation is not due before."""
    n_done: int = 0
    time_up: float = 0.0
    """How long it is still observable, from now or from its rise."""
    time_required: float = 0.0
    """For the observations that are left."""
    time_left: float = 0.0
    """`time_up` less `time_required`."""
    ut: list[float] = field(default_factory=list)
    jd: list[float] = field(default_factory=list)
    lst: list[float] = field(default_factory=list)
    ha: list[float] = field(default_factory=list)
    am: list[float] = field(default_factory=list)
    """Airmasses."""
    actual_expt: list[float] = field(default_factory=list)
    filename: list[str] = field(default_factory=list)

    @classmethod
    def sky(cls, ra: float, dec: float, exposure_s: float, *, interval_s: float = 0.0, n_required: int = 1) -> Field:
        """A place of the sky: `ra` in hours, `dec` in degrees, the times in seconds."""
        expt, interval = exposure_s / 3600, interval_s / 3600
        return cls(expt, SKY_CODE, ra=ra, dec=dec, interval=interval, n_required=n_required)

    @classmethod
    def dark(cls, exposure_s: float, *, interval_s: float = 0.0, n_required: int = 1) -> Field:
        """A dark exposure, with the times in seconds."""
        return cls(exposure_s / 3600, DARK_CODE, interval=interval_s / 3600, n_required=n_required)

    @property
    def kind(self) -> FieldKind:
        """The kind of BAD_CODE for a code that does not exist."""
        return FIELD_KINDS.get(self.shutter, FIELD_KINDS[BAD_CODE])

    @property
    def letter(self) -> str:
        return self.kind.letter

    @property
    def image_type(self) -> str:
        return self.kind.image_type

    @property
    def comment(self) -> str:
        """What follows the first `#` of the field's line; empty without one."""
        return self.script_line.partition("#")[2].strip()

    def record_observation(self, exposure: Exposure, *, lst: float = 0.0, ha: float = 0.0, am: float = 0.0) -> None:
        """Note an exposure as observation number `n_done` + 1. The next one is due `interval` after it.

        A program that repeats a bad exposure reduces `n_done` before: what was recorded beyond it is removed.
        ValueError when the field has MAX_OBS_PER_FIELD observations.
        """
        if not 0 <= self.n_done < MAX_OBS_PER_FIELD:
            raise ValueError(
                f"Field {self.field_number} cannot record an observation: n_done is {self.n_done}, and a field has at"
                f" most {MAX_OBS_PER_FIELD}."
            )
        name = exposure.filename[: FILENAME_LENGTH - 1]
        hours = exposure.actual_exposure_s / 3600
        observed = ((self.ut, exposure.ut), (self.jd, exposure.jd), (self.lst, lst), (self.ha, ha), (self.am, am))
        for numbers, number in (*observed, (self.actual_expt, hours)):
            _set_last(numbers, self.n_done, number, 0.0)
        _set_last(self.filename, self.n_done, name, "")
        self.n_done += 1
        self.jd_next = exposure.jd + self.interval / 24


def _set_last(values: list[T], place: int, value: T, unknown: T) -> None:
    """Make `value` the last element, at `place`. A list that is too short for it has `unknown` before."""
    values[place:] = [*[unknown] * (place - len(values)), value]
