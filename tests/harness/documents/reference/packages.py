"""What each package is for, in the words of its own docstring."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from tests.harness.documents.import_graph import Graph
from tests.harness.documents.reference.markdown import escaped
from tests.harness.documents.sources import tree
from tests.harness.project import PROJECT


def app_table(graph: Graph) -> str:
    """The apps, each below those that import it, with the packages of those that have no table of their own."""
    rows = []
    for app in reversed(from_the_lowest(graph)):
        rows.append(f"| **`{app}/`** | {purpose(app)} |")
        rows += [f"| `{one}/` | {purpose(one)} |" for one in packages_of(app)]
    return "\n".join(["| package | what it holds |", "|---|---|", *rows])


WITH_OWN_TABLE = ("cameras", "captures")
DJANGO = ("apps", "models", "urls")


def packages_of(app: str) -> list[str]:
    if app in WITH_OWN_TABLE:
        return []
    found = [path.parent for path in sorted((PROJECT / app).glob("*/__init__.py"))]
    return [f"{app}/{folder.name}" for folder in found if folder.name != "migrations"]


def inner_table(app: str, graph: Graph) -> str:
    """The packages and modules inside of an app, each below those that it imports, without Django's own modules."""
    names = [name for name in from_the_lowest(graph) if name not in DJANGO]
    rows = [f"| `{name}` | {purpose(f'{app}/{name}')} |" for name in names]
    return "\n".join(["| package or module | what it holds |", "|---|---|", *rows])


def from_the_lowest(graph: Graph) -> list[str]:
    # Sorted: the order of a set is another one in each run.
    return [*TopologicalSorter({name: sorted(graph[name]) for name in sorted(graph)}).static_order()]


def purpose(path: str) -> str:
    """The first paragraph of its docstring. ValueError without one."""
    found = ast.get_docstring(tree(module_file(path)))
    if not found:
        raise ValueError(f"{path} has no docstring.")
    return escaped(" ".join(found.split("\n\n")[0].split())).replace("|", r"\|")


def module_file(path: str) -> Path:
    package = PROJECT / path / "__init__.py"
    return package if package.exists() else PROJECT / f"{path}.py"
