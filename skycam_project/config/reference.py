"""The table of all keys in docs/station/configuration.md. `python -m skycam_project.config.reference` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from skycam_project.config.keys import Key
from skycam_project.config.model import KEYS, key_option, variable_of

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


def default(key: Key) -> str:
    value = KEYS[key].default
    # The default of such a key is a placeholder that the completed configuration replaces.
    if unset := key_option(key, "unset"):
        return str(unset)
    if value in ("", []):
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool | Path) else value}`"


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
