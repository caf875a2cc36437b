"""What other sessions of a camera have left in its spool: open captures, and the files of their nights."""

from __future__ import annotations

from cameras.spool.spool import Spool
from scheduler.telescope.night.field_list_file import FieldListContent, read_content
from scheduler.telescope.night.night_file import NightFile

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
