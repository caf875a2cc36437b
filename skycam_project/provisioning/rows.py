"""A list of the file and the rows of the station: what applying the list changes, and the changes themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet

from skycam_project.config import ConfigError
from skycam_project.config.config_file import ConfigFile
from skycam_project.provisioning.plan import Blocked, RowChange, RowsPlan, names_of
from skycam_project.provisioning.problems import located

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

    def present(self) -> dict[str, Any]:
        return {self.key(self.label(row)): row for row in self.stored()}

    def lock(self) -> None:
        """Until the end of the transaction: of two people at once, the second compares with what the first stored."""
        list(self.stored().select_related(None).order_by().select_for_update())

    def plan(self, plans: Plans, *, prune: bool) -> RowsPlan:
        present, entries = self.present(), self.entries()
        self.check_kinds(present)
        self.check(plans)
        keyed = [(self.key_of(entry), number, entry) for number, entry in entries]
        changes = {key: self.change(number, entry, present.get(key)) for key, number, entry in keyed}
        missing = [row for key, row in present.items() if key not in changes]
        leaving = {self.label(row): row for row in missing if self.is_removed(row, plans, prune=prune)}
        self.check_kept([row for row in missing if self.label(row) not in leaving], plans)
        blocked = {name: found for name, row in leaving.items() if (found := self.blocked(row))}
        return RowsPlan(
            added=tuple(change for key, change in changes.items() if key not in present),
            changed=tuple(change for key, change in changes.items() if key in present and change.fields),
            unchanged=tuple(change.name for key, change in changes.items() if key in present and not change.fields),
            removed=tuple(name for name in leaving if name not in blocked),
            kept=tuple(name for row in missing if (name := self.label(row)) not in leaving),
            blocked=tuple(blocked.values()),
        )

    def check_kinds(self, present: Mapping[str, Any]) -> None:
        """The kind of a row cannot be changed."""
        self.refuse(
            f"{self.place(number, 'type')}: {self.label(row)} is a {self.noun} of the type {row.kind}, and its type "
            f"cannot be changed. Remove it first, or choose another {self.id_key}."
            for number, entry in self.entries()
            if (row := present.get(self.key_of(entry))) and (kind := self.kind_of(entry)) and kind != row.kind
        )

    def kind_of(self, _entry: Any) -> str:
        """Empty if rows have no kind."""
        return ""

    def place(self, number: int, *keys: str) -> str:
        return self.file.place_of(self.name, number, *keys)

    def refuse(self, wrong: Iterable[str]) -> None:
        if sentences := list(wrong):
            raise ConfigError(sentences)

    @contextmanager
    def located(self, number: int) -> Iterator[None]:
        """Turn what services refuse into ConfigError with the place in the file."""
        with located(self.file, self.name, number, self.keys):
            yield

    def remove_rows(self, plan: RowsPlan) -> None:
        present = self.present() if plan.removed else {}
        # One may have gone with the row that it referred to.
        for row in filter(None, (present.get(self.key(name)) for name in plan.removed)):
            self.remove(row)

    def store_rows(self, plan: RowsPlan) -> None:
        """Change and add the rows of the plan."""
        present = self.present() if plan.changed else {}
        entries = dict(self.entries())
        for change in plan.changed:
            with self.located(change.number):
                self.update(present[self.key(change.name)], change)
        for change in plan.added:
            with self.located(change.number):
                self.add(entries[change.number], change)
        if plan.has_changes:
            self.finish()


def known_after(plan: RowsPlan, present: Iterable[str]) -> set[str]:
    """The ids that rows will have when the plan is applied."""
    return {*names_of(plan.added), *present} - {*plan.removed}
