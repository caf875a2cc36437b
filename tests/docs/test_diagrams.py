"""The processes in docs/internals/architecture.md are those of a station; `make docs` draws its imports."""

from __future__ import annotations

from graphlib import CycleError
from pathlib import Path

import pytest

from tests.harness.documents import import_graph
from tests.harness.documents.pages import blocks
from tests.harness.documents.process_graph import edges_in, edges_of_working_station

PAGE = "docs/internals/architecture.md"
AFTER_A_MINUTE = {"beat -.-> valkey"}
"""With the first task that is due: the test does not wait for it."""


def test_a_circle_of_imports_cannot_be_drawn() -> None:
    with pytest.raises(CycleError):
        import_graph.diagram({"a": {"b"}, "b": {"a"}})


def test_the_drawn_processes_are_those_of_a_station(tmp_path: Path) -> None:
    (drawing,) = [block for block in blocks(PAGE, "mermaid") if "launcher" in block]
    drawn = edges_in(drawing)
    seen = edges_of_working_station(tmp_path, lambda seen, _: seen | AFTER_A_MINUTE >= drawn, takes_s=60)
    assert seen | AFTER_A_MINUTE == drawn
