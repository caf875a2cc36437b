"""Runs a telescope's night in the camera process: the next field, and the count of what was observed. Everything is
in two files of the spool, `telescope-<session>.fields` and `telescope-<session>.night`. After a kill the same choices
follow from them. Those of other sessions are read where they continue the night, and removed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, cast

from cameras.programmes.kinds import Choice, Finished, NextExposure, Wait
from cameras.spool.moments import Moment
from cameras.spool.records import CaptureRecord
from cameras.spool.session_files import SessionFile
from cameras.spool.spool import Spool
from core.sky.sidereal import local_sidereal_hours
from scheduler.telescope.driver.field import FOCUS_CODE, SKY_CODE
from scheduler.telescope.night.c_records import write_records
from scheduler.telescope.night.field_file import LATIN_1
from scheduler.telescope.night.field_lists import FieldListContent, FieldListReader, LoadedList, read_content
from scheduler.telescope.night.night import Night
from scheduler.telescope.night.night_file import NightFile, PlannedField
from scheduler.telescope.night.night_programme import NightProgramme
from scheduler.telescope.night.progress import FieldState, after_observation, state_from_json, state_to_json
from scheduler.telescope.night.rules import WAIT_S, choose, could_choose
from scheduler.telescope.night.sky import TelescopeSite, julian_date, time_of

log = logging.getLogger(__name__)
CLEAR_AFTER_D = 0.1 / 24
"""The CCDs are cleared before an exposure that follows the last one after so long: CLEAR_INTERVAL of the C code."""
ARRIVES_S = 2.0
SAME_S = 1.0
"""For so long an exposure that was chosen stays the next one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A choice, which holds until a time of the boot clock: the loop asks in each of its rounds."""

    index: int
    bad_weather: bool
    until: float
    choice: Choice


class TelescopeNight:
    """A `cameras.programmes.kinds.Chooser`."""

    def __init__(self, spool: Spool, session: SessionFile) -> None:
        self._spool, self._session = spool, session
        self._programme: NightProgramme = cast(dict[str, Any], session.programme)["telescope"]
        self._lists = FieldListReader(spool, session.id, self._programme["add_file"])
        self._has_warned = False
        self._file: NightFile | None = None
        self._night: Night | None = None
        self._planned: dict[int, PlannedField] = {}
        """By index, those that have no outcome yet."""
        self._chosen: tuple[int, PlannedField] | None = None
        self._answer: Answer | None = None

    def choose(self, index: int, now: Moment, *, bad_weather: bool) -> Choice:
        answer = self._answer
        if answer is None or (answer.index, answer.bad_weather) != (index, bad_weather) or now.boot_s >= answer.until:
            choice = self._choose_now(index, now, bad_weather=bad_weather)
            holds_s = choice.seconds if isinstance(choice, Wait) else SAME_S
            self._answer = answer = Answer(index, bad_weather, now.boot_s + holds_s, choice)
        if isinstance(answer.choice, Wait):
            return replace(answer.choice, seconds=answer.until - now.boot_s)
        return answer.choice

    def _choose_now(self, index: int, now: Moment, *, bad_weather: bool) -> Choice:
        jd = julian_date(datetime.fromtimestamp(now.wall, UTC))
        try:
            loaded = self._lists.read(now.boot_s)
            self._warn_of_latin_1()
            if loaded is None:
                return Wait(ARRIVES_S, "The field list has not arrived from the station yet.", is_fault=True)
            if self._night is None and has_plan_of_another(self._spool, self._session.id):
                return Wait(ARRIVES_S, "The image of an earlier session is not saved yet.", is_fault=True)
            file = self._current_file(loaded, jd)
        except UNREADABLE as error:
            return Wait(WAIT_S, f"The field list cannot be read: {error}", is_fault=True)
        return self._choose(file, loaded, index, jd, bad_weather=bad_weather)

    def _warn_of_latin_1(self) -> None:
        """Once for each night."""
        if self._lists.is_latin_1 and not self._has_warned:
            self._has_warned = True
            log.warning("%s %s", self._programme["add_file"], LATIN_1)

    def could_choose(self, begin: Moment, end: Moment) -> bool:
        first, last = (julian_date(datetime.fromtimestamp(at.wall, UTC)) for at in (begin, end))
        try:
            loaded = self._lists.read(end.boot_s)
            if loaded is None or (self._night is None and has_plan_of_another(self._spool, self._session.id)):
                return True
            file = self._current_file(loaded, last)
        except UNREADABLE:
            return True
        assert self._night is not None
        states, previous = self._expected_states(file, loaded, self._night, first)
        return could_choose(states, first, last, previous=previous or None, rule=file.rule)

    def confirm(self, index: int) -> None:
        if self._chosen is not None and self._chosen[0] == index:
            self._planned[index] = self._chosen[1]

    def _current_file(self, loaded: LoadedList, jd: float) -> NightFile:
        """The file as the still thread has left it; a new one at the begin of the night."""
        file = NightFile.load(self._spool, self._session.id)
        if file is None:
            programme, session = self._programme, self._session
            file = NightFile(
                session.id, session.camera, session.slug, session.root, TelescopeSite(*programme["site"]),
                date.fromisoformat(programme["evening"]), programme["rule"], programme["add_file"], jd,
            )  # fmt: skip
            if not programme.get("start_over"):
                file.note_earlier(loaded.fields, loaded.content.observed)
                # The station may not have the last observations of the session before this one.
                file.take_over(earlier_night(self._spool, file, loaded.content))
        if file.note_fields(loaded.fields, jd):
            file.save(self._spool)
        if self._night is None:
            self._night = file.night
            remove_other_nights(self._spool, self._session.id)
        self._planned = {index: one for index, one in self._planned.items() if index > file.settled}
        return file

    def _choose(self, file: NightFile, loaded: LoadedList, index: int, jd: float, *, bad_weather: bool) -> Choice:
        night = self._night
        assert night is not None
        if jd >= night.sunrise:
            return Finished("The Sun has risen.")
        states, previous = self._expected_states(file, loaded, night, jd)
        choice = choose(states, jd, night, bad_weather=bad_weather, previous=previous or None, rule=file.rule)
        if choice.state is None:
            # Also when no field is left: some may be added until sunrise.
            return Wait(WAIT_S, choice.reason)
        planned = plan_field(choice.state, choice.reason, loaded, night, jd)
        self._chosen = (index, planned)
        clears = self._programme["clears"] and jd - max(file.last_jd, self._last_planned_jd()) > CLEAR_AFTER_D
        return NextExposure(request_of(choice.state, planned, loaded, clears), dict(planned), choice.reason)

    def _expected_states(
        self, file: NightFile, loaded: LoadedList, night: Night, jd: float
    ) -> tuple[tuple[FieldState, ...], str]:
        """As they will be once the exposures that are under way are saved, and the field that was chosen last."""
        states = {state.field.id: state for state in file.states(loaded.fields, night, jd)}
        previous = file.previous
        for _, planned in sorted(self._planned.items()):
            previous = planned["field"]
            if previous in states:
                states[previous] = state_from_json(states[previous].field, planned["after"])
        return tuple(states.values()), previous

    def _last_planned_jd(self) -> float:
        return max((one["jd"] for one in self._planned.values()), default=0.0)


def plan_field(state: FieldState, reason: str, loaded: LoadedList, night: Night, jd: float) -> PlannedField:
    """What the plan of the capture says. The root of the files is unique: exposures are more than a second apart."""
    field = state.field
    lst = local_sidereal_hours(time_of(jd).timestamp(), night.site.longitude)
    place = state.place or state.pointing(lst)
    return PlannedField(
        kind="telescope", field_list=loaded.content.id, field=field.id, number=state.n_done + 1,
        selection=int(state.selection), reason=reason, jd=jd, place=(place.ra, place.dec) if place else None,
        root=f"{time_of(jd):%Y%m%d%H%M%S}{field.kind.letter}", interval_h=state.interval_h,
        after=state_to_json(after_observation(state, jd, place)),
    )  # fmt: skip


def request_of(state: FieldState, planned: PlannedField, loaded: LoadedList, clears: bool) -> dict[str, Any]:
    """The settings and options of the exposure."""
    field = state.field
    options: dict[str, Any] = {
        "mode": "overlap",
        "image_type": field.kind.image_type,
        "sequence": planned["number"],
        "comment": field.comment.strip()[:200],
        "root": planned["root"],
        "clear": clears,
    }
    if planned["place"] is not None:
        options["ra"], options["dec"] = (round(value, 6) for value in planned["place"])
    if field.shutter == FOCUS_CODE and field.focus is not None:
        options["focus"] = round(field.focus.start(field.n_required) + state.n_done * field.focus.increment, 4)
    if field.shutter == SKY_CODE and loaded.filter_name:
        options["filter"] = loaded.filter_name
    return {"exposure_us": max(1, round(field.exposure_s * 1e6)), "options": options}


def settle_observation(spool: Spool, record: CaptureRecord) -> list[str]:
    """An entry of `cameras.tables.OBSERVATIONS`: count a capture in the file of its night."""
    body = record["body"]
    planned = cast(PlannedField, body.get("observation"))
    session, index = body["session"], body["index"]
    if not session or index is None or (file := NightFile.load(spool, session)) is None:
        return []
    if index > file.settled:
        observed = file.count(record, planned)
        if observed is not None:
            # Before the file is saved: after a kill between the two, both are repeated.
            write_records(spool.files, file, _counted_states(spool, file, observed.jd), planned, observed)
        file.save(spool)
    return send_outbox(spool, file)


def _counted_states(spool: Spool, file: NightFile, jd: float) -> tuple[FieldState, ...]:
    reader = FieldListReader(spool, file.session, file.add_file)
    loaded = reader.read(0.0)
    return file.states(loaded.fields, file.night, jd) if loaded is not None else ()


def send_outbox(spool: Spool, file: NightFile) -> list[str]:
    """Send the records of a saved file. A record may be sent again after a kill: the ingest ignores the second."""
    sent = []
    for record in file.outbox:
        if not spool.has_trace(record["id"]):
            spool.commit(record)
        if spool.files.size(spool.folder, f"{record['id']}.json") is not None:
            spool.done(record)
        sent.append(record["id"])
    # Only in memory: the next save of the file drops them, and a restart before that sends them again.
    file.outbox = []
    return sent


UNREADABLE = (ValueError, KeyError, TypeError)
"""What reading a damaged file of the spool raises."""


def has_plan_of_another(spool: Spool, session: str) -> bool:
    """Whether a capture of another session has no outcome yet. Its plan is there until it is counted in its night."""
    for name in spool.names():
        if name.endswith(".plan"):
            try:
                owner = spool.read(name)["session"]
            # Its image was saved just now, or the file is damaged: the next recovery settles it.
            except (FileNotFoundError, *UNREADABLE):
                continue
            if owner and owner != session:
                return True
    return False


def earlier_night(spool: Spool, file: NightFile, wanted: FieldListContent) -> NightFile | None:
    """The newest one of another session, if it is of the same evening and list, and the list was not started over
    since, on another camera."""
    nights = [name for name in spool.names() if name.endswith(".night")]
    sessions = {owner for name in nights if (owner := session_of(name))} - {file.session}
    others = [other for session in sessions if (other := NightFile.load(spool, session))]
    newest = max(others, key=lambda other: other.begun, default=None)
    # The ids of sessions are UUIDv7: they grow with time.
    if newest is None or newest.evening != file.evening or newest.session < wanted.restarted_by:
        return None
    try:
        content = read_content(spool, newest.session)
    except UNREADABLE:
        return None
    return newest if content is not None and content.id == wanted.id else None


def remove_other_nights(spool: Spool, session: str) -> None:
    """The files of nights whose session has ended, and whose file is gone."""
    names = spool.names()
    kept = {"", session, *(name.removeprefix("session-").removesuffix(".json") for name in names)}
    for name in names:
        if session_of(name) not in kept:
            spool.files.unlink(spool.folder, name)


def session_of(name: str) -> str:
    """Whose night a file of the spool belongs to; empty for other files."""
    return name.removeprefix("telescope-").rpartition(".")[0] if name.startswith("telescope-") else ""
