"""What a person writes in docs/clients/cli.md is as in the code; `make docs` writes its commands."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from skycam_project.cli import errors
from skycam_project.cli.root import cli
from tests.harness.project import PROJECT

PAGE = (PROJECT / "docs" / "clients" / "cli.md").read_text()


def groups(group: click.Group, path: str) -> Iterator[tuple[str, click.Group]]:
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from groups(command, f"{path} {name}")


def list_of_commands(group: click.Group, path: str) -> list[str]:
    """The lines of a group's help below `Commands:`."""
    context = click.Context(group, info_name=path, **group.context_settings)
    return group.get_help(context).partition("Commands:\n")[2].splitlines()


def test_no_short_help_is_cut_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = {path: list_of_commands(group, path) for path, group in groups(cli, "skycam")}
    assert [path for path, lines in listed.items() if not lines] == []
    assert [line for lines in listed.values() for line in lines if line.endswith("...")] == []


def test_the_page_has_every_exit_status() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.MULTILINE))
    assert {str(status) for status in errors.STATUSES.values()} | {"0", "1", str(errors.INTERRUPTED)} == set(rows)


def test_the_page_lists_each_problem_with_a_status_of_its_own() -> None:
    rows = re.findall(r"^\| (\d+) \| (`[^:]+`): .+ \|$", PAGE, re.MULTILINE)
    assert {
        name: int(status) for status, names in rows for name in re.findall(r"`([a-z-]+)`", names)
    } == errors.STATUSES
