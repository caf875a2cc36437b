"""The table of all keys in docs/configuration.md. `python -m skycam_project.config.reference` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from skycam_project.config.keys import Key
from skycam_project.config.model import LEAVES, note, variable_of

RESERVED = "Reserved, no effect yet: "


def table() -> str:
    return "\n".join(["| Key | Default | Variable | Meaning | Allowed |", "|---|---|---|---|---|", *rows()])


def rows() -> Iterator[str]:
    for key, field in LEAVES.items():
        cells = [
            f"`{'.'.join(key)}`",
            default(key),
            f"`{variable_of(key)}`",
            f"{RESERVED if note(key, 'reserved') else ''}{field.description or ''}",
            note(key, "allowed"),
        ]
        yield "| " + " | ".join(cells) + " |"


def default(key: Key) -> str:
    value = LEAVES[key].default
    if unset := note(key, "unset"):
        return str(unset)
    if value in ("", []):
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool | Path) else value}`"


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
