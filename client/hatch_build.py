"""What the client's wheel has: the package `skycam_client`, and below `skycam_client/_models/` the modules of the
project that it imports, which describe the station's resources. Their imports of each other are rewritten.

In the repository the client imports these modules themselves, so that there is one copy of each description.
"""

from __future__ import annotations

import ast
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "skycam_client"
BELOW = f"{PACKAGE}._models"
PROJECT = ("core", "cameras", "captures", "monitoring", "scheduler", "skycam_project")
INSTALLED = {"httpx", "pydantic", "pydantic_core", "typing_extensions", PACKAGE}
"""What modules of the wheel may import besides the standard library: the dependencies, and what pydantic needs."""
RESOURCES = "skycam_project.resources"
"""Its table names the modules of resources, which the client finds by their names."""


class CannotBuild(Exception):
    """The message says which module has to be changed, and how."""


class Import(NamedTuple):
    """`line`: where the statement begins, counted from 1."""

    line: int
    module: str
    names: tuple[str, ...]


class DescriptionHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            raise CannotBuild("Build the wheel: its models come from the repository (hatchling build --target wheel).")
        self._folder = Path(tempfile.mkdtemp())
        write_package(Path(self.root), self._folder)
        build_data["force_include"][str(self._folder / PACKAGE)] = PACKAGE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(self._folder)


def write_package(client: Path, target: Path) -> None:
    """The package of the folder `client` with its models. CannotBuild."""
    own = sorted((client / PACKAGE).rglob("*.py"))
    found = closure_of(client.parent, own)
    for file in [*own, client / PACKAGE / "py.typed"]:
        write(target / file.relative_to(client), rewritten(file, found))
    write(target / PACKAGE / "_models/__init__.py", '"""Modules of the station, copied by hatch_build.py."""\n')
    for file in found.values():
        write(target / PACKAGE / "_models" / file.relative_to(client.parent), rewritten(file, found))


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def closure_of(project: Path, files: list[Path]) -> dict[str, Path]:
    """The modules of the project that these files import when they are loaded, and those that these import, by name.
    CannotBuild if one of them needs what the client's users do not have."""
    waiting = [RESOURCES, *(path.rpartition(".")[0] for path in described(file_of(project, RESOURCES)).values())]
    waiting += [name for file in files for name in project_modules(project, file)]
    found: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found[module] = file_of(project, module)
        waiting += project_modules(project, found[module])
        waiting += [module.rpartition(".")[0]] if "." in module else []
    return found


def described(file: Path) -> dict[str, str]:
    """The table of resources, without loading its module."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["RESOURCES"]:
            found: dict[str, str] = ast.literal_eval(node.value)
            return found
    raise CannotBuild(f"{file} has no table RESOURCES.")


def file_of(project: Path, module: str) -> Path:
    place = project.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def project_modules(project: Path, file: Path) -> list[str]:
    """CannotBuild."""
    found: list[str] = []
    for one in imports_of(file):
        top = one.module.partition(".")[0]
        if top in PROJECT:
            members = [f"{one.module}.{name}" for name in one.names]
            found += [one.module, *(name for name in members if file_of(project, name).is_file())]
        elif top not in sys.stdlib_module_names and top not in INSTALLED:
            raise CannotBuild(
                f"{file.relative_to(project)}, line {one.line}, imports {top}, which the client's users do not have. "
                "Import it inside the function that needs it, or move the description to a module of its own."
            )
    return found


def imports_of(file: Path) -> Iterator[Import]:
    """Those that are executed when the module is loaded."""
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, one.name, ()) for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield Import(node.lineno, node.module, tuple(one.name for one in node.names))
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not is_for_checkers(node):
            waiting += ast.iter_child_nodes(node)


def is_for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def rewritten(file: Path, modules: dict[str, Path]) -> str:
    """The text of the file, with imports of these modules from below the client's package. CannotBuild."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)) if file.suffix == ".py" else ():
        if isinstance(node, ast.ImportFrom) and node.module in modules:
            line = lines[node.lineno - 1]
            lines[node.lineno - 1] = line.replace(f"from {node.module} ", f"from {BELOW}.{node.module} ", 1)
        elif isinstance(node, ast.Import) and any(one.name in modules for one in node.names):
            raise CannotBuild(
                f"{file}, line {node.lineno}: write `from PACKAGE import MODULE`, which can be rewritten."
            )
    return "".join(lines)
