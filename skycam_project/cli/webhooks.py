"""`skycam webhooks`: addresses outside of the station that get its events, and their deliveries."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.ids import find_by_id
from skycam_project.cli.options import Command, Group, given
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from monitoring.models import Webhook
    from skycam_project.cli.identity import Caller

STATES = ["pending", "delivered", "failed", "cancelled"]
STDIN = "-"


@click.group(cls=Group)
def webhooks() -> None:
    """List, add, test and remove web-hooks; replay deliveries."""


@webhooks.command("list")
def list_webhooks() -> None:
    """List the web-hooks with the state of their last delivery."""
    caller = current().authorize("manager")
    from monitoring.webhooks.bodies import webhook_body
    from monitoring.webhooks.selectors import statuses_of, webhooks_for

    found = statuses_of(webhooks_for(caller.user))
    print_result({"results": [dict(webhook_body(status)) for status in found]}, print_webhooks)


@webhooks.command("add")
@click.argument("name")
@click.argument("url", metavar="URL")
@shared_option(
    "--kind", "A kind such as alert.opened or session.*; * is all.", into="kinds", multiple=True, required=True
)
@shared_option("--disabled", "Add it switched off.")
def add(name: str, url: str, kinds: tuple[str, ...], disabled: bool) -> None:
    """Add a web-hook and show its secret once. With - the URL is read from stdin.

    Example: skycam webhooks add lab https://lab.example.org/hook --kind 'session.*'
    """
    caller = current().authorize("manager")
    from monitoring.webhooks.bodies import new_webhook_body
    from monitoring.webhooks.requests import WebhookRequest
    from monitoring.webhooks.services import add_webhook

    # Every user of the machine can read command lines, and an address may have a token.
    address = sys.stdin.readline() if url == STDIN else url
    wanted = WebhookRequest(name=name, url=address, kinds=list(kinds), enabled=not disabled)
    webhook, secret = add_webhook(wanted, caller.actor)
    print_result(dict(new_webhook_body(webhook, secret)), print_added)


@webhooks.command("test", cls=Command)
@click.argument("name")
def test(name: str) -> int:
    """Send a test to the web-hook NAME alone, and show the answer."""
    caller = current().authorize("manager")
    from monitoring.webhooks.bodies import delivery_detail_body
    from monitoring.webhooks.services import send_test

    body = dict(delivery_detail_body(send_test(find_webhook(caller, name), caller.actor)))
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
    from monitoring.webhooks.bodies import delivery_body
    from monitoring.webhooks.selectors import deliveries_of

    found = deliveries_of(find_webhook(caller, name)).filter(**given(state=state))[:limit]
    print_result({"results": [dict(delivery_body(delivery)) for delivery in found]}, print_deliveries)


@webhooks.command("replay")
@click.argument("name")
@click.argument("delivery_id", metavar="DELIVERY")
def replay(name: str, delivery_id: str) -> None:
    """Send a delivery again, also one that was delivered. The first characters of its id are enough."""
    caller = current().authorize("manager")
    from monitoring.models import WebhookDelivery
    from monitoring.webhooks.bodies import delivery_body
    from monitoring.webhooks.services import replay_delivery

    found = WebhookDelivery.objects.filter(webhook=find_webhook(caller, name))
    replayed = replay_delivery(find_by_id(found, delivery_id, "delivery"), caller.actor)
    print_result(dict(delivery_body(replayed)), lambda body: print_line(f"The delivery {body['id']} is sent again."))


@webhooks.command("rotate")
@click.argument("name")
def rotate(name: str) -> None:
    """Make a new secret for the web-hook NAME and show it once. The old one signs, too, for a day."""
    caller = current().authorize("manager")
    from monitoring.webhooks.bodies import secret_body
    from monitoring.webhooks.services import rotate_secret

    webhook, secret = rotate_secret(find_webhook(caller, name), caller.actor)
    print_result(dict(secret_body(webhook, secret)), print_rotated)


@webhooks.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Switch the web-hook NAME on."""
    switch(name, enabled=True)


@webhooks.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """Switch the web-hook NAME off. What waits is cancelled."""
    switch(name, enabled=False)


def switch(name: str, *, enabled: bool) -> None:
    caller = current().authorize("manager")
    from monitoring.webhooks.bodies import webhook_body
    from monitoring.webhooks.requests import WebhookChange
    from monitoring.webhooks.selectors import status_of
    from monitoring.webhooks.services import change_webhook

    changed = change_webhook(find_webhook(caller, name), WebhookChange(enabled=enabled), caller.actor)
    said = f"The web-hook {name} is {'on' if enabled else 'off'}."
    print_result(dict(webhook_body(status_of(changed))), lambda _: print_line(said))


@webhooks.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Remove the web-hook NAME. What waits is cancelled."""
    caller = current().authorize("manager")
    from monitoring.webhooks.bodies import webhook_body
    from monitoring.webhooks.selectors import status_of
    from monitoring.webhooks.services import remove_webhook

    webhook = find_webhook(caller, name)
    body = dict(webhook_body(status_of(webhook)))
    remove_webhook(webhook, caller.actor)
    print_result(body, lambda body: print_line(f"Removed the web-hook {body['name']}."))


def find_webhook(caller: Caller, name: str) -> Webhook:
    from monitoring.webhooks.selectors import webhooks_for

    webhook = webhooks_for(caller.user).filter(name=name).first()
    if webhook is None:
        raise CliError("not-found", f"There is no web-hook {name}. `skycam webhooks list` lists all.")
    return webhook


def print_webhooks(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No web-hooks.")
        return
    columns = ["name", "address", "kinds", "on", "waiting", "last delivery", "failing since"]
    rows = [
        [
            one["name"],
            one["url"],
            " ".join(one["kinds"]),
            one["enabled"],
            one["pending"],
            one["last"]["state"] if one["last"] else "",
            format_time(one["failing_since"]),
        ]
        for one in body["results"]
    ]
    print_table(make_table(columns, rows))


def print_added(body: dict[str, Any]) -> None:
    print_line(f"Added the web-hook {body['name']}, {body['url']}. It gets the events of all cameras.")
    print_line(f"Secret: {body['secret']}  (shown only now)")
    print_warnings([body["warning"]] if body["warning"] else [])


def print_rotated(body: dict[str, Any]) -> None:
    print_line(f"Secret: {body['secret']}  (shown only now)")
    print_line(f"Requests are signed with the old one, too, until {format_time(body['old_secret_until'])}.")


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
