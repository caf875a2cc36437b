"""All documents: links have targets, commands exist, and figures state how they were measured."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import click

from skycam_project.cli.root import cli
from tests.harness.documents.pages import CODE, PAGES, name, page, without_blocks
from tests.harness.documents.sources import nodes, sources
from tests.harness.project import PROJECT

METHOD = re.compile(r"`([A-Z]\w+)\.(\w+)\(\)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FIGURE = re.compile(r"\|\s*[\d.,]+ ?(?:ms|s|MB|GB|%|/s)\s*(?=\|)")
HOW = re.compile(r"`(?:make (?:bench|prove)|\S*python -m [^`]+)`")


TEXTS = {path: page(name(path)) for path in PAGES}


@functools.cache
def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_blocks(page(name(path))), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_nowhere(path: Path, link: str) -> bool:
    if "://" in link:
        return False
    there, _, anchor = link.partition("#")
    target = (path.parent / there).resolve() if there else path
    return not target.exists() or bool(anchor and anchor not in anchors(target))


def commands(text: str) -> set[str]:
    """The `skycam ...` commands in the text of a page, each as its words before an option or an argument."""
    found = (code for code in CODE.findall(without_blocks(text)) if code.startswith("skycam "))
    return {re.split(r" (?=[-A-Z|])", code)[0] for code in found}


def methods() -> set[tuple[str, str]]:
    """Class and method, of all classes in the code, without inherited methods."""
    classes = [node for path in sources() for node in nodes(path) if isinstance(node, ast.ClassDef)]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {(one.name, method.name) for one in classes for method in one.body if isinstance(method, functions)}


def exists(command: str) -> bool:
    group: click.Command | None = cli
    for word in command.split()[1:]:
        if not isinstance(group, click.Group):
            return True
        group = group.get_command(click.Context(group), word)
    return group is not None


def test_every_link_has_a_target() -> None:
    links = [(path, link) for path, text in TEXTS.items() for link in LINK.findall(text)]
    assert [f"{name(path)}: {link}" for path, link in links if leads_nowhere(path, link)] == []


def test_the_commands_that_a_page_names_exist() -> None:
    named = [(path, command) for path, text in TEXTS.items() for command in sorted(commands(text))]
    assert [f"{name(path)}: {command}" for path, command in named if not exists(command)] == []


def test_the_methods_that_a_page_names_exist() -> None:
    known = methods()
    named = [(path, method) for path, text in TEXTS.items() for method in METHOD.findall(without_blocks(text))]
    assert [f"{name(path)}: {'.'.join(method)}" for path, method in named if method not in known] == []


def test_a_table_of_figures_names_the_command_that_measured_it() -> None:
    tables = {
        path: [block for block in text.split("\n\n") if len(FIGURE.findall(block)) > 5] for path, text in TEXTS.items()
    }
    assert [name(path) for path, found in tables.items() if found and not HOW.search(TEXTS[path])] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [PROJECT / "README.md"]
    while waiting:
        path = waiting.pop()
        links = [(path.parent / link.partition("#")[0]).resolve() for link in LINK.findall(TEXTS[path])]
        waiting += [link for link in links if link in TEXTS and link not in reached]
        reached.add(path)
    assert set(PAGES) - reached == set()
