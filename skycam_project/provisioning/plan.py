"""What applying a file would change. Two plans are equal if they make the same changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypedDict


class FieldChange(NamedTuple):
    """Values for people: without secrets. `old` is None in a row that is added."""

    field: str
    old: Any
    new: Any


class FieldBody(TypedDict):
    field: str
    old: Any
    new: Any


class ChangeBody(TypedDict):
    name: str
    fields: list[FieldBody]


class BlockedBody(TypedDict):
    name: str
    message: str


class RowsBody(TypedDict):
    """`kept` are rows that are not in the file; `blocked` are those that would be removed and cannot be now."""

    added: list[ChangeBody]
    changed: list[ChangeBody]
    unchanged: list[str]
    removed: list[str]
    kept: list[str]
    blocked: list[BlockedBody]


class NotAppliedBody(TypedDict):
    """`message` says where such a key is set instead."""

    field: str
    old: Any
    new: Any
    message: str


@dataclass(frozen=True)
class RowChange:
    """A row that is added or changed. `number` is its item in the file, from 1; 0 is a row that changes because of
    another item. `values` are what the services get, with secrets."""

    name: str
    number: int
    fields: tuple[FieldChange, ...]
    values: Mapping[str, Any] = field(repr=False)


class Blocked(NamedTuple):
    name: str
    message: str


@dataclass(frozen=True)
class RowsPlan:
    """The plan of a list. `removed` is empty unless rows that are not in the file are removed; else they are `kept`."""

    added: tuple[RowChange, ...] = ()
    changed: tuple[RowChange, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    blocked: tuple[Blocked, ...] = ()

    @property
    def has_changes(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def body(self) -> RowsBody:
        return RowsBody(
            added=[_change_body(one) for one in self.added],
            changed=[_change_body(one) for one in self.changed],
            unchanged=list(self.unchanged),
            removed=list(self.removed),
            kept=list(self.kept),
            blocked=[BlockedBody(name=one.name, message=one.message) for one in self.blocked],
        )


class NotApplied(NamedTuple):
    """A key whose value differs from the station's and that cannot be stored. `message` says where it is set."""

    field: str
    old: Any
    new: Any
    message: str


@dataclass(frozen=True)
class Plan:
    """`rows` are the plans of the lists, by their names."""

    rows: Mapping[str, RowsPlan]
    settings: tuple[FieldChange, ...]
    setting_values: Mapping[str, Any]
    not_applied: tuple[NotApplied, ...]

    @property
    def has_changes(self) -> bool:
        return any(rows.has_changes for rows in self.rows.values()) or bool(self.settings)

    def body(self) -> dict[str, Any]:
        """A `RowsBody` for each list; `settings` and `not_applied` as lists of `FieldBody` and `NotAppliedBody`."""
        return {
            **{name: rows.body() for name, rows in self.rows.items()},
            "settings": [_field_body(one) for one in self.settings],
            "not_applied": [_not_applied_body(one) for one in self.not_applied],
        }


def _change_body(change: RowChange) -> ChangeBody:
    return ChangeBody(name=change.name, fields=[_field_body(one) for one in change.fields])


def _field_body(change: FieldChange) -> FieldBody:
    return FieldBody(field=change.field, old=change.old, new=change.new)


def _not_applied_body(one: NotApplied) -> NotAppliedBody:
    return NotAppliedBody(field=one.field, old=one.old, new=one.new, message=one.message)


def field_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The fields of `new` that differ from `old`, in their order."""
    return tuple(FieldChange(name, old.get(name), value) for name, value in new.items() if old.get(name) != value)


def names_of(changes: Iterable[RowChange]) -> list[str]:
    return [change.name for change in changes]


def known_after(plan: RowsPlan, present: Iterable[str]) -> set[str]:
    """The ids that rows will have when the plan is applied."""
    return {*names_of(plan.added), *present} - {*plan.removed}
