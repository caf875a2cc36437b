"""`skycam config`: the configuration in effect, the origin of its values, its problems, and its files. `apply` and
`export` read and write the station's rows and settings as a YAML file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import FAILED, CliError, database
from skycam_project.cli.local_files import refuse_existing
from skycam_project.cli.options import Command, Group
from skycam_project.cli.output import make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.privileges import privileged_caller, require_privileged_operation
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from skycam_project.provisioning.rows import FieldBody, NotAppliedBody, RowsBody

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SIGNS = (("added", "+"), ("changed", "~"))


@click.command("apply", cls=Command)
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--prune", is_flag=True, help="Also remove rows that are not in a list of the file.")
@shared_option("--dry-run", "Only show the plan.")
@shared_option("--yes", "Apply the plan without asking.")
@require_privileged_operation
def apply_file(path: Path, prune: bool, dry_run: bool, confirmed: bool) -> int:
    """Bring the station to the configuration in FILE.

    It first shows the plan, and asks. All changes are made together, or none.

    Example: skycam config apply skycam.yaml --dry-run
    """
    caller = privileged_caller()
    from skycam_project.config.manager import read_config_file
    from skycam_project.provisioning.service import PlanOutdated, Provisioning

    provisioning = Provisioning(read_config_file(path), caller.user, caller.actor, prune=prune)
    plan = provisioning.plan()
    body, is_asked = plan.body(), False
    if plan.has_changes and not dry_run and not confirmed:
        is_asked = confirm(body)
    if plan.has_changes and not dry_run:
        try:
            provisioning.apply(plan)
        except PlanOutdated as error:
            raise CliError("failed", f"{error} Run the command again to see the new plan.") from None
    applied = plan.has_changes and not dry_run
    result = {"file": str(path), "applied": applied, **body}
    print_result(result, print_applied if is_asked else print_plan)
    return FAILED if body["cameras"]["blocked"] else 0


def confirm(body: dict[str, Any]) -> bool:
    """Show the plan and ask. CliError where no one can answer; Abort for a no."""
    if current().output == "json" or not sys.stdin.isatty():
        raise CliError(
            "invalid", "Nothing was applied: no one can be asked here. Look at the plan with --dry-run, then add --yes."
        )
    print_plan({**body, "applied": False})
    click.confirm("Apply this?", abort=True, err=True)
    return True


def print_plan(body: dict[str, Any]) -> None:
    from skycam_project.config.lists import singular

    for name in lists_in(body):
        print_rows(singular(name), body[name])
    for change in body["settings"]:
        print_line(f"~ {field_text(change)}")
    for message, found in by_message(body["not_applied"]).items():
        print_line(f"! Not applied, {message}: {', '.join(map(field_text, found))}.", err=True)
    print_line(summary(body))
    if body["applied"]:
        print_line("Applied.")


def lists_in(body: Mapping[str, Any]) -> list[str]:
    """The lists in the body of a plan."""
    return [name for name, part in body.items() if isinstance(part, dict)]


def print_applied(_body: dict[str, Any]) -> None:
    """After a plan that was shown and confirmed."""
    print_line("Applied.")


def print_rows(kind: str, rows: RowsBody) -> None:
    for name in rows["removed"]:
        print_line(f"- {kind} {name}")
    for one in rows["blocked"]:
        print_line(f"! {kind} {one['name']} cannot be removed now and stays: {one['message']}", err=True)
    for group, sign in SIGNS:
        for change in rows[group]:  # type: ignore[literal-required]
            print_line(f"{sign} {kind} {change['name']}")
            for field in change["fields"]:
                if group == "changed" or field["new"] is not None:
                    print_line(f"    {field_text(field)}")
    if rows["kept"]:
        print_line(f"  not in the file, and kept: {kind} {', '.join(rows['kept'])} (--prune removes)")


def by_message(found: list[NotAppliedBody]) -> dict[str, list[NotAppliedBody]]:
    groups: dict[str, list[NotAppliedBody]] = {}
    for one in found:
        groups.setdefault(one["message"], []).append(one)
    return groups


def field_text(change: FieldBody | NotAppliedBody) -> str:
    before = "" if change["old"] is None else f"{value_text(change['old'])} -> "
    return f"{change['field']}: {before}{value_text(change['new'])}"


def value_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {value_text(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(value_text, value)) or "none"
    return "none" if value in (None, "") else str(value)


def summary(body: Mapping[str, Any]) -> str:
    rows = [body[name] for name in lists_in(body)]
    added, removed = (sum(len(one[name]) for one in rows) for name in ("added", "removed"))
    changed = sum(len(one["changed"]) for one in rows) + len(body["settings"])
    if not (added or changed or removed):
        return "Nothing to do."
    return f"{added} to add, {changed} to change, {removed} to remove."


@click.command("export", cls=Command)
@shared_option("--to", "File; stdout by default.", type=click.Path(dir_okay=False, path_type=Path))
@shared_option("--force", "Overwrite an existing file.")
@require_privileged_operation
def export_file(to: Path | None, force: bool) -> None:
    """Write the configuration of the station as YAML.

    Secrets become ${NAME}; the names are listed on stderr. `skycam config apply` reads the file.

    Example: skycam config export -o skycam.yaml
    """
    caller = privileged_caller()
    from skycam_project.config.writing import write_text
    from skycam_project.provisioning.service import export_configuration

    if to is not None:
        refuse_existing(to, force=force)
    text, variables, left_out = export_configuration(caller.user)
    if to is not None:
        try:
            write_text(text, to)
        except OSError as error:
            raise CliError("failed", f"{to} cannot be written: {error.strerror}.") from None
    body = {"path": str(to) if to else None, "yaml": None if to else text, "variables": variables, "left_out": left_out}
    print_result(body, print_export)


def print_export(body: dict[str, Any]) -> None:
    if body["yaml"] is not None:
        # Not by `print_line`, which replaces line breaks. YAML escapes control characters itself.
        click.echo(body["yaml"], nl=False)
    if body["variables"]:
        names = ", ".join(body["variables"])
        print_warnings([f"Secrets are not written. Where the file is used, set these variables: {names}"])
    if body["left_out"]:
        print_warnings([f"Not written, because their cameras were removed: schedule {', '.join(body['left_out'])}"])


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
