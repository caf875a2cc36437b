"""Lists of fields that change while a night runs: fields are added, and a list is edited and read again from its file
in the spool of the camera. The camera host writes the file, from the database; the camera process reads it again
before each choice, so that a change counts from the next choice on. A list may have a megabyte: it fits neither into
the link to the process nor into a slot."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TypedDict

from cameras.spool.spool import Spool
from core.dataclass_json import dataclass_from_json
from scheduler.telescope.driver.field import MAX_FIELDS
from scheduler.telescope.night.field_file import (
    FOCUS_COLUMNS,
    MAX_BYTES,
    ListedField,
    decode_field_file,
    parse_field_file,
)

ADDED = "+"
"""Begins the id of a field that was added."""


def merge_added(fields: Sequence[ListedField], added: Iterable[ListedField]) -> tuple[ListedField, ...]:
    """`fields`, and at their end what is new in `added`, the fields of an `.add` file.

    The file may be read again and again: a field that is in the list already stays as it was added, and none is
    removed. A place that the list itself has counts as new. ValueError, and no field is added, when there would be more
    than MAX_FIELDS.
    """
    known = {field.id for field in fields}
    new = [replace(field, id=ADDED + field.id) for field in added if ADDED + field.id not in known]
    if len(fields) + len(new) > MAX_FIELDS:
        raise ValueError(
            f"The night has {len(fields)} fields, and {len(new)} would be added; it may have up to {MAX_FIELDS}. None "
            "is added. Remove fields from the file."
        )
    return (*fields, *(replace(field, number=number) for number, field in enumerate(new, start=len(fields))))


@dataclass(frozen=True, slots=True)
class ChangedField:
    old: ListedField
    new: ListedField
    columns: tuple[str, ...]
    """Of FOCUS_COLUMNS, and `comment`."""


@dataclass(frozen=True, slots=True)
class FieldDiff:
    added: tuple[ListedField, ...]
    removed: tuple[ListedField, ...]
    changed: tuple[ChangedField, ...]
    is_reordered: bool
    """Whether fields that are in both lists have another order, by which pairs and the first of equal fields change."""

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.changed or self.is_reordered)


def diff_fields(old: Sequence[ListedField], new: Sequence[ListedField]) -> FieldDiff:
    """What changes from one list to another, each part in the order of its list.

    Fields are compared with the one that has the same id. One whose flag or place on the sky changed has another id: it
    is compared with the field that was at its place in the list, if that is gone.
    """
    old_by_id, new_by_id = {field.id: field for field in old}, {field.id: field for field in new}
    gone = {field.number: field for field in old if field.id not in new_by_id}
    added, changed = [], []
    for after in new:
        before = old_by_id.get(after.id) or gone.pop(after.number, None)
        if before is None:
            added.append(after)
        elif columns := _changed_columns(before, after):
            changed.append(ChangedField(before, after, columns))
    old_order = [field.id for field in old if field.id in new_by_id]
    new_order = [field.id for field in new if field.id in old_by_id]
    return FieldDiff(tuple(added), tuple(gone.values()), tuple(changed), old_order != new_order)


def _changed_columns(old: ListedField, new: ListedField) -> tuple[str, ...]:
    before, after = _columns(old), _columns(new)
    return tuple(name for name in (*FOCUS_COLUMNS, "comment") if before.get(name) != after.get(name))


def _columns(field: ListedField) -> dict[str, float | str]:
    values: dict[str, float | str] = {
        "ra": field.ra,
        "dec": field.dec,
        "flag": field.kind.flag,
        "exposure": field.exposure_s,
        "interval": field.interval_s,
        "observations": field.n_required,
        "survey": int(field.survey),
        "comment": field.comment.strip(),
    }
    return values | ({"increment": field.focus.increment, "default": field.focus.default} if field.focus else {})


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
