"""`skycam tokens`: API tokens, which programs use instead of a password."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command, DurationParam
from skycam_project.cli.output import format_time, print_line, print_result
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.station import current
from skycam_project.cli.users import find_user

if TYPE_CHECKING:
    from skycam_project.access.models import User
    from skycam_project.cli.identity import Caller

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
def add(label: str, owner: str | None, scope: str | None, life: float | None) -> None:
    """Create a token and show it once. NAME says what will use it.

    Example: skycam tokens add "backup script" --user anna --scope viewer --life 90d
    """
    caller = current().authorize("viewer")
    from core.resources.answers import body_of
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
