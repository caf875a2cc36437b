"""The diagrams of docs/internals/architecture.md are those of the code."""

from __future__ import annotations

from graphlib import CycleError

import pytest

from tests.harness.documents import import_graph
from tests.harness.documents.pages import blocks

PAGE = "docs/internals/architecture.md"
IMPORTS = {
    "the apps": import_graph.imports_between_apps,
    "captures": lambda: import_graph.imports_inside("captures"),
    "cameras": lambda: import_graph.imports_inside("cameras"),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_the_drawn_imports_are_those_of_the_code(name: str) -> None:
    assert f"{import_graph.diagram(IMPORTS[name]())}\n" in blocks(PAGE, "mermaid")


def test_a_circle_of_imports_cannot_be_drawn() -> None:
    with pytest.raises(CycleError):
        import_graph.diagram({"a": {"b"}, "b": {"a"}})
