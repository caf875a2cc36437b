"""Which packages import which, as a Mermaid diagram. Imports for type checking count."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter

import grimp

from tests.harness.documents.sources import APPS

Graph = dict[str, set[str]]
"""Name -> the names that it imports."""


def imports_between_apps() -> Graph:
    graph = grimp.build_graph(*APPS, cache_dir=None)
    for app in APPS:
        graph.squash_module(app)
    return imports_between(graph, APPS)


def imports_inside(app: str) -> Graph:
    """Those between the packages and modules of an app."""
    graph = grimp.build_graph(app, cache_dir=None)
    children = sorted(graph.find_children(app) - {f"{app}.migrations"})
    for child in children:
        graph.squash_module(child)
    found = imports_between(graph, children)
    return {short(name): {short(other) for other in others} for name, others in found.items()}


def imports_between(graph: grimp.ImportGraph, modules: Sequence[str]) -> Graph:
    return {name: graph.find_modules_directly_imported_by(name) & {*modules} - {name} for name in modules}


def short(module: str) -> str:
    return module.rpartition(".")[2]


def reduced(graph: Graph) -> Graph:
    """Without the imports that a longer path shows already. CycleError if the graph has a circle."""
    below: Graph = {}
    for name in TopologicalSorter(graph).static_order():
        below[name] = graph[name].union(*(below[other] for other in graph[name]))
    return {name: others - set[str]().union(*(below[other] for other in others)) for name, others in graph.items()}


def diagram(graph: Graph) -> str:
    """The reduced graph; names that import nothing and are not imported are left out."""
    drawn = reduced(graph)
    lines = [f"    {name} --> {other}" for name in sorted(drawn) for other in sorted(drawn[name])]
    return "\n".join(["flowchart TD", *lines])
