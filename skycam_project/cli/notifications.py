"""`skycam notifications`: the channels over which people are told of alerts, their routes, and what was sent."""

from __future__ import annotations

import click

from skycam_project.cli.errors import FAILED
from skycam_project.cli.options import Command
from skycam_project.cli.output import print_line, print_result
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.station import current

notifications = ResourceGroup(
    "notifications",
    "Notification channels and routes: who is told of alerts.",
    "monitoring.notifications.resource.CHANNELS",
    "monitoring.notifications.resource.ROUTES",
    "monitoring.notifications.resource.NOTIFICATIONS",
)


@notifications.command("test", cls=Command)
@click.argument("name")
def test(name: str) -> int:
    """Send a real message over the channel NAME.

    The command itself sends it, so it also works while the station is stopped.
    """
    caller = current().authorize("manager")
    from core.resources.answers import body_of
    from monitoring.notifications.resource import CHANNELS, NotificationBody
    from monitoring.notifications.services import send_test
    from skycam_project.cli.resources import find_row

    body = body_of(NotificationBody, send_test(find_row(CHANNELS, caller, name), caller.actor))
    sent = body["state"] == "sent"
    said = f"{name} accepted the test. See whether it has arrived." if sent else f"The test failed. {body['error']}"
    print_result(body, lambda _: print_line(said))
    return 0 if sent else FAILED
