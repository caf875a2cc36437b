"""The list `notification_routes`: compares its items with the station's routes, and adds, changes and removes
routes."""

from __future__ import annotations

from typing import Any

from monitoring.models import NotificationChannel, NotificationRoute
from monitoring.notifications.resource import RouteRequest
from monitoring.notifications.services import add_route, change_route, remove_route
from skycam_project.config import ConfigError
from skycam_project.config.config_file import ConfigFile
from skycam_project.config.notification_lists import NotificationRouteEntry
from skycam_project.provisioning.plan import FieldChange, RowChange, RowsPlan, field_changes, names_of
from skycam_project.provisioning.problems import located

LIST = "notification_routes"
CHANNELS = ("channel", "escalate_to")
"""Keys whose value is the name of a channel."""


def plan_routes(file: ConfigFile, channels: RowsPlan, *, prune: bool) -> RowsPlan:
    """`channels` is the plan of the channels. A route ends with its channel. ConfigError for a wrong item."""
    present = {row.name: row for row in NotificationRoute.objects.select_related(*CHANNELS)}
    entries = file.config.notification_routes
    check_channels(file, channels)
    changes = {entry.name: _change(number, entry, present.get(entry.name)) for number, entry in enumerate(entries, 1)}
    missing = [row for name, row in present.items() if name not in changes]
    removed = tuple(row.name for row in missing if prune or row.channel.name in channels.removed)
    check_escalations([row for row in missing if row.name not in removed], channels)
    return RowsPlan(
        added=tuple(change for name, change in changes.items() if name not in present),
        changed=tuple(change for name, change in changes.items() if name in present and change.fields),
        unchanged=tuple(name for name, change in changes.items() if name in present and not change.fields),
        removed=removed,
        kept=tuple(row.name for row in missing if row.name not in removed),
    )


def check_channels(file: ConfigFile, channels: RowsPlan) -> None:
    """ConfigError for a channel that the station will not have."""
    present = NotificationChannel.objects.values_list("name", flat=True)
    known = {*present, *names_of(channels.added)} - {*channels.removed}
    wrong = [
        f"{file.place_of(LIST, number, key)}: there is no notification channel {name!r}."
        for number, entry in enumerate(file.config.notification_routes, start=1)
        for key in CHANNELS
        if (name := getattr(entry, key)) and name not in known
    ]
    if wrong:
        raise ConfigError(wrong)


def check_escalations(kept: list[NotificationRoute], channels: RowsPlan) -> None:
    """ConfigError for a route that is not in the file and would lose its escalation."""
    wrong = [
        f"{LIST}: the route {row.name} escalates to the channel {row.escalate_to.name}, which is not in the file and "
        "would be removed. Add the route to the file, or the channel."
        for row in kept
        if row.escalate_to and row.escalate_to.name in channels.removed
    ]
    if wrong:
        raise ConfigError(wrong)


def _change(number: int, entry: NotificationRouteEntry, row: NotificationRoute | None) -> RowChange:
    wanted = entry.model_dump(exclude={"name"})
    if row is None:
        fields = tuple(FieldChange(name, None, value) for name, value in wanted.items())
        return RowChange(entry.name, number, fields, wanted)
    return RowChange(entry.name, number, field_changes(shown(row), wanted), wanted)


def shown(row: NotificationRoute) -> dict[str, Any]:
    """The keys of an item, with the names of its channels."""
    names = {key: channel.name if (channel := getattr(row, key)) else "" for key in CHANNELS}
    keys = NotificationRouteEntry.model_fields.keys() - {"name", *CHANNELS}
    return {**{key: getattr(row, key) for key in keys}, **names}


def remove_routes(plan: RowsPlan, actor: str) -> None:
    for name in plan.removed:
        remove_route(NotificationRoute.objects.get(name=name), actor)


def store_routes(file: ConfigFile, plan: RowsPlan, actor: str) -> None:
    """Change and add the routes of the plan. ConfigError with the place of what the services refuse."""
    ids = dict(NotificationChannel.objects.values_list("name", "pk"))
    for change in (*plan.changed, *plan.added):
        with located(file, LIST, change.number, {}):
            channels = {key: ids.get(change.values[key]) for key in CHANNELS}
            wanted = RouteRequest.model_validate({**change.values, "name": change.name, **channels})
            row = NotificationRoute.objects.filter(name=change.name).first()
            if row is None:
                add_route(wanted, actor)
            else:
                change_route(row, wanted, actor)
