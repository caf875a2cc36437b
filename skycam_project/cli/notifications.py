"""`skycam notifications`: the channels over which people are told of alerts; `skycam webhooks`: addresses outside of
the station that get its events. Both with their tests and deliveries."""

from __future__ import annotations

from typing import Any

import click

from skycam_project.cli.errors import FAILED
from skycam_project.cli.ids import find_by_id
from skycam_project.cli.options import Command, given
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.shared_options import shared_option
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
def test_channel(name: str) -> int:
    """Send a real message over the channel NAME.

    The command itself sends it, so it also works while the station is stopped.
    """
    caller = current().authorize("manager")
    from core.resources.resource import body_of
    from monitoring.notifications.resource import CHANNELS, NotificationBody
    from monitoring.notifications.services import send_test
    from skycam_project.cli.resources import find_row

    body = body_of(NotificationBody, send_test(find_row(CHANNELS, caller, name), caller.actor))
    sent = body["state"] == "sent"
    said = f"{name} accepted the test. See whether it has arrived." if sent else f"The test failed. {body['error']}"
    print_result(body, lambda _: print_line(said))
    return 0 if sent else FAILED


STATES = ["pending", "delivered", "failed", "cancelled"]

webhooks = ResourceGroup(
    "webhooks", "List, add, test and remove web-hooks; replay deliveries.", "monitoring.webhooks.resource.WEBHOOKS"
)


@webhooks.command("test", cls=Command)
@click.argument("name")
def test_webhook(name: str) -> int:
    """Send a test to the web-hook NAME alone, and show the answer.

    The command itself sends it, so it also works while the station is stopped.
    """
    caller = current().authorize("manager")
    from core.resources.resource import body_of
    from monitoring.webhooks.resource import WEBHOOKS, DeliveryDetailBody
    from monitoring.webhooks.services import send_test
    from skycam_project.cli.resources import find_row

    body = body_of(DeliveryDetailBody, send_test(find_row(WEBHOOKS, caller, name), caller.actor))
    print_result(body, print_attempt)
    return 0 if body["state"] == "delivered" else FAILED


@webhooks.command("deliveries")
@click.argument("name")
@shared_option("--state", "Only deliveries in this state.", type=click.Choice(STATES))
@shared_option("--limit", "Maximum number.")
def list_deliveries(name: str, state: str | None, limit: int) -> None:
    """List the deliveries of the web-hook NAME, newest first.

    Example: skycam webhooks deliveries lab --state failed
    """
    caller = current().authorize("manager")
    from core.resources.resource import body_of
    from monitoring.webhooks.resource import WEBHOOKS, DeliveryBody
    from monitoring.webhooks.selectors import deliveries_of
    from skycam_project.cli.resources import find_row

    found = deliveries_of(find_row(WEBHOOKS, caller, name)).filter(**given(state=state))[:limit]
    print_result({"results": [body_of(DeliveryBody, delivery) for delivery in found]}, print_deliveries)


@webhooks.command("replay")
@click.argument("name")
@click.argument("delivery_id", metavar="DELIVERY")
def replay(name: str, delivery_id: str) -> None:
    """Send a delivery again, also one that was delivered. The first characters of its id are enough."""
    caller = current().authorize("manager")
    from core.resources.resource import body_of
    from monitoring.webhooks.resource import WEBHOOKS, DeliveryBody
    from monitoring.webhooks.selectors import deliveries_of
    from monitoring.webhooks.services import replay_delivery
    from skycam_project.cli.resources import find_row

    found = deliveries_of(find_row(WEBHOOKS, caller, name))
    replayed = replay_delivery(find_by_id(found, delivery_id, "delivery", "skycam webhooks deliveries"), caller.actor)
    print_result(body_of(DeliveryBody, replayed), lambda body: print_line(f"The delivery {body['id']} is sent again."))


def print_attempt(body: dict[str, Any]) -> None:
    attempt = body["attempts"][0]
    took = f" in {attempt['duration_s']:.2f} s" if attempt["duration_s"] is not None else ""
    print_line(attempt["error"] or f"The receiver answered {attempt['status']}{took}.")
    if attempt["answer"]:
        print_line(attempt["answer"])


def print_deliveries(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No deliveries.")
        return
    rows = [
        [one["id"], one["kind"], one["state"], one["tries"], format_time(one["created"]), one["error"]]
        for one in body["results"]
    ]
    print_table(make_table(["id", "kind", "state", "attempts", "created", "error"], rows))
