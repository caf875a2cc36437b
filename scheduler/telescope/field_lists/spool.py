"""Field lists in the spools of this host's cameras: lists of running nights are written for their processes, and
their records of observations are ingested, idempotent by the capture's id and in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime

from django.conf import settings

from cameras.spool.durable import RootFiles
from cameras.spool.records import ObservationRecord
from cameras.spool.spool import Spool
from cameras.spool.storage import MARKER
from captures.roots.roots import root_of
from captures.sessions.models import Session
from scheduler.telescope.field_lists.models import Field, FieldList, Observation
from scheduler.telescope.field_lists.nights import content_of, earlier_observations, newest_restart, night_of_session
from scheduler.telescope.night.field_lists import FieldListContent, list_file_name, write_list
from scheduler.telescope.night.night import night_of
from scheduler.telescope.night.sky import TelescopeSite

delivered: dict[str, int] = {}
"""Session -> the revision of its list that this process has written."""


def deliver_lists() -> None:
    """Once: each list that its camera does not have in this revision. A deleted list stays as it was. OSError."""
    active = Session.objects.active().filter(camera__host=settings.STATION.host, programme__kind="telescope")
    running = list(active.select_related("camera"))
    for gone in delivered.keys() - {str(session.pk) for session in running}:
        del delivered[gone]
    for session, found in _lists_of(running):
        _deliver(session, found)


def _lists_of(running: list[Session]) -> Iterator[tuple[Session, FieldList]]:
    for session in running:
        night = night_of_session(session)
        found = FieldList.objects.filter(pk=night[0]).first() if night else None
        if found is not None:
            yield session, found


def _deliver(session: Session, found: FieldList) -> None:
    root = root_of(session.camera)
    try:
        files = RootFiles(root["path"])
    except OSError:
        # A disk that is not mounted: its camera has an alert, and no night runs there.
        return
    try:
        if not _is_root(files, root["id"]):
            return
        spool, ident = Spool(files, str(session.camera_id)), str(session.pk)
        is_there = files.size(spool.folder, list_file_name(ident)) is not None
        if delivered.get(ident) != found.revision or not is_there:
            write_list(spool, ident, _content_for(session, found))
            delivered[ident] = found.revision
    except FileNotFoundError:
        # The camera's first process has not created the spool yet.
        return
    finally:
        files.close()


def _content_for(session: Session, found: FieldList) -> FieldListContent:
    """The list, with what was observed of it in the session's night before."""
    programme = session.programme["telescope"]
    night = night_of(TelescopeSite(*programme["site"]), date.fromisoformat(programme["evening"]))
    restart = newest_restart(found, night)
    return replace(
        content_of(found),
        observed=earlier_observations(found, night),
        restarted_by=str(restart.pk) if restart else "",
    )


def _is_root(files: RootFiles, root: str) -> bool:
    """Whether the opened folder is that root, and not an empty mount point."""
    try:
        return files.read("", MARKER).decode("ascii", "replace").strip() == root
    except OSError:
        return False


def ingest_observations(records: Iterable[ObservationRecord]) -> None:
    for record in records:
        ingest_observation(record)


def ingest_observation(record: ObservationRecord) -> None:
    """Store what a capture observed. Its capture may come later. A list, a field or a session that is deleted is left
    empty. The first record of a capture holds."""
    body = record["body"]
    field_list = FieldList.objects.filter(pk=body["field_list"]).first()
    field = Field.objects.filter(field_list=field_list, key=body["field_key"]).first() if field_list else None
    session = Session.objects.filter(pk=body["session"]).first()
    observation = Observation(
        capture_id=body["capture"],
        field_list=field_list,
        field=field,
        session=session,
        field_key=body["field_key"],
        number=body["number"],
        observed_at=datetime.fromisoformat(body["observed_at"]),
        jd=body["jd"],
        lst_h=body["lst_h"],
        ha_h=body["ha_h"],
        airmass=body["airmass"],
        exposure_s=body["exposure_s"],
        filename=body["filename"],
        selection=body["selection"],
        reason=body["reason"][:500],
        interval_h=body["interval_h"],
    )
    Observation.objects.bulk_create([observation], ignore_conflicts=True)
