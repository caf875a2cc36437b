"""The field list of a session, as a file in the spool of its camera.

The camera host writes it, from the database; the camera process reads it again before each choice, so that a list that
is edited, or fields that are added, count from the next choice on. A list may have a megabyte: it fits neither into the
link to the process nor into a slot.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import asdict, dataclass, field
from typing import TypedDict

from cameras.spool.spool import Spool
from core.dataclass_json import dataclass_from_json
from scheduler.telescope.night.field_file import MAX_BYTES, ListedField, decode_field_file, parse_field_file
from scheduler.telescope.night.field_lists import merge_added

REREAD_S = 5.0


class EarlierObservation(TypedDict):
    """What an earlier session of the same night has observed of the list."""

    field: str
    """ListedField.id."""
    jd: float
    """When it began."""
    selection: int
    interval_h: float


@dataclass(frozen=True, slots=True)
class FieldListContent:
    """The file."""

    id: str
    """Of the list."""
    name: str
    revision: int
    """Grows with each change of the list."""
    text: str
    added: str
    """What was added for the night, as the text of an `.add` file."""
    observed: list[EarlierObservation] = field(default_factory=list)
    """In the order of time. A session begins with it, and counts by itself from then on."""
    restarted_by: str = ""
    """The newest session of the night that started over: what sessions before it observed does not count."""


@dataclass(frozen=True, slots=True)
class LoadedList:
    content: FieldListContent
    fields: tuple[ListedField, ...]
    filter_name: str | None


def list_file_name(session: str) -> str:
    return f"telescope-{session}.fields"


def write_list(spool: Spool, session: str, content: FieldListContent) -> bool:
    """For the camera host, which does not own the spool: replace the list durably, unless it is the same. OSError."""
    name = list_file_name(session)
    if read_content(spool, session) == content:
        return False
    temporary = f"new-{name}"
    spool.files.unlink(spool.folder, temporary)
    spool.files.create(spool.folder, temporary, [json.dumps(asdict(content)).encode()])
    spool.files.rename(spool.folder, temporary, name)
    spool.files.sync(spool.folder)
    return True


def read_content(spool: Spool, session: str) -> FieldListContent | None:
    """None when the list has not arrived. ValueError, KeyError or TypeError for a file that `write_list` has not
    written."""
    try:
        return dataclass_from_json(FieldListContent, spool.read(list_file_name(session)))
    except FileNotFoundError:
        return None


class FieldListReader:
    """Reads the list of a session, and an `.add` file beside it, at most every REREAD_S."""

    def __init__(self, spool: Spool, session: str, add_file: str = "") -> None:
        """`add_file`: the full path of an `.add` file on this machine; empty for none."""
        self._spool, self._session, self._add_file = spool, session, add_file
        self._read_at = float("-inf")
        self._content: FieldListContent | None = None
        self._added = ""
        self.is_latin_1 = False
        """Whether the `.add` file was read as Latin-1."""
        self._loaded: LoadedList | None = None

    def read(self, now: float) -> LoadedList | None:
        """None when the list has not arrived. `now` is in seconds of a monotonic clock. ValueError for a list that
        cannot be read."""
        if now - self._read_at < REREAD_S:
            return self._loaded
        self._read_at = now
        content, added = read_content(self._spool, self._session), self._read_added()
        if (content, added) != (self._content, self._added) and content is not None:
            self._loaded = load_list(content, added)
            self._content, self._added = content, added
        return self._loaded

    def _read_added(self) -> str:
        """Without the file, or while it cannot be read, what it had before: a field that was added stays."""
        if not self._add_file:
            return ""
        try:
            text, self.is_latin_1 = decode_field_file(read_regular_file(self._add_file, MAX_BYTES))
        except OSError:
            return self._added
        return text


def read_regular_file(path: str, most: int) -> bytes:
    """All of it. OSError, also for a file of more than `most` bytes, and for a pipe or a device: a read of one could
    wait for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, "too large", path)
    return content


def load_list(content: FieldListContent, added: str = "") -> LoadedList:
    """The fields of a list. Lines that are wrong count for nothing. ValueError when there are too many fields."""
    listed = parse_field_file(content.text)
    fields = listed.fields
    for text in (content.added, added):
        fields = merge_added(fields, parse_field_file(text).fields)
    return LoadedList(content, fields, listed.filter_name)
