"""All documents: links have targets, commands exist, and figures state how they were measured."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import click
import pytest

from skycam_project.cli.root import cli
from tests.harness.documents.pages import CODE, PAGES, name, sources, without_blocks
from tests.harness.project import PROJECT

METHOD = re.compile(r"`([A-Z]\w+)\.(\w+)\(\)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FIGURE = re.compile(r"\|\s*[\d.,]+ ?(?:ms|s|MB|GB|%|/s)\s*(?=\|)")
HOW = re.compile(r"`(?:make (?:bench|prove)|\S*python -m [^`]+)`")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_blocks(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_nowhere(page: Path, link: str) -> bool:
    if "://" in link:
        return False
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return not target.exists() or bool(anchor and anchor not in anchors(target))


def commands(page: Path) -> set[str]:
    """The `skycam ...` commands in the text of a page, each as its words before an option or an argument."""
    found = (code for code in CODE.findall(without_blocks(page.read_text())) if code.startswith("skycam "))
    return {re.split(r" (?=[-A-Z|])", code)[0] for code in found}


@functools.cache
def methods() -> set[tuple[str, str]]:
    """Class and method, of all classes in the code, without inherited methods."""
    trees = [ast.parse(path.read_text()) for path in sources()]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {(one.name, method.name) for one in classes for method in one.body if isinstance(method, functions)}


def exists(command: str) -> bool:
    group: click.Command | None = cli
    for word in command.split()[1:]:
        if not isinstance(group, click.Group):
            return True
        group = group.get_command(click.Context(group), word)
    return group is not None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_has_a_target(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if leads_nowhere(page, link)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_commands_that_a_page_names_exist(page: Path) -> None:
    assert [command for command in sorted(commands(page)) if not exists(command)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_methods_that_a_page_names_exist(page: Path) -> None:
    assert set(METHOD.findall(without_blocks(page.read_text()))) - methods() == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_table_of_figures_names_the_command_that_measured_it(page: Path) -> None:
    tables = [block for block in page.read_text().split("\n\n") if len(FIGURE.findall(block)) > 5]
    assert not tables or HOW.search(page.read_text())


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [PROJECT / "README.md"]
    while waiting:
        page = waiting.pop()
        links = [(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(page.read_text())]
        waiting += [link for link in links if link in PAGES and link not in reached]
        reached.add(page)
    assert set(PAGES) - reached == set()
