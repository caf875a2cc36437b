"""What a list of the file says of its rows; `planning.py` compares them and carries out the plan."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet

from skycam_project.config import ConfigError
from skycam_project.config.config_file import ConfigFile
from skycam_project.provisioning.plan import Blocked, RowChange, RowsPlan
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

    def arranged(self, plan: RowsPlan) -> RowsPlan:
        """The plan in the order in which it is carried out, with what else follows from it."""
        return plan

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
