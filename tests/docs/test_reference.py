"""What `make docs` writes. That the documents have it is a part of `make check`."""

from __future__ import annotations

import click
import pytest

from skycam_project.cli.root import cli
from tests.harness.documents.reference.commands import commands, section
from tests.harness.documents.reference.markdown import with_part

PAGE = "# Page\n\n<!-- made by: make docs (one) -->\n\nold\n\n<!-- end -->\n\nBy hand.\n"


def test_a_part_replaces_what_stands_between_its_comments() -> None:
    assert with_part(PAGE, "one", "new") == PAGE.replace("old", "new")


def test_a_part_without_comments_is_refused() -> None:
    with pytest.raises(ValueError, match="no part two"):
        with_part(PAGE, "two", "new")


def of_command(path: str) -> list[str]:
    found: dict[str, click.Command] = dict(commands(cli, "skycam"))
    return section(path, found[path], {}).split("\n\n")


def test_a_command_has_its_arguments_role_example_and_options() -> None:
    assert of_command("skycam jobs show") == [
        "### `skycam jobs show`",
        "    skycam jobs show ID",
        "Show the job ID, with its result. The first characters of an id are enough. Role: viewer.",
    ]
    assert "- `--over` Take it over from its holder, who is notified." in of_command("skycam take")[-1]


def test_a_derived_command_has_the_role_of_its_operation() -> None:
    assert of_command("skycam silences end")[2].endswith("Role: operator.")


def test_a_command_for_the_whole_host_needs_no_role() -> None:
    assert of_command("skycam backup list")[1].endswith("Operates on the whole host.")
