"""The progress of a telescope's night, as a file in the spool of its camera: what was observed, and of which field.

It is replaced durably after each capture, before the ingest can see the record of the capture. So a field that a record
says is observed is not observed again, whatever is killed when. The file has the fields that were observed, or failed;
the others follow from the list, the night, and the time at which they came into the night.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Self, TypedDict

from cameras.spool.records import CaptureRecord, ObservationBody, ObservationRecord
from cameras.spool.session_files import new_id
from cameras.spool.spool import Spool
from core.sky.sidereal import hour_angle, local_sidereal_hours
from scheduler.telescope.night.field_file import ListedField
from scheduler.telescope.night.field_lists import EarlierObservation
from scheduler.telescope.night.night import Night, night_of
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.progress import (
    FieldState,
    Progress,
    after_observations,
    begin_night,
    reload_states,
    state_from_json,
    state_to_json,
)
from scheduler.telescope.night.sky import TelescopeSite, airmass, altitude, julian_date

log = logging.getLogger(__name__)
MOST_FAILURES = 3
"""A field whose exposures fail so often in a row is not tried again in this night."""


class PlannedField(TypedDict):
    """What the plan of a capture says of the field that it observes. Its record has it as well."""

    kind: str
    """`telescope`, a key of `cameras.tables.OBSERVATIONS`."""
    field_list: str
    field: str
    """ListedField.id."""
    number: int
    """1 for the first observation of the field."""
    selection: int
    reason: str
    jd: float
    """When it was chosen."""
    place: tuple[float, float] | None
    """Where the telescope points: hours and degrees, of the equinox of the date."""
    root: str
    """Of the names of its files."""
    interval_h: float
    after: Progress
    """Of the field, once it is observed: were it observed at `jd`."""


class NightContent(TypedDict):
    """The file."""

    session: str
    camera: str
    slug: str
    root: str
    site: list[float]
    evening: str
    rule: Rule
    add_file: str
    begun: float
    since: dict[str, float]
    progress: list[Progress]
    failures: dict[str, int]
    previous: str
    last_jd: float
    settled: int
    observed: int
    outbox: list[ObservationRecord]


def night_name(session: str) -> str:
    return f"telescope-{session}.night"


@dataclass(slots=True)
class NightFile:
    session: str
    camera: str
    slug: str
    root: str
    site: TelescopeSite
    evening: date
    rule: Rule
    add_file: str
    """The `.add` file on this machine; empty for none."""
    begun: float
    """The Julian date at which the night was begun."""
    since: dict[str, float] = field(default_factory=dict)
    """Id of a field that came later -> the Julian date of that."""
    progress: dict[str, Progress] = field(default_factory=dict)
    """Of the fields that were observed."""
    failures: dict[str, int] = field(default_factory=dict)
    """Id of a field -> how many of its exposures have failed since the last that was saved."""
    previous: str = ""
    """Id of the field that was observed last."""
    last_jd: float = 0.0
    """When that exposure began."""
    settled: int = -1
    """The last index of the session that is counted here."""
    observed: int = 0
    outbox: list[ObservationRecord] = field(default_factory=list)

    @classmethod
    def load(cls, spool: Spool, session: str) -> Self | None:
        """None without a file. One that is not what `save` wrote is moved aside: the night then begins again, and the
        captures are safe."""
        name = night_name(session)
        if spool.files.size(spool.folder, name) is None:
            return None
        try:
            return cls._load(spool.read(name), session)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.error("%s cannot be read (%s), and is moved to `rejected`. The night begins again.", name, error)
            spool.files.move_aside(spool.folder, name, f"{spool.folder}/rejected")
            return None

    @classmethod
    def _load(cls, content: Mapping[str, Any], session: str) -> Self:
        return cls(
            session=session,
            camera=content["camera"],
            slug=content["slug"],
            root=content["root"],
            site=TelescopeSite(*content["site"]),
            evening=date.fromisoformat(content["evening"]),
            rule=content["rule"],
            add_file=str(content["add_file"]),
            begun=float(content["begun"]),
            since=dict(content["since"]),
            progress={one["id"]: one for one in content["progress"]},
            failures=dict(content["failures"]),
            previous=str(content["previous"]),
            last_jd=float(content["last_jd"]),
            settled=int(content["settled"]),
            observed=int(content["observed"]),
            outbox=list(content["outbox"]),
        )

    def save(self, spool: Spool) -> None:
        """Durable when it returns. OSError."""
        site = self.site
        content = NightContent(
            session=self.session, camera=self.camera, slug=self.slug, root=self.root,
            site=[site.latitude, site.longitude, site.elevation], evening=self.evening.isoformat(), rule=self.rule,
            add_file=self.add_file, begun=self.begun, since=self.since, progress=list(self.progress.values()),
            failures=self.failures,
            previous=self.previous, last_jd=self.last_jd, settled=self.settled, observed=self.observed,
            outbox=self.outbox,
        )  # fmt: skip
        spool.replace(night_name(self.session), content)

    @property
    def night(self) -> Night:
        """It takes about 4 ms."""
        return night_of(self.site, self.evening)

    # The states of the fields

    def states(self, fields: Sequence[ListedField], night: Night, jd: float) -> tuple[FieldState, ...]:
        """Of a list, in its order. A field that is new in it begins at `jd`; `note_fields` remembers that."""
        begins = {one.id: self.since.get(one.id, self.begun) for one in fields}
        fresh = {
            state.field.id: state
            for begin in set(begins.values())
            for state in begin_night([one for one in fields if begins[one.id] == begin], night, begin)
        }
        states = [self._with_progress(fresh[one.id], night, jd) for one in fields]
        return tuple(self._without_failing(state) for state in states)

    def _with_progress(self, state: FieldState, night: Night, jd: float) -> FieldState:
        progress = self.progress.get(state.field.id)
        if progress is None:
            return state
        return reload_states([state.field], [state_from_json(state.field, progress)], night, jd)[0]

    def _without_failing(self, state: FieldState) -> FieldState:
        failures = self.failures.get(state.field.id, 0)
        if failures < MOST_FAILURES or state.problem:
            return state
        return replace(state, problem=f"{failures} exposures of it failed, one after the other.")

    def note_fields(self, fields: Sequence[ListedField], jd: float) -> bool:
        """Remember when fields came into the night after its begin; False when none is new."""
        new = {one.id: jd for one in fields if one.id not in self.since}
        self.since |= new
        return bool(new)

    def note_earlier(self, fields: Sequence[ListedField], observed: Sequence[EarlierObservation]) -> None:
        """Begin with what earlier sessions of the night have observed."""
        if observed:
            night = self.night
            states = after_observations(begin_night(fields, night, night.sunset), observed, night)
            self.progress = {state.field.id: state_to_json(state) for state in states if state.n_done}
            self.previous, self.last_jd = observed[-1]["field"], observed[-1]["jd"]

    def take_over(self, earlier: Self | None) -> None:
        """Begin also with what the file of an earlier session has counted. Fields that failed there are tried again."""
        if earlier is None:
            return
        for key, progress in earlier.progress.items():
            if key not in self.progress or self.progress[key]["n_done"] < progress["n_done"]:
                self.progress[key] = progress
        if earlier.last_jd > self.last_jd:
            self.previous, self.last_jd = earlier.previous, earlier.last_jd

    # Captures

    def count(self, record: CaptureRecord, planned: PlannedField) -> Observed | None:
        """Count the outcome of a capture, which is not counted yet. None if it was not saved."""
        body = record["body"]
        assert body["index"] is not None
        self.settled, key = body["index"], planned["field"]
        if body["outcome"] != "saved":
            self.failures[key] = self.failures.get(key, 0) + 1
            return None
        observed = observe(record, planned, self.site)
        self.failures.pop(key, None)
        self.previous, self.last_jd, self.observed = key, observed.jd, self.observed + 1
        after = planned["after"]
        self.progress[key] = {**after, "jd_next": after["jd_next"] + observed.jd - planned["jd"]}
        self.outbox.append(self._record(record, planned, observed))
        return observed

    def _record(self, record: CaptureRecord, planned: PlannedField, observed: Observed) -> ObservationRecord:
        body = ObservationBody(
            capture=record["id"], session=self.session, field_list=planned["field_list"],
            field_key=planned["field"], number=planned["number"], observed_at=observed.at, jd=observed.jd,
            lst_h=observed.lst, ha_h=observed.ha, airmass=observed.airmass, exposure_s=observed.exposure_s,
            filename=planned["root"], selection=planned["selection"], reason=planned["reason"],
            interval_h=planned["interval_h"],
        )  # fmt: skip
        return ObservationRecord(
            kind="observation", id=new_id(), camera=self.camera, slug=self.slug, root=self.root, files=[], body=body
        )


@dataclass(frozen=True, slots=True)
class Observed:
    """An exposure of a field, as it was made."""

    at: str
    jd: float
    """When it began."""
    lst: float
    ha: float | None
    """None for a dark or a dome flat, as `airmass`."""
    airmass: float | None
    exposure_s: float


def observe(record: CaptureRecord, planned: PlannedField, site: TelescopeSite) -> Observed:
    body = record["body"]
    at = body["started"] or body["planned"]
    began = datetime.fromisoformat(at)
    lst = local_sidereal_hours(began.timestamp(), site.longitude)
    ha = air = None
    if planned["place"] is not None:
        ra, dec = planned["place"]
        ha = hour_angle(lst, ra)
        air = airmass(altitude(ha, dec, site.latitude))
    exposure_us = body.get("exposure_us") or body["asked"].get("exposure_us") or 0
    return Observed(at, julian_date(began), lst, ha, air, exposure_us / 1e6)
