"""Writes the parts of documents that the code knows: `make docs`. With `--check` it names the documents that are not as
the code is, and writes nothing."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import django

from core.registry import resolve
from skycam_project.config.gates import GateConfig, GateSourceConfig
from skycam_project.config.keys import Section
from skycam_project.config.telescopes import TelescopeConfig
from tests.harness.documents import import_graph
from tests.harness.documents.reference.commands import command_sections
from tests.harness.documents.reference.keys import item_table, list_tables, table
from tests.harness.documents.reference.markdown import with_part
from tests.harness.documents.reference.packages import app_table, inner_table
from tests.harness.project import PROJECT

FENCE = "```"


def diagram(graph: import_graph.Graph) -> str:
    return f"{FENCE}mermaid\n{import_graph.diagram(graph)}\n{FENCE}"


def from_module(name: str) -> Callable[[], str]:
    """A function of this package, whose module can be imported only once Django is set up."""
    return lambda: resolve(f"tests.harness.documents.reference.{name}")()


def items_of(model: type[Section]) -> Callable[[], str]:
    return lambda: item_table(model)


ARCHITECTURE, CONFIGURATION = "docs/internals/architecture.md", "docs/station/configuration.md"
PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "commands": ("docs/clients/cli.md", command_sections),
    "routes": ("docs/clients/routes.md", from_module("routes.route_tables")),
    "bodies": ("docs/clients/contracts.md", from_module("bodies.body_lines")),
    "resources": ("docs/clients/contracts.md", from_module("resources.resource_sections")),
    "keys": (CONFIGURATION, table),
    "keys of lists": (CONFIGURATION, list_tables),
    "keys of gates": ("docs/operating/gates.md", items_of(GateConfig)),
    "keys of sources of gates": ("docs/operating/gates.md", items_of(GateSourceConfig)),
    "keys of telescopes": ("docs/cameras/telescope-status.md", items_of(TelescopeConfig)),
    "packages": (ARCHITECTURE, lambda: app_table(import_graph.imports_between_apps())),
    "packages inside captures": (
        ARCHITECTURE,
        lambda: inner_table("captures", import_graph.imports_inside("captures")),
    ),
    "packages inside cameras": (ARCHITECTURE, lambda: inner_table("cameras", import_graph.imports_inside("cameras"))),
    "imports between apps": (ARCHITECTURE, lambda: diagram(import_graph.imports_between_apps())),
    "imports inside captures": (ARCHITECTURE, lambda: diagram(import_graph.imports_inside("captures"))),
    "imports inside cameras": (ARCHITECTURE, lambda: diagram(import_graph.imports_inside("cameras"))),
}
"""Name -> its document, and what makes it."""


def main() -> int:
    is_check = "--check" in sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="skycam-docs-") as folder:
        set_up(Path(folder))
        made = documents()
    old = [path for path, text in made.items() if (PROJECT / path).read_text() != text]
    for path in [] if is_check else old:
        (PROJECT / path).write_text(made[path])
    if is_check and old:
        sys.stderr.write(f"Not as the code is: {', '.join(old)}. `make docs` writes them.\n")
    return 1 if is_check and old else 0


def set_up(folder: Path) -> None:
    """Django for an empty station: documents do not depend on the configuration of the developer's one."""
    for name in [name for name in os.environ if name.startswith("SKYCAM_")]:
        del os.environ[name]
    os.environ |= {"DJANGO_SETTINGS_MODULE": "skycam_project.settings", "SKYCAM_DATA": str(folder / "data")}
    (folder / "skycam.yaml").touch()
    os.environ["SKYCAM_CONFIG"] = str(folder / "skycam.yaml")
    django.setup()


def documents() -> dict[str, str]:
    """Path -> the text that it should have."""
    texts = {path: (PROJECT / path).read_text() for path, _ in PARTS.values()}
    for name, (path, make) in PARTS.items():
        texts[path] = with_part(texts[path], name, make())
    return texts


if __name__ == "__main__":
    raise SystemExit(main())
