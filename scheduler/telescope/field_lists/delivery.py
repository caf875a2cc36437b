"""Writes the field lists of running nights into the spools of this host's cameras, where their processes read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from django.conf import settings

from cameras.spool.durable import RootFiles
from cameras.spool.spool import Spool
from cameras.spool.storage import MARKER
from captures.roots.roots import root_of
from captures.sessions.models import Session
from scheduler.telescope.field_lists.contents import content_of
from scheduler.telescope.field_lists.models import FieldList
from scheduler.telescope.field_lists.nights import night_of_session
from scheduler.telescope.field_lists.observed import earlier_observations, newest_restart
from scheduler.telescope.night.field_list_file import FieldListContent, list_file_name, write_list
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
