"""Lists of fields that change while a night runs: fields are added, and a list is edited and read again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scheduler.telescope.driver.field import MAX_FIELDS
from scheduler.telescope.night.field_file import FOCUS_COLUMNS, ListedField

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
    for field in new:
        before = old_by_id.get(field.id) or gone.pop(field.number, None)
        if before is None:
            added.append(field)
        elif columns := _changed_columns(before, field):
            changed.append(ChangedField(before, field, columns))
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
