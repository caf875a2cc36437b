"""The tables of the configuration: all keys, and those of an item in each list of sections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from skycam_project.config.described_lists import LISTS
from skycam_project.config.keys import Key, Section
from skycam_project.config.model import KEYS, field_option, fields_of, key_option, variable_of

RESERVED = "Reserved, no effect yet: "


def table() -> str:
    return "\n".join(["| Key | Default | Variable | Meaning | Allowed |", "|---|---|---|---|---|", *rows()])


def rows() -> Iterator[str]:
    for key, field in KEYS.items():
        cells = [
            f"`{'.'.join(key)}`",
            default(key),
            variable(key),
            f"{RESERVED if key_option(key, 'reserved') else ''}{field.description or ''}",
            key_option(key, "allowed"),
        ]
        yield "| " + " | ".join(cells) + " |"


def list_tables() -> str:
    return "\n\n".join(f"An item of `{name}`:\n\n{item_table(model)}" for name, model in LISTS.items())


def item_table(model: type[Section]) -> str:
    return "\n".join(["| Key | Default | Meaning | Allowed |", "|---|---|---|---|", *item_rows(model)])


def item_rows(model: type[Section]) -> Iterator[str]:
    """The rows of the keys of an item in a list of sections."""
    for name, field in fields_of(model).items():
        cells = [f"`{name}`", default_of(field), field.description or "", field_option(field, "allowed")]
        yield "| " + " | ".join(cells) + " |"


def variable(key: Key) -> str:
    """Empty where it follows from the key."""
    name = variable_of(key)
    return "" if name == f"SKYCAM_{'__'.join(key).upper()}" else f"`{name}`"


def default(key: Key) -> str:
    return default_of(KEYS[key])


def default_of(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "required"
    # The default of such a key is a placeholder that the completed configuration replaces.
    if unset := field_option(field, "unset"):
        return str(unset)
    if value in ("", []):
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool | Path) else value}`"
