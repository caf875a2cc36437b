"""Writes `log.obs` and `scheduler.bin` of a night, as the C scheduler does, beside the captures of its camera."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from cameras.spool.durable import Files
from scheduler.telescope.driver.field import Field
from scheduler.telescope.driver.observation_record import (
    FILE_NAME,
    ObservationRecord,
    RecordTime,
    pack_record,
    unpack_record,
)
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.night_file import NightFile, Observed, PlannedField
from scheduler.telescope.night.progress import FieldState
from scheduler.telescope.night.records import c_field, log_line

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
