"""`skycam notifications`: the channels over which people are told of alerts, their routes, and what was sent."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_origin

import click

from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.options import Command, Group, given
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from pydantic import BaseModel

    from monitoring.models import NotificationChannel, NotificationRoute
    from skycam_project.cli.identity import Caller

STATES = ["pending", "sent", "failed", "cancelled"]
SET = "A setting as NAME=VALUE; can be repeated. A list is separated by commas."
FROM_STDIN = "A setting that is read from stdin, one line each in the order of the options; can be repeated."


@click.group(cls=Group)
def notifications() -> None:
    """Notification channels and routes: who is told of alerts."""


@notifications.command("list")
def list_channels() -> None:
    """List the channels with their state, backlog and last error."""
    caller = current().authorize("manager")
    from monitoring.notifications.bodies import channel_body
    from monitoring.notifications.selectors import channels_for, statuses_of

    found = statuses_of(channels_for(caller.user))
    print_result({"results": [dict(channel_body(status)) for status in found]}, print_channels)


@notifications.command("add")
@click.argument("name")
@click.argument("kind")
@shared_option("--set", SET, into="assignments")
@click.option("--secret", "secrets", multiple=True, metavar="NAME", help=FROM_STDIN)
@shared_option("--disabled", "Add it switched off.")
def add(name: str, kind: str, assignments: tuple[str, ...], secrets: tuple[str, ...], disabled: bool) -> None:
    """Add a channel. KIND: mail webhook ntfy telegram matrix mqtt.

    The configuration file alone adds one that runs a program.

    Example: skycam notifications add shift ntfy --set server=https://ntfy.sh --secret topic
    """
    caller = current().authorize("manager")
    from monitoring.notifications.requests import ChannelRequest
    from monitoring.notifications.services import add_channel

    settings = channel_settings(kind, assignments, secrets)
    wanted = ChannelRequest(name=name, kind=kind, settings=settings, enabled=not disabled)
    show_channel(add_channel(wanted, caller.actor), "Added")


@notifications.command("change")
@click.argument("name")
@shared_option("--name", "Its new name.", into="new_name")
@shared_option("--set", SET, into="assignments")
@click.option("--secret", "secrets", multiple=True, metavar="NAME", help=FROM_STDIN)
def change(name: str, new_name: str | None, assignments: tuple[str, ...], secrets: tuple[str, ...]) -> None:
    """Change the channel NAME. Another destination needs its secrets again.

    Example: skycam notifications change mail --set recipients=anna@example.org,bob@example.org
    """
    caller = current().authorize("manager")
    from monitoring.notifications.requests import NotificationChannelChange
    from monitoring.notifications.services import change_channel

    channel = find_channel(caller, name)
    settings = channel_settings(channel.kind, assignments, secrets) or None
    show_channel(
        change_channel(channel, NotificationChannelChange(name=new_name, settings=settings), caller.actor), "Changed"
    )


@notifications.command("test", cls=Command)
@click.argument("name")
def test(name: str) -> int:
    """Send a real message over the channel NAME."""
    caller = current().authorize("manager")
    from monitoring.notifications.bodies import notification_body
    from monitoring.notifications.services import send_test

    body = dict(notification_body(send_test(find_channel(caller, name), caller.actor)))
    sent = body["state"] == "sent"
    said = f"{name} accepted the test. See whether it has arrived." if sent else f"The test failed. {body['error']}"
    print_result(body, lambda _: print_line(said))
    return 0 if sent else FAILED


@notifications.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Switch the channel NAME on."""
    switch(name, enabled=True)


@notifications.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """Switch the channel NAME off. What waits is cancelled, and its alerts go to the next route that matches."""
    switch(name, enabled=False)


def switch(name: str, *, enabled: bool) -> None:
    caller = current().authorize("manager")
    from monitoring.notifications.requests import NotificationChannelChange
    from monitoring.notifications.services import change_channel

    channel = change_channel(find_channel(caller, name), NotificationChannelChange(enabled=enabled), caller.actor)
    show_channel(channel, "Switched on" if enabled else "Switched off")


