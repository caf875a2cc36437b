"""The table of a resource's rows, as people read it on a page or a terminal. Django-free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.registry import resolve
from core.resources.resource import Resource
from core.resources.values import (
    Bytes,
    Duration,
    Reference,
    SaidBy,
    UnitOf,
    Word,
    is_time,
    marker_of,
    part_model,
    plain_type,
)
from core.text.sentences import format_size, short_id
from core.times.durations import format_duration

Cells = dict[str, Any]


def columns_of(resource: Resource) -> list[tuple[str, str]]:
    """Title and field of each column."""
    return [(one, one) if isinstance(one, str) else one for one in resource.columns]


def table_of(
    resource: Resource, bodies: Iterable[Mapping[str, Any]], user: Any, time_text: Callable[[str], str]
) -> list[Cells]:
    """The cells of each row, by field. What refers to another row has its name."""
    found, names = list(bodies), [name for _, name in columns_of(resource)]
    referred = {name: names_of(reference, user) for name, reference in references(resource).items() if name in names}
    named = [{**body, **{name: known.get(body[name], "") for name, known in referred.items()}} for body in found]
    return [cells_of(resource, names, body, time_text) for body in named]


def references(resource: Resource) -> dict[str, Reference]:
    found = {name: marker_of(about, Reference) for name, about in resource.answer.model_fields.items()}
    return {name: reference for name, reference in found.items() if reference is not None}


def names_of(reference: Reference, user: Any) -> dict[str, str]:
    """Id -> name, of the rows that the user may see."""
    return {str(row.pk): row.name for row in resolve(reference.resource).all_rows(user)}


def cells_of(
    resource: Resource, names: Iterable[str], body: Mapping[str, Any], time_text: Callable[[str], str]
) -> Cells:
    return {name: cell(field_at(resource.answer, name), value_at(body, name), body, time_text) for name in names}


def field_at(model: type[BaseModel], name: str) -> FieldInfo:
    """`last.state` is the field `state` of what the field `last` has, or of each of a list. KeyError."""
    first, _, rest = name.partition(".")
    about = {about.alias or name: about for name, about in model.model_fields.items()}[first]
    kind = plain_type(about.annotation)
    return field_at(get_args(kind)[0] if get_origin(kind) is list else kind, rest) if rest else about


def value_at(body: Mapping[str, Any] | None, name: str) -> Any:
    """None if there is nothing that could have the field."""
    first, _, rest = name.partition(".")
    value = None if body is None else body[first]
    if rest and isinstance(value, list):
        return [value_at(one, rest) for one in value]
    return value_at(value, rest) if rest else value


def cell(about: FieldInfo, value: Any, body: Mapping[str, Any], time_text: Callable[[str], str]) -> Any:
    """Yes and no, and empty cells, are left to the page or the terminal."""
    if value is None:
        return ""
    if said := marker_of(about, SaidBy):
        return resolve(said.function)(value)
    if is_time(about):
        return time_text(value)
    if plain_type(about.annotation) is UUID and marker_of(about, Reference) is None:
        return short_id(value)
    if marker_of(about, Word) is not None:
        return str(value).replace("_", " ")
    if marker_of(about, Duration) is not None:
        return format_duration(value)
    if marker_of(about, Bytes) is not None:
        return format_size(value)
    if unit := marker_of(about, UnitOf):
        return f"{value:g} {body[unit.field]}".strip()
    if isinstance(value, list):
        part = part_model(about)
        # A model says in `__str__` how it is written.
        return ", ".join(str(part.model_construct(**one) if part else one) for one in value)
    return value
