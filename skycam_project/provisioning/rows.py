"""What a list of the file says of its rows, and what is wrong with an item, as sentences with its file, line and
key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from pydantic import ValidationError as Refused

from core.api.model import describe_error
from skycam_project.config import ConfigError
from skycam_project.config.manager import ConfigFile
from skycam_project.provisioning.plan import Blocked, RowChange, RowsPlan

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
    for field, messages in by_field.items():
        for message in messages:
            # A sentence about a setting begins with the setting's name.
            inner = [message.partition(":")[0]] if field == "settings" else []
            place = [] if field == "__all__" else [keys.get(field, field), *inner]
            yield f"{file.place_of(list_name, number, *place)}: {message}"


def _model_sentences(error: Refused, file: ConfigFile, list_name: str, number: int) -> Iterator[str]:
    for item in error.errors():
        place = [str(part) for part in item["loc"] if part not in TAGS]
        missing = f"{place[-1]} " if item["type"] == "missing" and place else ""
        yield f"{file.place_of(list_name, number, *place)}: {missing}{describe_error(item)}"


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
