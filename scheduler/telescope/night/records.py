"""What a night writes of its observations in the forms of the C scheduler: lines of `log.obs`, fields of
`scheduler.bin`."""

from __future__ import annotations

from core.sky.equatorial import Equatorial, apparent_places, ecliptic, galactic
from scheduler.telescope.driver.field import Field, FieldStatus, SurveyCode
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.progress import POINTINGS, FieldState
from scheduler.telescope.night.selection import FieldTable
from scheduler.telescope.night.sky import J2000, UNIX_EPOCH, time_of

LINE_END = "\n "
"""Of a line of a field file, as the C scheduler keeps it. It ends a line of `log.obs` as well if the field has a
comment, which is copied with it: so the next line begins with one more blank."""


def recorded_place(state: FieldState) -> Equatorial:
    """Where a field is in `log.obs` and `scheduler.bin`: as in its line; a kind of POINTINGS is where the telescope was
    pointed for its first observation."""
    pointed = state.place if state.field.shutter in POINTINGS else None
    return pointed or Equatorial(state.field.ra, state.field.dec)


def log_line(
    state: FieldState, n_done: int, exposure_s: float, hour_angle: float, jd: float, actual_h: float, file_root: str
) -> str:
    """The line of `log.obs` for observation number `n_done` of a field, with its end.

    `hour_angle` and `actual_h`, the exposure, are in hours, and `jd` is when it began. The comment of the field follows
    its number as it is in the field's line.
    """
    field, place = state.field, recorded_place(state)
    exposure = f"{exposure_s:6.1f} {hour_angle:10.6f} {jd:11.6f} {actual_h:10.6f}"
    named = f"{field.kind.image_type} {field.number}{field.comment}"
    end = LINE_END if "#" in field.script_line else "\n"
    return f"{place.ra:10.6f} {place.dec:10.6f} {field.kind.letter} {n_done} {exposure} {file_root} # {named}{end}"


def c_field(state: FieldState, night: Night, jd: float) -> Field:
    """The field of `scheduler.bin` for a state at the time `jd`, without its observations: record them on it."""
    field = state.field
    listed, place = Equatorial(field.ra, field.dec), recorded_place(state)
    # Those of a field's line, also of a kind whose place changes with its first observation.
    (of_date,) = apparent_places([listed], time_of(night.midnight))
    (gal_long, gal_lat), (ecl_long, ecl_lat) = galactic(listed), ecliptic(of_date, night.begin)
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
        script_line=field.script_line + LINE_END,
        ra=place.ra,
        dec=place.dec,
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
