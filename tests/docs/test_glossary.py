"""docs/internals/glossary.md: its names exist in the code, and the words that it replaced are gone."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatch
from pathlib import Path

from tests.harness.documents.pages import page
from tests.harness.documents.sources import code
from tests.harness.project import PROJECT

PAGE = "docs/internals/glossary.md"
READ = ("*.py", "*.md", "*.html", "*.js", "*.css", "*.c", "*.toml", "Makefile", "NOTICE")
NOT_OURS = re.compile(r"(^|/)(\.|vendor/|node_modules/|migrations/|skycam-data/)|^CHANGELOG\.md$")
REPLACED = re.compile(r"^- Words that the glossary replaced: ([^.]+)\.$", re.MULTILINE)


def texts() -> list[Path]:
    """Folders that are not ours are not entered: the packages below them have a hundred times as many files."""
    found: list[Path] = []
    for folder, folders, files in os.walk(PROJECT):
        here = Path(folder).relative_to(PROJECT)
        folders[:] = [name for name in folders if not NOT_OURS.search(f"{here / name}/")]
        found += [PROJECT / here / name for name in files if any(fnmatch(name, pattern) for pattern in READ)]
    return [path for path in found if not NOT_OURS.search(str(path.relative_to(PROJECT)))]


def replaced_words() -> list[str]:
    """CHANGELOG.md lists them, and is the only file that contains them."""
    found = REPLACED.search(page("CHANGELOG.md"))
    assert found, "CHANGELOG.md has no line that lists the replaced words"
    return " ".join(found[1].split()).split(", ")


def names_in_the_code() -> list[str]:
    """The names in the last column of the tables that have three."""
    rows = re.findall(r"^\| [^|]+ \| [^|]+ \| ([^|]+) \|$", page(PAGE), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_the_words_that_the_glossary_replaced_are_gone() -> None:
    word = re.compile(rf"\b({'|'.join(replaced_words())})\b", re.IGNORECASE)
    left = {str(path.relative_to(PROJECT)): set(word.findall(path.read_text())) for path in texts()}
    assert {path: words for path, words in left.items() if words} == {}


def test_the_names_of_the_glossary_are_in_the_code() -> None:
    defined = set(re.findall(r"\b(?:class|def) (\w+)", code()))
    others = [name for name in names_in_the_code() if name not in defined and not name.startswith("station.")]
    assert [name for name in others if not (PROJECT / name).exists()] == []
