"""Recordings as text files: what was recorded `before` the work, what is expected `now`, and the listed differences.

A file has entries: a line `## NAME`, and below it the text that is compared. `now` has only the files that differ from
`before`.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

Entries = dict[str, str]
"""Name of an entry -> its text."""
FOLDER = Path(__file__).parent
BEFORE, NOW, DIFFERENCES = FOLDER / "before", FOLDER / "now", FOLDER / "differences.md"
LISTED = re.compile(r"^- `(?P<names>[^`]+)`: (?P<reason>\S.*)$", re.MULTILINE)


def to_text(entries: Entries) -> str:
    return "\n".join(f"## {name}\n{text}\n" for name, text in entries.items())


def read(file: Path) -> Entries:
    if not file.exists():
        return {}
    _, *parts = re.split(r"^## (.*)\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def expected(name: str) -> Entries:
    return read(NOW / name if (NOW / name).exists() else BEFORE / name)


def write(name: str, entries: Entries) -> None:
    """Record what is expected now."""
    file = NOW / name
    if entries == read(BEFORE / name):
        file.unlink(missing_ok=True)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(to_text(entries), encoding="utf-8")


def changes(old: Entries, new: Entries) -> str:
    """A unified diff; empty if both have the same entries, in any order."""
    ordered = {name: new[name] for name in [*old, *new] if name in new}
    found = difflib.unified_diff(
        to_text(old).splitlines(), to_text(ordered).splitlines(), "recorded", "found", lineterm=""
    )
    return "\n".join(found)


def recorded_files() -> set[str]:
    return {str(file.relative_to(folder)) for folder in (BEFORE, NOW) for file in folder.rglob("*.txt")}


def differences() -> list[str]:
    """The entries that differ between before and now, as `FILE ENTRY`."""
    return sorted(
        f"{file.relative_to(NOW)} {name}"
        for file in NOW.rglob("*.txt")
        for old, new in [(read(BEFORE / file.relative_to(NOW)), read(file))]
        for name in old.keys() | new.keys()
        if old.get(name) != new.get(name)
    )


def listed() -> list[str]:
    """The names of differences.md. `*` stands for any text."""
    return [match["names"] for match in LISTED.finditer(DIFFERENCES.read_text(encoding="utf-8"))]


def matches(names: str, difference: str) -> bool:
    return re.fullmatch(re.escape(names).replace(r"\*", ".*"), difference) is not None
