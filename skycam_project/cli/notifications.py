"""`skycam notifications`: the channels over which people are told of alerts, their routes, and what was sent."""

from __future__ import annotations

from typing import Any

import click

from skycam_project.cli.errors import FAILED
from skycam_project.cli.options import Command, given
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

STATES = ["pending", "sent", "failed", "cancelled"]

notifications = ResourceGroup(
    "notifications",
    "Notification channels and routes: who is told of alerts.",
    "monitoring.notifications.resource.CHANNELS",
    "monitoring.notifications.resource.ROUTES",
)


@notifications.command("test", cls=Command)
@click.argument("name")
def test(name: str) -> int:
    """Send a real message over the channel NAME."""
    caller = current().authorize("manager")
    from core.resources.fields import body_of
    from monitoring.notifications.resource import CHANNELS, NotificationBody
    from monitoring.notifications.services import send_test
    from skycam_project.cli.resources import find_row

    body = body_of(NotificationBody, send_test(find_row(CHANNELS, caller, name), caller.actor))
    sent = body["state"] == "sent"
    said = f"{name} accepted the test. See whether it has arrived." if sent else f"The test failed. {body['error']}"
    print_result(body, lambda _: print_line(said))
    return 0 if sent else FAILED


@notifications.command("sent")
@click.option("--channel", help="Only those of this channel.")
@shared_option("--state", "Only notifications in this state.", type=click.Choice(STATES))
@shared_option("--limit", "Maximum number.")
def list_sent(channel: str | None, state: str | None, limit: int) -> None:
    """List what was sent, waits or failed, newest first.

    Example: skycam notifications sent --state failed
    """
    caller = current().authorize("manager")
    from core.resources.fields import body_of
    from monitoring.notifications.resource import CHANNELS, NotificationBody
    from monitoring.notifications.selectors import notifications_for
    from skycam_project.cli.resources import find_row

    of_channel = find_row(CHANNELS, caller, channel).pk if channel is not None else None
    found = list(notifications_for(caller.user).filter(**given(state=state, channel=of_channel))[:limit])
    names = {str(row.channel_id): row.channel.name for row in found}
    print_result({"results": [body_of(NotificationBody, row) for row in found]}, lambda body: print_sent(body, names))


def print_sent(body: dict[str, Any], names: dict[str, str]) -> None:
    if not body["results"]:
        print_line("Nothing was sent yet.")
        return
    rows = [
        [names[one["channel"]], one["kind"], one["state"], one["tries"], format_time(one["created"]), one["error"]]
        for one in body["results"]
    ]
    print_table(make_table(["channel", "kind", "state", "attempts", "since", "error"], rows))
