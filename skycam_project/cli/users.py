"""`skycam users`: the station's users and their roles; `skycam tokens`: API tokens, which programs use instead of a
password."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command, DurationParam
from skycam_project.cli.output import format_time, print_line, print_result
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
def add_user(name: str, role: str, password: str | None) -> None:
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
    from core.resources.resource import body_of
    from skycam_project.access.resource import UserBody

    return {**body_of(UserBody, user), **({"password": generated} if generated else {})}


def print_user(body: dict[str, Any], verb: str) -> None:
    print_line(f"{verb} {body['name']}, role {body['role']}.")
    if "password" in body:
        print_line(f"Password: {body['password']}  (shown only now)")
    if revoked := body.get("tokens_revoked"):
        print_line(f"Revoked tokens: {revoked}.")


SCOPES = click.Choice(["viewer", "operator", "manager"])
LEAST_LIFE_S, LONGEST_LIFE_S = 60, 730 * 86_400


tokens = ResourceGroup("tokens", "List, create and revoke API tokens.", "skycam_project.access.resource.TOKENS")


@tokens.command("list", cls=Command)
@click.option("--user", "name", metavar="NAME", help="Only this user.")
def list_tokens(name: str | None) -> None:
    """List your tokens; managers see those of all users. Only a hash of each token is stored.

    Example: skycam tokens list --user anna
    """
    caller = current().authorize("viewer")
    from skycam_project.access.resource import TOKENS, TokenQuery
    from skycam_project.cli.resources import print_rows

    if name is not None and caller.user.may("manager"):
        # Only managers learn whether a user exists.
        find_user(caller, name)
    bodies = TOKENS.bodies(TokenQuery(user=name).filtered(TOKENS.all_rows(caller.user), caller.user), caller.user)
    print_result({"results": bodies}, lambda _: print_rows(TOKENS, caller, bodies))


@tokens.command("add", cls=Command)
@click.argument("label", metavar="NAME")
@click.option(
    "--user", "owner", metavar="USER", help="Owner of the token; you by default. Managers can create tokens for anyone."
)
@click.option("--scope", type=SCOPES, help="Maximum role of the token; its user's role by default.")
@click.option(
    "--life",
    type=DurationParam(LEAST_LIFE_S, LONGEST_LIFE_S),
    help="Lifetime, such as 90 d; one year by default, at most two.",
)
def add_token(label: str, owner: str | None, scope: str | None, life: float | None) -> None:
    """Create a token and show it once. NAME says what will use it.

    Example: skycam tokens add "backup script" --user anna --scope viewer --life 90d
    """
    caller = current().authorize("viewer")
    from core.resources.resource import body_of
    from skycam_project.access.models import DEFAULT_LIFE
    from skycam_project.access.resource import NewTokenBody
    from skycam_project.access.services import issue_token

    lasts = DEFAULT_LIFE if life is None else timedelta(seconds=life)
    token, _ = issue_token(token_owner(caller, owner), name=label, scope=scope, life=lasts, actor=caller.actor)
    print_result(body_of(NewTokenBody, token), print_made)


def token_owner(caller: Caller, name: str | None) -> User:
    """The user that the token is created for. CliError when the caller may not create it for that user, or is no user
    of the station and names none."""
    from skycam_project.access.models import User

    if name is None:
        if not isinstance(caller.user, User):
            raise CliError("invalid", "Name the token's owner with `--user NAME`; `skycam users list` lists the names.")
        return caller.user
    if not caller.user.may("manager") and name != caller.user.username:
        raise CliError("forbidden", "Only managers can create tokens for others. Omit --user to create your own.")
    return find_user(caller, name)


def day(at: str) -> str:
    return format_time(at)[:10]


def print_made(body: dict[str, Any]) -> None:
    print_line(f"Created the token {body['name']} of {body['user']}, {body['scope']}, until {day(body['expires'])}.")
    print_line(f"Token: {body['token']}  (shown only now)")
