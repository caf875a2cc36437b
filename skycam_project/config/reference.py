"""The table of all keys in docs/station/configuration.md, and those of lists of sections. `python -m
skycam_project.config.reference` prints them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from skycam_project.config.gates import GateConfig, GateSourceConfig
from skycam_project.config.keys import Key, Section
from skycam_project.config.lists import LISTS
from skycam_project.config.model import KEYS, field_option, fields_of, key_option, variable_of
from skycam_project.config.telescopes import TelescopeConfig

ITEMS: tuple[type[Section], ...] = (
    GateConfig, GateSourceConfig, *LISTS.values(), TelescopeConfig
)  # fmt: skip
"""The items of lists of which docs has a table."""
RESERVED = "Reserved, no effect yet: "


def table() -> str:
    return "\n".join(["| Key | Default | Variable | Meaning | Allowed |", "|---|---|---|---|---|", *rows()])


def rows() -> Iterator[str]:
    for key, field in KEYS.items():
        cells = [
            f"`{'.'.join(key)}`",
            default(key),
            f"`{variable_of(key)}`",
            f"{RESERVED if key_option(key, 'reserved') else ''}{field.description or ''}",
            key_option(key, "allowed"),
        ]
        yield "| " + " | ".join(cells) + " |"


def item_rows(model: type[Section]) -> Iterator[str]:
    """The rows of the keys of an item in a list of sections."""
    for name, field in fields_of(model).items():
        cells = [f"`{name}`", default_of(field), field.description or "", field_option(field, "allowed")]
        yield "| " + " | ".join(cells) + " |"


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


if __name__ == "__main__":
    sys.stdout.write("\n\n".join([table(), *("\n".join(item_rows(one)) for one in ITEMS)]) + "\n")
