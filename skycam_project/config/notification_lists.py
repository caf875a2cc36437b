"""The lists `notification_channels` and `notification_routes`. The services that store them validate the values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from monitoring.notifications.channels.kinds import CHANNEL_KINDS, channel_class
from monitoring.notifications.resource import ChannelRequest, RouteRequest
from skycam_project.config.entries import entry_of
from skycam_project.config.lists import check_unique

if TYPE_CHECKING:
    NotificationChannelEntry = Any
    NotificationRouteEntry = Any
else:
    NotificationChannelEntry = entry_of(
        ChannelRequest, "NotificationChannelEntry",
        "A notification channel. A key that is missing leaves an existing channel as it is.", kinds=CHANNEL_KINDS,
    )  # fmt: skip
    NotificationRouteEntry = entry_of(
        RouteRequest, "NotificationRouteEntry",
        "A route, as in the API. It is replaced as a whole: a key that is missing gets its default.",
    )  # fmt: skip


def check_channels(channels: list[NotificationChannelEntry]) -> list[NotificationChannelEntry]:
    check_unique("notification_channels", "name", [channel.name for channel in channels])
    return channels


def check_routes(routes: list[NotificationRouteEntry]) -> list[NotificationRouteEntry]:
    check_unique("notification_routes", "name", [route.name for route in routes])
    return routes


def channel_secrets_of(channels: Iterable[NotificationChannelEntry]) -> list[str]:
    """The secret settings."""
    return [
        str(channel.settings[name])
        for channel in channels
        for name in channel_class(channel.type).settings_model.secret_fields()
        if channel.settings.get(name)
    ]
