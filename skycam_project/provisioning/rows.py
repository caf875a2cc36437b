"""What applying a file would change, what a list of the file says of its rows, and what is wrong with an item, as
sentences with its file, line and key. Two plans are equal if they make the same changes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypedDict

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from pydantic import ValidationError as Refused

from core.api.model import describe_error
from skycam_project.config import ConfigError
from skycam_project.config.manager import ConfigFile


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


TAGS = {"SunWindow", "ClockWindow"}
"""What pydantic calls the kinds of windows in the place of an error."""


@contextmanager
def located(file: ConfigFile, list_name: str, number: int, keys: Mapping[str, str]) -> Iterator[None]:
    """Turn what services refuse into ConfigError with the place in the file. `keys`: field -> key in the file."""
    try:
        yield
    except ValidationError as error:
        raise ConfigError(_service_sentences(error, file, list_name, number, keys)) from None
    except Refused as error:
        raise ConfigError(dict.fromkeys(_model_sentences(error, file, list_name, number))) from None


def _service_sentences(
    error: ValidationError, file: ConfigFile, list_name: str, number: int, keys: Mapping[str, str]
) -> Iterator[str]:
    by_field = error.message_dict if hasattr(error, "error_dict") else {"__all__": error.messages}
    for name, messages in by_field.items():
        for message in messages:
            # A sentence about a setting begins with the setting's name.
            inner = [message.partition(":")[0]] if name == "settings" else []
            place = [] if name == "__all__" else [keys.get(name, name), *inner]
            yield f"{file.place_of(list_name, number, *place)}: {message}"


def _model_sentences(error: Refused, file: ConfigFile, list_name: str, number: int) -> Iterator[str]:
    for item in error.errors():
        place = [str(part) for part in item["loc"] if part not in TAGS]
        missing = f"{place[-1]} " if item["type"] == "missing" and place else ""
        yield f"{file.place_of(list_name, number, *place)}: {missing}{describe_error(item)}"


def refuse(wrong: Iterable[str]) -> None:
    """ConfigError with these sentences, if there are any."""
    if sentences := list(wrong):
        raise ConfigError(sentences)


Plans = Mapping[str, RowsPlan]
"""The plans of the lists before, by their names."""
HIDDEN_CHANGE = "its secrets change"


class ListRows(ABC):
    """One list. `user` decides which rows others may refer to; `actor` stands in the events. All methods raise
    ConfigError with the place in the file of what is wrong there."""

    name: str
    noun: str
    keys: Mapping[str, str] = {}
    """Fields that have another name in the file."""
    id_key = "name"
    """The key that identifies an item."""

    def __init__(self, file: ConfigFile, user: Any, actor: str) -> None:
        self.file, self.user, self.actor = file, user, actor

    @abstractmethod
    def stored(self) -> QuerySet[Any]:
        """The rows of the station."""

    @abstractmethod
    def change(self, number: int, entry: Any, row: Any) -> RowChange:
        """From a row, or none, to the item of this number."""

    @abstractmethod
    def add(self, entry: Any, change: RowChange) -> None: ...

    @abstractmethod
    def update(self, row: Any, change: RowChange) -> None: ...

    @abstractmethod
    def remove(self, row: Any) -> None: ...

    @abstractmethod
    def item(self, row: Any) -> dict[str, Any]:
        """The row as an item of an exported file, with references in place of its secrets."""

    def check(self, _plans: Plans) -> None:
        """Whether all rows that items refer to will exist."""

    def check_kept(self, _rows: list[Any], _plans: Plans) -> None:
        """Whether these rows, which are not in the file and stay, keep what they refer to."""

    def is_removed(self, _row: Any, _plans: Plans, *, prune: bool) -> bool:
        """Whether a row that is not in the file goes."""
        return prune

    def blocked(self, _row: Any) -> Blocked | None:
        """Why a row cannot be removed now."""
        return None

    def finish(self) -> None:
        """After all changes of the list."""

    def entries(self) -> list[tuple[int, Any]]:
        """The items with their numbers, from 1."""
        return list(enumerate(getattr(self.file.config, self.name), start=1))

    def label(self, row: Any) -> str:
        """The id that a row has in the file."""
        return str(row.name)

    def key(self, text: str) -> str:
        """What is compared of an id."""
        return text

    def key_of(self, entry: Any) -> str:
        return self.key(getattr(entry, self.id_key))

    def arranged(self, plan: RowsPlan) -> RowsPlan:
        """The plan in the order in which it is carried out, with what else follows from it."""
        return plan

    def kind_of(self, _entry: Any) -> str:
        """Empty if rows have no kind."""
        return ""

    def place(self, number: int, *keys: str) -> str:
        return self.file.place_of(self.name, number, *keys)

    @contextmanager
    def located(self, number: int) -> Iterator[None]:
        """Turn what services refuse into ConfigError with the place in the file."""
        with located(self.file, self.name, number, self.keys):
            yield
