"""Writes `log.obs` and `scheduler.bin` of a night, as the C scheduler does, beside the captures of its camera: the
files, their lines and their fields."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from cameras.spool.durable import Files
from core.sky.equatorial import Equatorial, apparent_places, ecliptic, galactic
from scheduler.telescope.driver.field import Field, FieldStatus, SurveyCode
from scheduler.telescope.driver.layouts import FILE_NAME, ObservationRecord, RecordTime, pack_record, unpack_record
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.night_file import NightFile, Observed, PlannedField
from scheduler.telescope.night.progress import POINTINGS, FieldState
from scheduler.telescope.night.rules import FieldTable
from scheduler.telescope.night.sky import J2000, UNIX_EPOCH, time_of

log = logging.getLogger(__name__)
LOG_NAME = "log.obs"


def records_folder(night: NightFile) -> str:
    """In the storage root of the captures."""
    return f"telescope/{night.slug}/{night.evening.isoformat()}"


def write_records(
    files: Files, night_file: NightFile, states: Sequence[FieldState], planned: PlannedField, observed: Observed
) -> None:
    """Add one observation to both files. Repeated, it changes nothing. A disk that refuses them, or a value that the C
    structures cannot hold, is only logged: they repeat what the records of the captures say."""
    folder = records_folder(night_file)
    state = next((state for state in states if state.field.id == planned["field"]), None)
    if state is None:
        return
    try:
        files.make_folders(folder)
        _append_line(files, folder, _line(state, planned, observed))
        content = _with_observation(_read(files, folder, FILE_NAME), states, night_file.night, state, planned, observed)
        _replace(files, folder, FILE_NAME, content)
    except (OSError, ValueError) as error:
        log.error("%s and %s of the night %s were not written: %s", LOG_NAME, FILE_NAME, night_file.evening, error)


def _line(state: FieldState, planned: PlannedField, observed: Observed) -> str:
    return log_line(
        state, planned["number"], state.field.exposure_s, observed.ha or 0.0, observed.jd, observed.exposure_s / 3600,
        planned["root"],
    )  # fmt: skip


def _append_line(files: Files, folder: str, line: str) -> None:
    before = _read(files, folder, LOG_NAME)
    if not before.endswith(line.encode()):
        _replace(files, folder, LOG_NAME, before + line.encode())


def _with_observation(
    before: bytes, states: Sequence[FieldState], night: Night, state: FieldState, planned: PlannedField,
    observed: Observed,
) -> bytes:  # fmt: skip
    """The record with one more observation. A file that is none is written from the beginning."""
    # By the lines, because numbers change when a list is edited. A list may have the same line twice.
    known: dict[str, list[Field]] = {}
    if before:
        try:
            for field in unpack_record(before).fields:
                known.setdefault(field.script_line.rstrip(), []).append(field)
        except ValueError as error:
            log.error("%s was not readable, and is written again: %s", FILE_NAME, error)
    fields = []
    for one in states:
        same = known.get(one.field.script_line.rstrip())
        fields.append(_with_observations(c_field(one, night, observed.jd), same.pop(0) if same else None))
    field = fields[states.index(state)]
    if planned["root"] not in field.filename:
        made = _Made(planned["root"], _ut_of(observed.at), observed.jd, observed.exposure_s)
        jd_next = field.jd_next
        field.record_observation(made, lst=observed.lst, ha=observed.ha or 0.0, am=observed.airmass or 0.0)
        field.jd_next = jd_next
    at = datetime.fromisoformat(observed.at).astimezone(UTC)
    time = RecordTime(at.year, at.month, at.day, at.hour, at.minute, at.second)
    return pack_record(ObservationRecord(time, fields, b""))


def _with_observations(field: Field, before: Field | None) -> Field:
    if before is not None:
        for name in ("ut", "jd", "lst", "ha", "am", "actual_expt", "filename"):
            setattr(field, name, list(getattr(before, name)))
        field.n_done = before.n_done
    return field


class _Made:
    """An exposure, for `Field.record_observation`."""

    def __init__(self, filename: str, ut: float, jd: float, actual_exposure_s: float) -> None:
        self.filename, self.ut, self.jd, self.actual_exposure_s = filename, ut, jd, actual_exposure_s


def _ut_of(at: str) -> float:
    time = datetime.fromisoformat(at).astimezone(UTC)
    return time.hour + time.minute / 60 + (time.second + time.microsecond / 1e6) / 3600


def _read(files: Files, folder: str, name: str) -> bytes:
    return files.read(folder, name) if files.size(folder, name) is not None else b""


def _replace(files: Files, folder: str, name: str, content: bytes) -> None:
    temporary = f"new-{name}"
    files.unlink(folder, temporary)
    files.create(folder, temporary, [content])
    files.rename(folder, temporary, name)
    files.sync(folder)


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
