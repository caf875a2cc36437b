"""`skycam users`: the station's users and their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Group
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from skycam_project.access.models import User

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


@click.group(cls=Group)
def users() -> None:
    """List, add, change and remove users."""


@users.command("list")
def list_users() -> None:
    """List the users of the station."""
    current().authorize("manager")
    from skycam_project.access.models import User

    print_result({"results": [user_body(user) for user in User.objects.order_by("username")]}, print_users)


@users.command("add")
@click.argument("name")
@click.option("--role", type=ROLES, required=True, help="Role of the user.")
@password_option
def add(name: str, role: str, password: str | None) -> None:
    """Add the user NAME. Without --password, a password is generated and shown once."""
    caller = current().authorize("manager")
    from skycam_project.access import accounts

    user, generated = accounts.add_user(name, role, password, actor=caller.actor)
    print_result(with_password(user, generated), lambda body: print_user(body, "Added"))


@users.command("set")
@click.argument("name")
@click.option("--role", type=ROLES, help="New role of the user.")
@password_option
@click.option("--reset-password", is_flag=True, help="Generate a new password and show it once.")
def change(name: str, role: str | None, password: str | None, reset_password: bool) -> None:
    """Change the role or the password of the user NAME. A new password ends the user's sign-ins and tokens."""
    if password is not None and reset_password:
        raise CliError("invalid", "Give --password or --reset-password, not both.")
    if role is None and password is None and not reset_password:
        raise CliError("invalid", "No change was given: use --role, --password or --reset-password.")
    caller = current().authorize("manager")
    from skycam_project.access import accounts

    changed = accounts.change_user(
        find_user(name), role=role, password=password, reset=reset_password, actor=caller.actor
    )
    body = {**with_password(changed.user, changed.password), "tokens_revoked": changed.revoked}
    print_result(body, lambda body: print_user(body, "Changed"))


@users.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Remove the user NAME and all tokens of this user."""
    caller = current().authorize("manager")
    from skycam_project.access import accounts

    user = find_user(name)
    body = user_body(user)
    accounts.remove_user(user, actor=caller.actor)
    print_result(body, lambda body: print_line(f"Removed {body['name']}."))


def find_user(name: str) -> User:
    from skycam_project.access.models import User

    user = User.objects.filter(username=name).first()
    if user is None:
        raise CliError("not-found", f"There is no user {name}. `skycam users list` lists all.")
    return user


def user_body(user: User) -> dict[str, Any]:
    return {"name": user.username, "role": user.role, "active": user.is_active, "last_login": user.last_login}


def with_password(user: User, generated: str | None) -> dict[str, Any]:
    return {**user_body(user), **({"password": generated} if generated else {})}


def print_users(body: dict[str, Any]) -> None:
    rows = [[user["name"], user["role"], user["active"], format_time(user["last_login"])] for user in body["results"]]
    print_table(make_table(["name", "role", "active", "last sign-in"], rows))


def print_user(body: dict[str, Any], verb: str) -> None:
    print_line(f"{verb} {body['name']}, role {body['role']}.")
    if "password" in body:
        print_line(f"Password: {body['password']}  (shown only now)")
    if revoked := body.get("tokens_revoked"):
        print_line(f"Revoked tokens: {revoked}.")
