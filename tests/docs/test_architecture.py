"""docs/internals/architecture.md: everything that it names exists, and its code runs."""

from __future__ import annotations

import ast
import re
import sys
import types
from pathlib import Path

import pytest
import uuid6
from pydantic import ValidationError

from cameras.spool.storage import Storage
from cameras.supervision.ingest import SpoolIngester
from cameras.tables import RECORDS
from core.events.models import Event
from skycam_project.checks import TABLES
from skycam_project.config.sections import CameraConfig
from skycam_project.pages.context import PAGES
from tests.harness.documents.pages import blocks, page, section, without_blocks
from tests.harness.documents.sources import nodes, sources, text, tree
from tests.harness.project import PROJECT
from tests.harness.rows.archive import Archive

pytestmark = pytest.mark.usefixtures("parsed_sources")

PAGE = "docs/internals/architecture.md"
TEXT = without_blocks(page(PAGE))
NAMES = page("docs/decisions/seeds-names.md")
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|\w+\.(?:py|toml))`")
FUNCTION = re.compile(r"`(?:([A-Z]\w+)\.)?(\w+)\(\)`")
CLASS = re.compile(r"`([A-Z][a-z]\w+)`")


def places() -> list[str]:
    """Rows of tables, items of lists, and paragraphs. A name and its file are in the same one."""
    return [place for block in TEXT.split("\n\n") for place in re.split(r"\n(?=[|-])", block)]


def code_of(place: str) -> str:
    """The code of the Python files that a place names."""
    files = [PROJECT / path for path in PATH.findall(place) if path.endswith(".py")]
    return "\n".join(text(file) for file in files)


def missing(place: str) -> list[str]:
    code = code_of(place)
    wanted = [f"def {name}(" for _, name in FUNCTION.findall(place)]
    wanted += [f"class {owner}" for owner, _ in FUNCTION.findall(place) if owner]
    wanted += [f"class {name}" for name in CLASS.findall(place)] if code else []
    return [words for words in wanted if words not in code]


DOTTED = re.compile(r"(?:cameras|captures|monitoring|scheduler|skycam_project|core)(?:\.\w+)+")


def literal_tables() -> dict[str, str]:
    """Tables of dotted paths in the code: name -> file."""
    found = {}
    for path in sources():
        for node in tree(path).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and isinstance(value, ast.Dict | ast.Tuple) and dotted_paths(value):
                found[target.id] = str(path.relative_to(PROJECT))
    return found


def dotted_paths(value: ast.Dict | ast.Tuple) -> bool:
    """Whether every entry is a path, or a label and a path, or a record that ends with a path."""
    entries = value.values if isinstance(value, ast.Dict) else value.elts
    last = [last_of(entry) for entry in entries]
    return bool(last) and all(isinstance(one, ast.Constant) and DOTTED.fullmatch(str(one.value)) for one in last)


def last_of(entry: ast.expr | None) -> ast.expr | None:
    if isinstance(entry, ast.Tuple) and entry.elts:
        return entry.elts[-1]
    return entry.args[-1] if isinstance(entry, ast.Call) and entry.args else entry


def test_every_table_of_dotted_paths_is_documented_and_checked() -> None:
    found = literal_tables()
    del found["TABLES"]
    listed = dict(re.findall(r"^\| ([A-Z_]+) \| `([\w./]+)` \|", section(PAGE, "The packages"), re.MULTILINE))
    assert listed == found
    checked = {table.rpartition(".")[2]: table.rpartition(".")[0] for table in TABLES}
    assert checked == {name: module_of(path) for name, path in found.items()}


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def catches_any_error(path: Path) -> bool:
    """Whether the file has an `except Exception`. One that only cleans up and raises again names BaseException."""
    handlers = [node for node in nodes(path) if isinstance(node, ast.ExceptHandler)]
    return any(isinstance(one.type, ast.Name) and one.type.id == "Exception" for one in handlers)


def test_any_error_is_caught_only_at_the_documented_boundaries() -> None:
    rows = re.findall(r"^\| (`.+?`) \| ", section(PAGE, "Unexpected errors"), re.MULTILINE)
    listed = {path for row in rows for path in PATH.findall(row)}
    assert {str(path.relative_to(PROJECT)) for path in sources() if catches_any_error(path)} == listed


def test_each_kept_name_is_in_the_file_beside_it() -> None:
    rows = re.findall(r"^\| (.+?) \| `([\w/.]+\.py)`", section("docs/decisions/seeds-names.md", "Kept"), re.MULTILINE)
    classes = [(name, path) for names, path in rows for name in re.findall(r"`([A-Z][a-z]\w+)`", names)]
    assert len(classes) > 7
    assert [one for one in classes if f"class {one[0]}" not in text(PROJECT / one[1])] == []


def test_the_files_beside_the_names_of_the_first_documents_exist() -> None:
    paths = re.findall(r"`([\w/.-]+\.(?:py|js|json))`", NAMES)
    stated = {path for path in paths if "/" in path and not path.startswith(("backend/", "web/"))}
    assert len(stated) > 30
    assert [path for path in sorted(stated) if not (PROJECT / path).exists()] == []


def test_no_name_is_reserved_that_exists() -> None:
    (reserved,) = re.findall(r"^Reserved for what is not built yet: (.+)$", NAMES, re.MULTILINE)
    assert reserved == "`camera.type: astro`."
    with pytest.raises(ValidationError, match="does not support yet"):
        CameraConfig(type="astro")


def test_the_documented_keys_of_pages_are_those_of_the_menu() -> None:
    (keys,) = re.findall(r"^\| (`g d`.*?) \.\.\. \| open a page", page("docs/operating/pages.md"), re.MULTILINE)
    assert set(re.findall(r"`g (\w)`", keys)) <= {entry.key for entry in PAGES}


def test_the_named_paths_exist() -> None:
    assert [path for path in sorted(set(PATH.findall(TEXT))) if not (PROJECT / path).exists()] == []


def test_a_named_function_is_in_the_file_beside_it() -> None:
    found = {place: missing(place) for place in places()}
    assert len(FUNCTION.findall(TEXT)) > 40
    assert {place: names for place, names in found.items() if names} == {}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The page's code as a module."""
    module = types.ModuleType("an_example")
    exec("\n".join(blocks(PAGE, "python")), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.mark.django_db(transaction=True)
def test_the_documented_record_reaches_the_database_once(
    example: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(RECORDS, "note", f"{example.__name__}.ingest_notes")
    archive = Archive(tmp_path)
    storage = Storage(str(tmp_path), str(archive.root.id), str(archive.camera.id))
    note = example.write_note(storage.spool, str(archive.camera.id), "sim", str(archive.root.id), "Clouds.")
    ingester = SpoolIngester(storage.files, str(archive.camera.id), "sim")
    taken = [ingester.ingest(note), ingester.ingest(note)]
    storage.close()
    assert [event.message for event in Event.objects.filter(kind="camera.note")] == ["Clouds."]
    assert taken[0] == taken[1]
    assert uuid6.UUID(note).version == 7
