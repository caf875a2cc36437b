"""The code of the project, without migrations: each file is read, parsed and walked once in a run."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

from tests.harness.project import PROJECT

APPS = ("cameras", "captures", "core", "monitoring", "scheduler", "skycam_project")


@functools.cache
def sources(folder: str = "") -> tuple[Path, ...]:
    """The files of all apps, or of those below a folder."""
    files = [path for app in APPS for path in sorted((PROJECT / app).rglob("*.py")) if "migrations" not in path.parts]
    return tuple(path for path in files if str(path.relative_to(PROJECT)).startswith(folder))


@functools.cache
def text(path: Path) -> str:
    return path.read_text()


@functools.cache
def code(folder: str = "") -> str:
    return "\n".join(text(path) for path in sources(folder))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Calls, constants, classes and handlers of errors: the nodes that documents name."""
    wanted = (ast.Call, ast.Constant, ast.ClassDef, ast.ExceptHandler)
    return tuple(node for node in ast.walk(tree(path)) if isinstance(node, wanted))
