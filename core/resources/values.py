"""What the values of fields are beyond their types: how people write them, and what an answer or an option has of
them. Django-free."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from core.registry import resolve
from core.text.names import Line, check_note

Marker = TypeVar("Marker")

CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class Column:
    """The attribute of a row that an answer's field shows, where it has another name than the field; `camera.slug` is
    an attribute of an attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class Option:
    """The option of the command line, where it is not `--` and the field's name. `former`: the name that scripts of
    older versions have."""

    name: str
    former: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """The options of the command line that say yes and no, such as `--enabled/--disabled`, or yes alone."""

    names: str


@dataclass(frozen=True, slots=True)
class Word:
    """The text is a word of programs, such as `host_down`, which people read with spaces."""


@dataclass(frozen=True, slots=True)
class HasPassword:
    """A password may be a part of the text: what prints a configuration hides it."""


@dataclass(frozen=True, slots=True)
class Duration:
    """The number is of seconds: people write it as `5 min`."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """The number is of bytes: people read it as `1.5 GB`."""


@dataclass(frozen=True, slots=True)
class UnitOf:
    """The field of the answer that says the unit of the number."""

    field: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The id of a row of the resource at this path. People choose it by name."""

    resource: str


@dataclass(frozen=True, slots=True)
class SaidBy:
    """The path of a function that says the value as people read it in a table."""

    function: str


@dataclass(frozen=True, slots=True)
class ModelAt:
    """The value is read by the model at this path, which is imported only then: it needs the station."""

    path: str

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(lambda value: resolve(self.path).model_validate(value))

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(resolve(self.path).__pydantic_core_schema__)


@dataclass(frozen=True, slots=True)
class Clock:
    """The text is a time of the site's clock, or empty."""


def check_clock(text: str) -> str:
    """ValueError unless the text is HH:MM or empty."""
    if text and not CLOCK.fullmatch(text):
        raise ValueError("Write a time such as 22:00.")
    return text


def stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


Text = Annotated[Line, BeforeValidator(stripped)]
"""One line, without spaces around it."""

Seconds = Annotated[float, Duration()]

ClockTime = Annotated[str, AfterValidator(check_clock), Field(max_length=5), Clock()]

Id = Annotated[UUID, PlainSerializer(str, return_type=str), WithJsonSchema({"type": "string"})]
"""The id of an answer."""

Share = Annotated[float, PlainSerializer(lambda share: round(share, 3), return_type=float)]
"""A part of 1 of an answer."""


def is_time(about: FieldInfo) -> bool:
    return plain_type(about.annotation) is datetime


def part_model(about: FieldInfo) -> type[BaseModel] | None:
    """What a field has one or several of."""
    kind = plain_type(about.annotation)
    part = get_args(kind)[0] if get_origin(kind) is list else kind
    return part if isinstance(part, type) and issubclass(part, BaseModel) else None


def has_lines(about: FieldInfo) -> bool:
    """Whether the text may have several lines."""
    return AfterValidator(check_note) in about.metadata


def marker_of(about: FieldInfo, kind: type[Marker]) -> Marker | None:
    """Also of the type that may be None, as in `Seconds | None`."""
    return next((one for one in (*about.metadata, *annotated(about.annotation)) if isinstance(one, kind)), None)


def annotated(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, UnionType):
        return [one for part in get_args(annotation) for one in annotated(part)]
    return (
        [*get_args(annotation)[1:], *annotated(get_args(annotation)[0])] if get_origin(annotation) is Annotated else []
    )


def plain_type(annotation: Any) -> Any:
    """The type without None and what `Annotated` adds: `float` of `Seconds | None`."""
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return plain_type(next(part for part in get_args(annotation) if part is not NoneType))
    return datetime if annotation is AwareDatetime else annotation


def choices_of(about: FieldInfo) -> list[str]:
    """The allowed values of a Literal or an enumeration; empty for other types."""
    kind = plain_type(about.annotation)
    if get_origin(kind) is Literal:
        return [str(one) for one in get_args(kind)]
    return [str(one) for one in kind] if isinstance(kind, type) and issubclass(kind, StrEnum) else []


def typed(about: FieldInfo) -> Any:
    """The annotation of a field, with its limits."""
    limits: Any = (about.annotation, *about.metadata)
    return Annotated[limits] if about.metadata else about.annotation
