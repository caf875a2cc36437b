"""How a resource says its fields, once for API, pages, command line and configuration file.

    class NewNote(Fields):
        text: Annotated[Text, Field(max_length=200)] = field(title="Text", help="For others.", example="New lens")

`title` is the label of the form, `help` its hint, the help of the option and the description in OpenAPI; limits are
pydantic's. Django-free: help and configuration are read without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, partial
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, PydanticUndefined, core_schema

from core.api.constraints import describe_allowed, describe_error, join_choices
from core.api.model import StrictModel
from core.registry import resolve
from core.text.names import Line, check_note
from core.times.durations import format_duration, parse_duration

Marker = TypeVar("Marker")
REDACTED = "***"
"""In place of a secret that a row has. In a change it stands for the stored one."""
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


class Fields(StrictModel):
    """The fields of a request, or of an answer, which may inherit those of a request."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_serialization_defaults_required=True)

    def given(self) -> dict[str, Any]:
        """The values that the request has."""
        return self.model_dump(exclude_unset=True)


class Changes(Fields):
    """A request that changes some fields of a row. Those that it inherits may be missing, or None, which is the same:
    `class NoteChange(NoteFields, Changes)`."""

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        inherited = {name: about for name, about in cls.model_fields.items() if name not in cls.__annotations__}
        for name, about in inherited.items():
            cls.model_fields[name] = optional(about)
        cls.model_rebuild(force=True)

    def given(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True, include={*self.model_fields_set})


class Rows(Fields):
    """The links of a page; a subclass has its `results`."""

    next: str | None
    previous: str | None


class KindSettings(StrictModel):
    """The settings of a kind of something, such as of a sensor."""

    # hide_input_in_errors: pydantic quotes the refused value otherwise, which may be a secret.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def secret_fields(cls) -> list[str]:
        return [name for name, about in cls.model_fields.items() if extra_of(about, "secret")]

    def shown(self) -> dict[str, Any]:
        """With *** in place of the secrets."""
        hidden = self.secret_fields()
        return {
            name: REDACTED if name in hidden and value else value
            for name, value in self.model_dump(mode="json").items()
        }

    @classmethod
    def file_only_fields(cls) -> list[str]:
        """Those that only the configuration file may set, because they name a program to run."""
        return [name for name, about in cls.model_fields.items() if extra_of(about, "file_only")]


def settings_model(path: str) -> type[KindSettings]:
    """The model at a path of a table of kinds, or that of the class there."""
    found = resolve(path)
    model: type[KindSettings] = getattr(found, "settings_model", found)
    return model


def field(
    default: Any = PydanticUndefined,
    *,
    title: str = "",
    help: str = "",  # noqa: A002
    example: str = "",
    allowed: str = "",
    unset: str = "",
    secret: bool = False,
    file_only: bool = False,
    **limits: Any,
) -> Any:
    """`allowed` says what a person may write, where type and limits do not; `example` is such a value, and `unset` what
    holds without one, if that is not the default. An answer has a `secret` only when it was just made; only the
    configuration file may set what is `file_only`."""
    extra: dict[str, Any] = {
        "example": example,
        "allowed": allowed,
        "unset": unset,
        "secret": secret,
        "file_only": file_only,
    }
    known = {name: one for name, one in extra.items() if one}
    about: dict[str, Any] = {"title": title, "description": help, "json_schema_extra": known}
    # What is not given stays as `Annotated` says it. Secrets would be in tracebacks and logs by the repr.
    given = {name: one for name, one in about.items() if one} | ({"repr": False} if secret else {})
    return Field(default, **given, **limits)


def together(name: str, sentence: str) -> PydanticCustomError:
    """The error of a rule about several fields. A form says it at the field of this name."""
    return PydanticCustomError("value_error", sentence, {"field": name})


def optional(about: FieldInfo) -> FieldInfo:
    """The field, which may be missing or None."""
    found = copy(about)
    found.annotation = typed(about) | None
    found.default, found.default_factory, found.metadata = None, None, []
    return found


