"""What a resource is: the model of its answer, the answer for a row, and the table of its operations. Django-free:
services are imported when they are called. Services have the same arguments for all resources: `rows(user)`,
`row(user, key)`, `add(wanted, actor, new_id)`, `change(row, wanted, actor)`, `remove(row, actor)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from operator import attrgetter
from typing import Any, Generic, Literal, cast, get_args, get_origin
from uuid import UUID

from pydantic import (
    BaseModel,
    PlainSerializer,
)
from pydantic.fields import FieldInfo
from typing_extensions import TypeVar

from core.api.queries import Query
from core.registry import resolve
from core.resources.fields import Fields, KindSettings, extra_of, settings_model
from core.resources.values import Column, annotated, is_time, marker_of, plain_type


def body_of(model: type[BaseModel], row: object) -> dict[str, Any]:
    """The answer for a row, from its attributes. Nothing is validated: a row that is older than a limit is shown.
    What a JSON column has is an answer already."""
    if isinstance(row, dict):
        return row
    return {
        name: value if (value := get(row)) is None or show is None else show(value)
        for name, get, show in columns_of(model)
    }


# Cached, since it is asked for each row of each answer. An instance of the model would take four times as long.
@cache
def columns_of(model: type[BaseModel]) -> tuple[tuple[str, Callable[[Any], Any], Callable[[Any], Any] | None], ...]:
    """Each field by its name in the answer, with what reads it from a row, and what the answer has for such a value
    where that is another one."""
    found = []
    for name, about in model.model_fields.items():
        column = marker_of(about, Column)
        read = attrgetter(column.name if column else name)
        found.append((about.alias or name, read, show_of(about.annotation, about.metadata)))
    return tuple(found)


Show = Callable[[Any], Any]
"""Makes what an answer has of a value that is not None."""


def show_of(annotation: Any, metadata: Iterable[Any] = ()) -> Show | None:
    """Of a model, its answer for a row; of lists and mappings, that of each part. None if the value is the answer."""
    for one in (*metadata, *annotated(annotation)):
        if isinstance(one, PlainSerializer):
            return cast(Show, one.func)
    kind = plain_type(annotation)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is dict:
        show = show_of(parts[1])
        return show and (lambda found: {name: shown(show, one) for name, one in found.items()})
    if origin is tuple and parts[1:] != (...,):
        shows = [show_of(part) for part in parts]
        return (lambda found: [*map(shown, shows, found)]) if any(shows) else None
    if origin in (list, tuple):
        show = show_of(parts[0])
        # Rows that refer to another one are a manager of Django's.
        return show and (lambda found: [shown(show, one) for one in (found.all() if hasattr(found, "all") else found)])
    return partial(body_of, kind) if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def shown(show: Show | None, value: Any) -> Any:
    return value if value is None or show is None else show(value)


def column_of(name: str, about: FieldInfo) -> str:
    """The attribute of a row that the field of an answer shows."""
    column = marker_of(about, Column)
    return column.name if column else name


Answer_co = TypeVar("Answer_co", bound=Fields, default=Fields, covariant=True)
DONE = {"add": "added", "change": "changed", "replace": "changed", "remove": "removed"}


class Refused(Exception):
    """Why an operation cannot be done now, though its fields are right. The message says what to do."""


@dataclass(frozen=True)
class Operation:
    """`name`: list, show, add, change, remove, or that of an action on one row. `summary`: what it does, in API and
    help. `run`: its function. `request`: the fields that it needs. `said`: what people read afterwards, with fields of
    the answer in braces. `answer`: if it is not that of the row in a list. `query`: the filters of a list, which is
    served in pages, newest first, if they are a `PageQuery`; or what a removal may be told. `replaces`: a change gives
    fields that are missing their defaults (PUT), instead of leaving them (PATCH). `makes`: an action adds to the row
    what has an id of its own, such as a note, as `add` does. `keyless`: why it takes no Idempotency-Key.

    On the command line: `command` is the name, where that is another, and None is not offered. `arguments` are the
    fields that need no option; with `has_assignments` all others are given as `--set NAME=VALUE`. `switches`: the
    commands beside a change that has `enabled`."""

    name: str
    role: str
    summary: str
    run: str = ""
    request: type[Fields] | None = None
    said: str = ""
    replaces: bool = False
    makes: bool = False
    keyless: str = ""
    command: str | None = ""
    arguments: tuple[str, ...] = ()
    has_assignments: bool = False
    example: str = ""
    answer: type[Fields] | None = None
    query: type[Query] | None = None
    switches: tuple[str, str] = ("enable", "disable")

    @property
    def takes_key(self) -> bool:
        """Whether a request may have an Idempotency-Key. A PUT, PATCH or DELETE can be repeated without one."""
        return self.name not in ("list", "show", "change", "replace", "remove") and not self.keyless


@dataclass(frozen=True)
class Resource(Generic[Answer_co]):
    """`name`: begins the ids of its operations in OpenAPI. `path`: of its routes below the API; without one it has
    none. `key`: the field that
    identifies a row. `package`: has the functions, such as `services.add_rule`. `row`: a function that finds a row, if
    it may be none of `rows`. `prepare`: a function that gives rows the attributes that only their answer has,
    `prepare(rows, user)`. `service`: a class of the package, where what a user may do depends on who they are: it is
    made with the user and the actor, and its methods are the functions of operations, without the actor. `kinds`: the
    path of a table, if rows have a field `kind` with `settings` of its own: kind -> its label, and the path of the
    model of these, or of a class that has it as `settings_model`.

    On the command line: `commands` stand before the name of an operation, such as `alerts rules`;
    without them the name. `columns` are those
    of the table, each a field, or a title and a field; `last.state` is a field of a field. `empty` stands there instead
    of rows."""

    name: str
    noun: str
    path: str
    package: str
    rows: str
    answer: type[Answer_co]
    operations: tuple[Operation, ...]
    row: str = ""
    key: Literal["id", "name", "slug"] = "id"
    prepare: str = ""
    service: str = ""
    kinds: str = ""
    commands: str = ""
    columns: tuple[str | tuple[str, str], ...] = ()
    empty: str = ""

    @property
    def name_field(self) -> str:
        """The field by which people name a row. A number is short enough."""
        if self.key != "id":
            return self.key
        return "name" if "name" in self.answer.model_fields and not self.is_numbered else "id"

    @property
    def is_numbered(self) -> bool:
        return self.key == "id" and plain_type(self.answer.model_fields["id"].annotation) is int

    @property
    def converter(self) -> str:
        """Of the key in routes."""
        return "int" if self.is_numbered else "uuid" if self.key == "id" else "slug"

    @property
    def parameter(self) -> str:
        """The name of the key in routes."""
        return "slug" if self.key == "slug" else self.noun.split()[-1].replace("-", "")

    def form_kinds(self) -> dict[str, str]:
        """Kind -> its label, of those that need nothing which the configuration file alone may set."""
        return {
            kind: label
            for kind, (label, _) in self.kind_table.items()
            if not any(
                about.is_required() and extra_of(about, "file_only")
                for about in self.settings_model(kind).model_fields.values()
            )
        }

    def operation(self, name: str) -> Operation:
        return next(one for one in self.operations if one.name == name)

    def call(self, name: str, *given: Any, **named: Any) -> Any:
        """A function of the package."""
        return resolve(f"{self.package}.{name}")(*given, **named)

    def run(self, operation: Operation, user: Any, actor: str, *given: Any, **named: Any) -> Any:
        """What the function of an operation returns. `named`: `new_id` of a row that is added, or `from_file`."""
        if self.service:
            return getattr(self.call(self.service, user, actor), operation.run)(*given, **named)
        return self.call(operation.run, *given, actor, **named)

    def all_rows(self, user: Any) -> Any:
        """Those that the user may see: a list or a query set."""
        return self.call(self.rows, user)

    def find_row(self, user: Any, key: UUID | str) -> Any:
        """ObjectDoesNotExist, also for one that the user may not see."""
        if self.row:
            return self.call(self.row, user, key)
        return self.all_rows(user).get(**{"pk" if self.key == "id" else self.key: key})

    def settings_model(self, kind: str) -> type[KindSettings]:
        """KeyError for an unknown kind."""
        return settings_model(self.kind_table[kind][1])

    @property
    def kind_table(self) -> Mapping[str, tuple[str, str]]:
        table: Mapping[str, tuple[str, str]] = resolve(self.kinds)
        return table

    def bodies(self, rows: Iterable[Any], user: Any) -> list[dict[str, Any]]:
        """The answers for these rows."""
        return [body_of(self.answer, row) for row in self.prepared(rows, user)]

    def prepared(self, rows: Iterable[Any], user: Any) -> list[Any]:
        found = list(rows)
        return [*self.call(self.prepare, found, user)] if self.prepare else found

    def body(self, row: Any, user: Any) -> dict[str, Any]:
        return self.bodies([row], user)[0]

    def done(self, operation: Operation, found: Any, user: Any) -> dict[str, Any]:
        """The answer for what the function of an operation has returned."""
        answer = operation.answer or self.answer
        (row,) = self.prepared([found], user) if issubclass(answer, self.answer) else [found]
        return body_of(answer, row)

    def sentence(self, operation: Operation, body: Mapping[str, Any], time_text: Callable[[str], str]) -> str:
        """What people read after an operation. `time_text` writes a time of the body for them."""
        answer = operation.answer or self.answer
        times = {about.alias or name for name, about in answer.model_fields.items() if is_time(about)}
        shown = {name: time_text(value) if name in times and value else value for name, value in body.items()}
        said = operation.said or f"The {self.noun} {{{self.name_field}}} was {DONE[operation.name]}."
        return said.format_map(shown)
