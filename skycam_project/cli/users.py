"""`skycam users`: the station's users and their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import print_line, print_result
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from skycam_project.access.models import User
    from skycam_project.cli.identity import Caller

ROLES = click.Choice(["viewer", "operator", "manager", "none"])
# The value may be left out, because every user of the machine can read command lines.
password_option = click.option(
    "--password",
    prompt=True,
    prompt_required=False,
    hide_input=True,
    confirmation_prompt=True,
    help="The password; prompts if no value is given.",
)


users = ResourceGroup("users", "List, add, change and remove users.", "skycam_project.access.resource.USERS")


@users.command("add", cls=Command)
@click.argument("name")
@click.option("--role", type=ROLES, required=True, help="Role of the user.")
@password_option
def add(name: str, role: str, password: str | None) -> None:
    """Add the user NAME. Without --password, a password is generated and shown once."""
    caller = current().authorize("manager")
    from skycam_project.access import accounts

    user, generated = accounts.add_user(name, role, password, actor=caller.actor)
    print_result(with_password(user, generated), lambda body: print_user(body, "Added"))


@users.command("set", cls=Command)
@click.argument("name")
@click.option("--role", type=ROLES, help="New role of the user.")
@password_option
@click.option("--reset-password", is_flag=True, help="Generate a new password and show it once.")
def change(name: str, role: str | None, password: str | None, reset_password: bool) -> None:
    """Change the role or the password of the user NAME. A new password ends the user's sign-ins and tokens.

    A new role applies from the user's next request.
    """
    if password is not None and reset_password:
        raise CliError("invalid", "Give --password or --reset-password, not both.")
    if role is None and password is None and not reset_password:
        raise CliError("invalid", "No change was given: use --role, --password or --reset-password.")
    caller = current().authorize("manager")
    from skycam_project.access import accounts

    changed = accounts.change_user(
        find_user(caller, name), role=role, password=password, reset=reset_password, actor=caller.actor
    )
    body = {**with_password(changed.user, changed.password), "tokens_revoked": changed.revoked}
    print_result(body, lambda body: print_user(body, "Changed"))


def find_user(caller: Caller, name: str) -> User:
    """One that the caller may see. CliError."""
    from skycam_project.access.resource import USERS
    from skycam_project.cli.resources import find_row

    found: User = find_row(USERS, caller, name)
    return found


def with_password(user: User, generated: str | None) -> dict[str, Any]:
    from core.resources.answers import body_of
    from skycam_project.access.resource import UserBody

    return {**body_of(UserBody, user), **({"password": generated} if generated else {})}


def print_user(body: dict[str, Any], verb: str) -> None:
    print_line(f"{verb} {body['name']}, role {body['role']}.")
    if "password" in body:
        print_line(f"Password: {body['password']}  (shown only now)")
    if revoked := body.get("tokens_revoked"):
        print_line(f"Revoked tokens: {revoked}.")
