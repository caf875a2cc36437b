"""The answer for a row. Django-free."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from operator import attrgetter
from typing import Any, cast, get_args, get_origin

from pydantic import (
    BaseModel,
    PlainSerializer,
)
from pydantic.fields import FieldInfo

from core.resources.values import Column, annotated, marker_of, plain_type


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