@notifications.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Remove the channel NAME with its routes. What waits is not sent."""
    caller = current().authorize("manager")
    from monitoring.notifications.bodies import channel_body
    from monitoring.notifications.selectors import status_of
    from monitoring.notifications.services import remove_channel

    channel = find_channel(caller, name)
    body = dict(channel_body(status_of(channel)))
    done = remove_channel(channel, caller.actor)
    print_result(body, lambda _: print_line(done))


@notifications.command("routes")
def list_routes() -> None:
    """List the routes, in the order in which they are tried."""
    caller = current().authorize("manager")
    from monitoring.notifications.bodies import route_body
    from monitoring.notifications.selectors import routes_for

    routes = list(routes_for(caller.user))
    names = {str(route.channel_id): route.channel.name for route in routes}
    print_result({"results": [dict(route_body(route)) for route in routes]}, lambda body: print_routes(body, names))


@notifications.command("add-route")
@click.argument("name")
@click.argument("channel")
@shared_option("--set", "A field of the route as NAME=VALUE.", into="assignments")
def add_route(name: str, channel: str, assignments: tuple[str, ...]) -> None:
    """Add the route NAME: which alerts go to CHANNEL.

    Example: skycam notifications add-route night shift --set severity=error --set repeat_every_s=1800
    """
    caller = current().authorize("manager")
    from monitoring.notifications.bodies import route_body
    from monitoring.notifications.requests import RouteRequest
    from monitoring.notifications.services import add_route as add_one

    values: dict[str, Any] = texts(assignments)
    if escalate_to := values.get("escalate_to"):
        values["escalate_to"] = find_channel(caller, escalate_to).pk
    wanted = RouteRequest.model_validate({**values, "name": name, "channel": find_channel(caller, channel).pk})
    body = dict(route_body(add_one(wanted, caller.actor)))
    print_result(body, lambda body: print_line(f"Added the route {body['name']}."))


@notifications.command("remove-route")
@click.argument("name")
def remove_route(name: str) -> None:
    """Remove the route NAME. What waits because of it is still sent."""
    caller = current().authorize("manager")
    from monitoring.notifications.bodies import route_body
    from monitoring.notifications.services import remove_route as remove_one

    route = find_route(caller, name)
    body = dict(route_body(route))
    remove_one(route, caller.actor)
    print_result(body, lambda body: print_line(f"Removed the route {body['name']}."))


@notifications.command("sent")
@click.option("--channel", help="Only those of this channel.")
@shared_option("--state", "Only notifications in this state.", type=click.Choice(STATES))
@shared_option("--limit", "Maximum number.")
def list_sent(channel: str | None, state: str | None, limit: int) -> None:
    """List what was sent, waits or failed, newest first.

    Example: skycam notifications sent --state failed
    """
    caller = current().authorize("manager")
    from monitoring.notifications.bodies import notification_body
    from monitoring.notifications.selectors import notifications_for

    of_channel = find_channel(caller, channel).pk if channel is not None else None
    found = list(notifications_for(caller.user).filter(**given(state=state, channel=of_channel))[:limit])
    names = {str(row.channel_id): row.channel.name for row in found}
    print_result({"results": [dict(notification_body(row)) for row in found]}, lambda body: print_sent(body, names))


def channel_settings(kind: str, assignments: Iterable[str], secrets: Iterable[str]) -> dict[str, Any]:
    """CliError for an unknown kind."""
    from monitoring.notifications.channels.kinds import CHANNEL_KINDS, channel_class

    if kind not in CHANNEL_KINDS:
        raise CliError("invalid", f"There is no kind {kind!r} of channels. Choose one of {', '.join(CHANNEL_KINDS)}.")
    # Every user of the machine can read command lines.
    read = {name: sys.stdin.readline().rstrip("\n") for name in secrets}
    return with_lists(channel_class(kind).settings_model, {**texts(assignments), **read})


def with_lists(model: type[BaseModel], values: dict[str, str]) -> dict[str, Any]:
    lists = {name for name, field in model.model_fields.items() if get_origin(field.annotation) is list}
    return {name: value.split(",") if name in lists else value for name, value in values.items()}


def texts(assignments: Iterable[str]) -> dict[str, str]:
    """CliError for one that is not NAME=VALUE."""
    pairs = [one.partition("=") for one in assignments]
    if wrong := [name for name, equals, _ in pairs if not equals or not name]:
        raise CliError("invalid", f"{wrong[0]!r} is not NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def find_channel(caller: Caller, name: str) -> NotificationChannel:
    from monitoring.notifications.selectors import channels_for

    found = channels_for(caller.user).filter(name=name).first()
    if found is None:
        raise CliError("not-found", f"There is no channel {name}. `skycam notifications list` lists all.")
    return found


def find_route(caller: Caller, name: str) -> NotificationRoute:
    from monitoring.notifications.selectors import routes_for

    found = routes_for(caller.user).filter(name=name).first()
    if found is None:
        raise CliError("not-found", f"There is no route {name}. `skycam notifications routes` lists all.")
    return found


def show_channel(channel: NotificationChannel, what: str) -> None:
    from monitoring.notifications.bodies import channel_body
    from monitoring.notifications.selectors import status_of

    body = dict(channel_body(status_of(channel)))
    print_result(body, lambda body: print_line(f"{what}: the channel {body['name']}."))


def print_channels(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No channels: no one is notified of alerts.")
        return
    rows = [
        [one["name"], one["kind"], one["enabled"], one["pending"], format_time(one["failing_since"]), one["last_error"]]
        for one in body["results"]
    ]
    print_table(make_table(["name", "kind", "on", "waiting", "failing since", "last error"], rows))


def print_routes(body: dict[str, Any], names: dict[str, str]) -> None:
    if not body["results"]:
        print_line("No routes: no one is notified of alerts.")
        return
    columns = ["position", "name", "on", "severity", "key", "camera", "host", "channel"]
    rows = [
        [
            one["position"], one["name"], one["enabled"], one["severity"], one["key_prefix"], one["camera"],
            one["host"], names[one["channel"]],
        ]
        for one in body["results"]
    ]  # fmt: skip
    print_table(make_table(columns, rows))


def print_sent(body: dict[str, Any], names: dict[str, str]) -> None:
    if not body["results"]:
        print_line("Nothing was sent yet.")
        return
    rows = [
        [names[one["channel"]], one["kind"], one["state"], one["tries"], format_time(one["created"]), one["error"]]
        for one in body["results"]
    ]
    print_table(make_table(["channel", "kind", "state", "attempts", "since", "error"], rows))
