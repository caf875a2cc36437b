"""`skycam hosts`: the machines of the station."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.ids import find_by_id
from skycam_project.cli.options import Command, Group
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.models import HostInvitation

STDIN = "-"


@click.group(cls=Group)
def hosts() -> None:
    """List the machines of the station; invite, drain and retire them."""


@hosts.command("invite")
@click.argument("name")
@click.option("--url", default="", metavar="URL", help="Where the new machine reaches this one's pages.")
@click.option(
    "--database-url",
    default="",
    metavar="URL",
    help="What the new machine uses instead of DATABASE_URL; - reads stdin.",
)
@click.option(
    "--redis-url", default="", metavar="URL", help="What the new machine uses instead of REDIS_URL; - reads stdin."
)
@click.option("--again", is_flag=True, help="NAME is that of a known host, whose place the machine takes.")
def invite(name: str, url: str, database_url: str, redis_url: str, again: bool) -> None:
    """Write one line with which a new machine joins the station as the camera host NAME.

    Run the line on that machine. It works once, for an hour.

    Example: skycam hosts invite roof
    """
    caller = current().authorize("manager")
    from core import database_clock
    from skycam_project.hosts.invitations import invite_host, new_invitation_body
    from skycam_project.hosts.requests import InvitationRequest

    # Every user of the machine can read command lines, and a URL may have a password.
    database, broker = (sys.stdin.readline().strip() if one == STDIN else one for one in (database_url, redis_url))
    wanted = InvitationRequest(name=name, url=url, database_url=database, redis_url=broker, again=again)
    invitation, line = invite_host(wanted, caller.actor)
    print_result(dict(new_invitation_body(invitation, line, database_clock.read_now())), print_invitation)


@hosts.command("invitations")
def list_invitations() -> None:
    """List the invitations, the newest first."""
    current().authorize("manager")
    from core import database_clock
    from skycam_project.hosts.invitations import invitation_body, invitations

    now = database_clock.read_now()
    print_result({"results": [dict(invitation_body(one, now)) for one in invitations()]}, print_invitations)


@hosts.command("withdraw", cls=Command)
@click.argument("name", metavar="NAME_OR_ID")
def withdraw(name: str) -> None:
    """Withdraw an open invitation, so that no machine joins with its line."""
    caller = current().authorize("manager")
    from core import database_clock
    from skycam_project.hosts.invitations import invitation_body, withdraw_invitation

    withdrawn = withdraw_invitation(find_invitation(name), caller.actor)
    said = f"The invitation of {withdrawn.name} is withdrawn."
    print_result(dict(invitation_body(withdrawn, database_clock.read_now())), lambda _: print_line(said))


def find_invitation(text: str) -> HostInvitation:
    """The open invitation of a name, or one by the first characters of its id. CliError."""
    from cameras.models import HostInvitation

    named = HostInvitation.objects.filter(name=text, used_at=None, withdrawn_at=None).first()
    return named or find_by_id(HostInvitation.objects.all(), text, "invitation", "skycam hosts invitations")


def print_invitation(body: dict[str, Any]) -> None:
    print_line(f"Run this on the machine that becomes the host {body['name']}, before {format_time(body['expires'])}:")
    # Alone on its line, and on stdout, so that it can be copied or piped.
    print_line(f"skycam join {body['line']}")


def print_invitations(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No invitations.")
        return
    rows = [
        [one["name"], one["state"], format_time(one["expires"]), one["created_by"], one["used_by"], one["id"]]
        for one in body["results"]
    ]
    print_table(make_table(["name", "state", "until", "by", "used by", "id"], rows))
