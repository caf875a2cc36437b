"""docs/architecture.md: what it names exists, and its code runs."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import uuid6

from cameras.drivers.base import FrameData
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.consumers import Context, load
from cameras.runtime.storage import Storage
from cameras.supervision.ingest import Ingest
from cameras.tables import RECORDS
from monitoring.models import Event
from tests.docs.pages import PROJECT, blocks, page, without_blocks
from tests.faults.ledger import Archive

PAGE = "docs/architecture.md"
TEXT = without_blocks(page(PAGE))
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|\w+\.(?:py|toml))`")
FUNCTION = re.compile(r"`(?:([A-Z]\w+)\.)?(\w+)\(\)`")
CLASS = re.compile(r"`([A-Z][a-z]\w+)`")


def places() -> list[str]:
    """Rows of tables, items of lists and paragraphs: a name's file stands in the same one."""
    return [place for block in TEXT.split("\n\n") for place in re.split(r"\n(?=[|-])", block)]


def said(place: str) -> str:
    """The Python of the files that a place names."""
    files = [PROJECT / path for path in PATH.findall(place) if path.endswith(".py")]
    return "\n".join(file.read_text() for file in files)


def missing(place: str) -> list[str]:
    code = said(place)
    wanted = [f"def {name}(" for _, name in FUNCTION.findall(place)]
    wanted += [f"class {owner}" for owner, _ in FUNCTION.findall(place) if owner]
    wanted += [f"class {name}" for name in CLASS.findall(place)] if code else []
    return [text for text in wanted if text not in code]


@pytest.mark.parametrize("path", sorted(set(PATH.findall(TEXT))))
def test_a_path_that_is_named_exists(path: str) -> None:
    assert (PROJECT / path).exists()


def test_a_function_that_is_named_is_in_the_file_beside_it() -> None:
    found = {place: missing(place) for place in places()}
    assert len(FUNCTION.findall(TEXT)) > 40
    assert {place: names for place, names in found.items() if names} == {}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The page's code as the module that it would be."""
    module = types.ModuleType("an_example")
    exec("\n".join(blocks(PAGE, "python")), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def feed(buffer: SharedFrameBuffer, frames: int) -> None:
    for number in range(frames):
        buffer.put_frame(FrameData(np.zeros((4, 4), np.uint8), captured_ns=0, monotonic=0.0, number=number))


def test_the_documented_consumer_gets_every_frame(example: types.ModuleType) -> None:
    buffer = SharedFrameBuffer()
    counter = load(f"{example.__name__}.FrameCounter", Context(cast(Any, {}), buffer, cast(Any, None)))
    assert counter.wants_frames
    feed(buffer, 20)
    counter.stop()
    assert counter.stats() == {"seen": 20, "lost": 0}


@pytest.mark.django_db(transaction=True)
def test_the_documented_record_reaches_the_database_once(
    example: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(RECORDS, "note", f"{example.__name__}.take_note")
    archive = Archive(tmp_path)
    storage = Storage(str(tmp_path), str(archive.root.id), str(archive.camera.id))
    note = example.write_note(storage.spool, str(archive.camera.id), "sim", str(archive.root.id), "Clouds.")
    ingest = Ingest(storage.files, str(archive.camera.id), "sim")
    taken = [ingest.take(note), ingest.take(note)]
    storage.close()
    assert [event.message for event in Event.objects.filter(kind="camera.note")] == ["Clouds."]
    assert taken[0] == taken[1]
    assert uuid6.UUID(note).version == 7
