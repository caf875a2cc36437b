"""`skycam tokens`: API tokens, which programs use instead of a password."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import DurationParam, Group
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.station import current
from skycam_project.cli.users import find_user

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from skycam_project.access.models import ApiToken, User
    from skycam_project.cli.identity import Caller

SCOPES = click.Choice(["viewer", "operator", "manager"])
LEAST_LIFE_S, LONGEST_LIFE_S = 60, 730 * 86_400


@click.group(cls=Group)
def tokens() -> None:
    """List, create and revoke API tokens."""


@tokens.command("list")
@click.option("--user", "name", metavar="NAME", help="Only this user.")
def list_tokens(name: str | None) -> None:
    """List your tokens; managers see those of all users. Only a hash of each token is stored.

    Example: skycam tokens list --user anna
    """
    caller = current().authorize("viewer")
    from skycam_project.access.serializers import known_token_body

    found = visible_tokens(caller)
    if name is not None:
        # Only managers learn whether a user exists.
        found = found.filter(user=find_user(name)) if caller.user.may("manager") else found.filter(user__username=name)
    print_result({"results": [dict(known_token_body(token)) for token in found]}, print_tokens)


@tokens.command("add")
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
    from core.times.timestamps import stamp
    from skycam_project.access.models import DEFAULT_LIFE
    from skycam_project.access.services import issue_token

    lasts = DEFAULT_LIFE if life is None else timedelta(seconds=life)
    token, text = issue_token(token_owner(caller, owner), name=label, scope=scope, life=lasts, actor=caller.actor)
    body = {"id": token.pk, "name": token.name, "user": token.user.username, "token": text, "scope": token.scope}
    print_result({**body, "expires": stamp(token.expires_at)}, print_made)


@tokens.command("revoke")
@click.argument("token_id", metavar="ID", type=int)
def revoke(token_id: int) -> None:
    """Revoke the token ID. It stops working at once.

    Example: skycam tokens revoke 3
    """
    caller = current().authorize("viewer")
    from skycam_project.access.serializers import known_token_body
    from skycam_project.access.services import revoke_token

    token = visible_tokens(caller).filter(pk=token_id).first()
    if token is None:
        raise CliError("not-found", f"There is no token {token_id}. `skycam tokens list` lists all.")
    body = dict(known_token_body(token))
    revoke_token(token, actor=caller.actor)
    print_result(body, lambda body: print_line(f"Revoked the token {body['name']} of {body['user']}."))


def visible_tokens(caller: Caller) -> QuerySet[ApiToken]:
    from skycam_project.access.services import list_tokens

    return list_tokens(None if caller.user.may("manager") else caller.user)


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
    return find_user(name)


def print_tokens(body: dict[str, Any]) -> None:
    columns = ["id", "user", "name", "scope", "expires", "last used"]
    rows = [
        [
            one["id"],
            one["user"],
            one["name"],
            one["scope"],
            day(one["expires"]),
            format_time(one["last_used"]) or "never",
        ]
        for one in body["results"]
    ]
    print_table(make_table(columns, rows))


def day(at: str) -> str:
    return format_time(at)[:10]


def print_made(body: dict[str, Any]) -> None:
    print_line(f"Created the token {body['name']} of {body['user']}, {body['scope']}, until {day(body['expires'])}.")
    print_line(f"Token: {body['token']}  (shown only now)")
