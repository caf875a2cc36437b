"""What a night writes of its observations in the forms of the C scheduler: lines of `log.obs`, fields of
`scheduler.bin`."""

from __future__ import annotations

from cameras.drivers.telescope.field import Field, FieldStatus, SurveyCode
from core.sky.equatorial import Equatorial, ecliptic, galactic
from scheduler.telescope.field_file import ListedField
from scheduler.telescope.night import Night
from scheduler.telescope.progress import FieldState
from scheduler.telescope.selection import FieldTable
from scheduler.telescope.sky import J2000, UNIX_EPOCH


def log_line(
    field: ListedField,
    pointing: Equatorial,
    n_done: int,
    exposure_s: float,
    hour_angle: float,
    jd: float,
    actual_h: float,
    file_root: str,
) -> str:
    """The line of `log.obs` for observation number `n_done` of a field, with its end.

    `pointing` is what the telescope was commanded to; `hour_angle` and `actual_h`, the exposure, are in hours, and `jd`
    is when it began. The comment of the field follows its number as it is in the field's line.
    """
    place = f"{pointing.ra:10.6f} {pointing.dec:10.6f}"
    exposure = f"{exposure_s:6.1f} {hour_angle:10.6f} {jd:11.6f} {actual_h:10.6f}"
    named = f"{field.kind.image_type} {field.number}{field.comment}"
    return f"{place} {field.kind.letter} {n_done} {exposure} {file_root} # {named}\n"


def c_field(state: FieldState, night: Night, jd: float) -> Field:
    """The field of `scheduler.bin` for a state at the time `jd`, without its observations: record them on it."""
    field = state.field
    listed, place = Equatorial(field.ra, field.dec), state.place or Equatorial(field.ra, field.dec)
    (gal_long, gal_lat), (ecl_long, ecl_lat) = galactic(listed), ecliptic(place, night.begin)
    left = state.n_left
    time_up, time_required = (state.jd_set - jd) * 24, left * state.interval_h
    return Field(
        field.exposure_s / 3600,
        field.shutter,
        status=FieldStatus(int(FieldTable([state]).statuses(jd, bad_weather=False)[0])),
        doable=int(not state.problem and left > 0 and jd <= state.jd_set),
        selection_code=state.selection,
        field_number=field.number,
        line_number=field.line,
        script_line=field.script_line,
        ra=field.ra,
        dec=field.dec,
        gal_long=gal_long,
        gal_lat=gal_lat,
        ecl_long=ecl_long,
        ecl_lat=ecl_lat,
        epoch=2000 + (night.begin - J2000) / 365.25,
        interval=state.interval_h,
        n_required=field.n_required,
        survey_code=SurveyCode.MUSTDO if field.is_must_do else field.survey,
        ut_rise=_ut_hours(state.jd_rise, night),
        ut_set=_ut_hours(state.jd_set, night),
        jd_rise=state.jd_rise,
        jd_set=state.jd_set,
        jd_next=state.jd_next,
        time_up=time_up,
        time_required=time_required,
        time_left=time_up - time_required,
    )


def _ut_hours(jd: float, night: Night) -> float:
    """Counted on from the UT of the night's begin: above 24 h after a midnight of UT in the night."""
    return (night.begin - UNIX_EPOCH) * 24 % 24 + (jd - night.begin) * 24
