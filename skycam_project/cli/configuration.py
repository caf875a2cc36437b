"""`skycam config`: the configuration in effect, the origin of its values, its problems, and its files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from skycam_project.cli.config_files import apply_file, export_file
from skycam_project.cli.errors import FAILED, CliError, database
from skycam_project.cli.options import Group
from skycam_project.cli.output import make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.station import current


@click.group(cls=Group)
def config() -> None:
    """Show, check, apply and export the configuration."""


@config.command("show")
def show_config() -> None:
    """Show every key with its value and where it was set. Secrets are redacted.

    Values from the Settings page are marked `page`.
    """
    from skycam_project.config import ConfigManager
    from skycam_project.config.writing import nest_keys

    manager = ConfigManager(current().config_path, create=False)
    # After the configuration: its problems are reported before Django is set up with it.
    on_page = set_on_the_page()

    def print_configuration(body: dict[str, Any]) -> None:
        rows = [
            [".".join(key), value, marked(key, "page" if key in on_page else manager.origin(key))]
            for key, value in leaves(body)
        ]
        print_table(make_table(["key", "value", "from"], rows))

    print_result(nest_keys({**dict(leaves(manager.show())), **on_page}), print_configuration)


def marked(key: tuple[str, ...], origin: str) -> str:
    """Where a value was set, and whether the key is reserved."""
    from skycam_project.config.model import key_option

    return f"{origin} (reserved, no effect yet)" if key_option(key, "reserved") else origin


def set_on_the_page() -> dict[tuple[str, ...], Any]:
    """The values of the Settings page that are in effect. Empty, with a warning, while the database does not answer."""
    try:
        current().set_up_django()
    except CliError:
        return {}  # there is no database yet
    from django.db import Error

    from skycam_project.station_settings import values_from_page

    try:
        return values_from_page()
    except Error as error:
        print_warnings([f"Values that were set on the Settings page are not shown: {database(error)}"])
        return {}


def leaves(branch: dict[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in branch.items():
        if isinstance(value, dict):
            yield from leaves(value, (*prefix, name))
        else:
            yield (*prefix, name), value


@config.command("set")
@click.argument("key")
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Remove the value, so that the file's or the default applies again.")
def set_key(key: str, value: str | None, unset: bool) -> None:
    """Set KEY to VALUE while the station runs, as on the Settings page.

    KEY is one of the page, such as camera_config.crf. `skycam settings site` sets the site. All parts apply the change
    within two seconds.
    """
    if unset == (value is not None):
        raise CliError("invalid", "Give a value, or --unset.")
    caller = current().authorize("manager")
    from skycam_project.config.layers import from_text
    from skycam_project.config.model import KEYS
    from skycam_project.station_settings import all_settings, change_settings

    name = tuple(key.split("."))
    # An unknown key goes on to the service, which refuses it with a sentence.
    given = from_text(name, value) if value is not None and name in KEYS else value
    change_settings({key: given}, caller.actor)
    (found,) = [dict(body) for body in all_settings() if body["key"] == key]
    print_result(found, lambda body: print_line(f"{body['key']} is {body['value']} ({body['origin']})."))


@config.command("check")
def check() -> int:
    """Check the YAML file, .env and the environment for problems.

    It creates no data folder.
    """
    from skycam_project.config import ConfigError, ConfigManager, NoStation

    problems: list[str] = []
    warnings: list[str] = []
    try:
        warnings += ConfigManager(current().config_path, create=False).config.warnings
    # The configuration is valid: checking it is allowed before the first start.
    except NoStation as error:
        warnings += error.problems
    except ConfigError as error:
        problems += error.problems
    print_result({"ok": not problems, "problems": problems, "warnings": warnings}, print_check)
    return FAILED if problems else 0


def print_check(body: dict[str, Any]) -> None:
    print_warnings(body["warnings"])
    for problem in body["problems"]:
        print_line(problem, err=True)
    if body["ok"]:
        print_line("The configuration is valid.")


config.add_command(apply_file)
config.add_command(export_file)