def is_time(about: FieldInfo) -> bool:
    return plain_type(about.annotation) is datetime


def extra_of(about: FieldInfo, name: str) -> Any:
    """`example`, `allowed`, `secret` or `file_only` of a field; None without."""
    return about.json_schema_extra.get(name) if isinstance(about.json_schema_extra, dict) else None


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


def part_model(about: FieldInfo) -> type[BaseModel] | None:
    """What a field has one or several of."""
    kind = plain_type(about.annotation)
    part = get_args(kind)[0] if get_origin(kind) is list else kind
    return part if isinstance(part, type) and issubclass(part, BaseModel) else None


def has_lines(about: FieldInfo) -> bool:
    """Whether the text may have several lines."""
    return AfterValidator(check_note) in about.metadata


def column_of(name: str, about: FieldInfo) -> str:
    """The attribute of a row that the field of an answer shows."""
    column = marker_of(about, Column)
    return column.name if column else name


def has_secret(model: type[BaseModel]) -> bool:
    return any(extra_of(about, "secret") for about in model.model_fields.values())


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


def read_text(about: FieldInfo, text: str) -> Any:
    """What a person writes, as the model takes it. Numbers and choices stay text, which it reads itself. ValueError
    with a sentence."""
    if marker_of(about, Duration) is not None:
        return parse_duration(text)
    return text.replace(",", " ").split() if get_origin(plain_type(about.annotation)) is list else text


def title_of(name: str, about: FieldInfo) -> str:
    return about.title or name.rstrip("_").removesuffix("_s").replace("_", " ").capitalize()


def allowed_text(model: type[BaseModel], name: str) -> str:
    """What a person may write: `a time such as 2 h, from 0 s to 30 d`, `a whole number from 0 to 3600`."""
    about = model.model_fields[name]
    if words := extra_of(about, "allowed"):
        return str(words)
    if choices := choices_of(about):
        return join_choices(choices)
    if is_time(about):
        return "a date and time such as 2026-11-21 22:00"
    if marker_of(about, Clock) is not None:
        return f"a time such as {extra_of(about, 'example') or '22:00'}"
    if marker_of(about, Reference) is not None:
        return "its name"
    # Of the field alone: another one may have a model that needs the station.
    schema = {**TypeAdapter(typed(about)).json_schema(), "description": about.description}
    words = describe_allowed(schema) if marker_of(about, Duration) is None else describe_duration(schema)
    example = extra_of(about, "example")
    return f"{words}, such as {example}" if example else words


def typed(about: FieldInfo) -> Any:
    """The annotation of a field, with its limits."""
    limits: Any = (about.annotation, *about.metadata)
    return Annotated[limits] if about.metadata else about.annotation


def describe_duration(schema: Mapping[str, Any]) -> str:
    """`a time of at most 30 d`."""
    limits = {"exclusiveMinimum": "above", "maximum": "of at most"}
    # What may be missing is `anyOf` of its type and null.
    found = {**schema, **schema.get("anyOf", [{}])[0]}
    known = [f"{words} {format_duration(found[name])}" for name, words in limits.items() if name in found]
    return " ".join(["a time", " and ".join(known)]).strip()


def sentence_of(model: type[BaseModel], error: Mapping[str, Any]) -> tuple[str, str]:
    """The field of an error that pydantic found, empty for the whole, and what to write there."""
    if name := error.get("ctx", {}).get("field", ""):
        allowed = extra_of(model.model_fields[name], "allowed")
        return name, f"Write {allowed}." if allowed else describe_error(error)
    name = next(
        (name for name, about in model.model_fields.items() if error["loc"][:1] in ((name,), (about.alias,))), ""
    )
    about = model.model_fields.get(name)
    is_of_part = len(error["loc"]) > 1
    if error["type"] == "value_error" or about is None or (is_of_part and not extra_of(about, "allowed")):
        return name, describe_error(error)
    return name, f"{'Choose' if choices_of(about) else 'Write'} {allowed_text(model, name)}."
