"""How a key of the configuration is declared, the base class of all sections, and where the values come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict, Field, GetCoreSchemaHandler, ValidationInfo, field_validator
from pydantic_core import CoreSchema, core_schema

from core.api.model import StrictModel, accepts_boolean, contains_boolean
from core.registry import resolve

Key = tuple[str, ...]
"""A key's path: `web.port` is `("web", "port")`."""

PORT = "a whole number from 1 to 65535"
SECONDS = "a number of seconds above 0"
YES_NO = "true or false"
NAME = "1 to 40 lower-case letters, digits and hyphens"
FOLDER = "a folder's path"


def key(
    default: Any,
    meaning: str,
    allowed: str,
    *,
    env: str = "",
    secret: bool = False,
    separator: str = ",",
    unset: str = "",
    dotenv: str = "",
    page: bool = True,
    reserved: bool = False,
    **limits: Any,
) -> Any:
    """Declare one key. `unset` describes the value that is used when nothing is configured. `separator` splits the
    variable of a list.

    `dotenv` is a second name that is read only from a `.env`: in the environment it often belongs to another program.
    A key without `page` cannot be set on the Settings page, although its section can. A `reserved` key is validated
    and shown, but has no effect yet.
    """
    options: dict[str, Any] = {"allowed": allowed, "env": env, "secret": secret, "separator": separator, "unset": unset}
    options |= {"dotenv": dotenv, "page": page, "reserved": reserved}
    # The configuration appears in tracebacks and logs by its repr.
    return Field(default, description=meaning, json_schema_extra=options, repr=not secret, **limits)


class Section(StrictModel):
    # coerce_numbers_to_str: YAML reads a name, a serial number or a token of digits as a number. hide_input_in_errors:
    # pydantic quotes the refused value otherwise, which may be a secret.
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def refuse_silent_conversions(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse YAML's `yes` as a text, and NUL in a path. The ValueError has no text, so that the message says what
        is allowed."""
        wants_bool = accepts_boolean(cls.model_fields[str(info.field_name)].annotation)
        if (contains_boolean(value) and not wants_bool) or (isinstance(value, str) and "\0" in value):
            raise ValueError
        return value


@dataclass(frozen=True, slots=True)
class ItemsOf:
    """The items of a list are sections of `skycam_project.config.lists`. That module imports the descriptions of
    resources, which slows a start down, so it is imported only for a file that has a list."""

    name: str

    @property
    def section(self) -> type[Section]:
        found: type[Section] = resolve("skycam_project.config.lists.LISTS")[self.name]
        return found

    def read(self, items: Any) -> Any:
        """The items as sections. ValidationError."""
        return resolve("skycam_project.config.lists.read_items")(self.name, items)

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)


@dataclass(frozen=True)
class Origins:
    """Excluded from comparison, so that configurations with the same values are equal. `fixed` are the keys set by the
    environment and `.env`; `written_lists` are the lists of sections as they were written."""

    where: Mapping[Key, str] = field(default_factory=dict, compare=False)
    fixed: frozenset[Key] = field(default=frozenset(), compare=False)
    written_lists: Mapping[Key, Any] = field(default_factory=dict, compare=False)
