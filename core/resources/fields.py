"""How a resource says its fields, once for API, pages, command line and configuration file.

    class NewNote(Fields):
        text: Annotated[Text, Field(max_length=200)] = field(title="Text", help="For others.", example="New lens")

`title` is the label of the form, `help` its hint, the help of the option and the description in OpenAPI; limits are
pydantic's. Django-free: help and configuration are read without it.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, PydanticUndefined

from core.api.model import StrictModel
from core.registry import resolve
from core.resources.values import typed

REDACTED = "***"
"""In place of a secret that a row has. In a change it stands for the stored one."""


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
        # The validator of the class is built at its first use (`defer_build`), so from these fields.
        super().__pydantic_init_subclass__(**options)
        inherited = {name: about for name, about in cls.model_fields.items() if name not in cls.__annotations__}
        for name, about in inherited.items():
            cls.model_fields[name] = optional(about)

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


def extra_of(about: FieldInfo, name: str) -> Any:
    """`example`, `allowed`, `secret` or `file_only` of a field; None without."""
    return about.json_schema_extra.get(name) if isinstance(about.json_schema_extra, dict) else None


def has_secret(model: type[BaseModel]) -> bool:
    return any(extra_of(about, "secret") for about in model.model_fields.values())
