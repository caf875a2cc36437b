"""The lists `notification_channels` and `notification_routes`. The services that store them validate the values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import field_validator

from monitoring.notifications.channels.kinds import CHANNEL_KINDS, channel_class
from skycam_project.config.keys import YES_NO, Section, key
from skycam_project.config.lists import check_unique, clock_text

CHANNEL_TYPES = ", ".join(sorted(CHANNEL_KINDS))
LINE = "1 to 60 characters"
CLOCK = "a time such as 22:00"


class NotificationChannelEntry(Section):
    """A notification channel. A key that is missing leaves an existing channel as it is."""

    name: str = key(..., "Name of the channel, unique. It cannot be changed here.", LINE, min_length=1, max_length=60)
    type: str = key(..., "Kind of the channel. It cannot be changed.", CHANNEL_TYPES)
    enabled: bool = key(True, "Whether it sends.", YES_NO)
    settings: dict[str, Any] = key(
        {}, "The settings of the kind (docs/operating/notifications.md); those that are missing get their defaults. "
        "A secret that is missing stays; write it as `${VARIABLE}`.", "a mapping of the kind's settings", secret=True,
    )  # fmt: skip

    @field_validator("type")
    @classmethod
    def is_known_type(cls, value: str) -> str:
        if value not in CHANNEL_KINDS:
            raise ValueError
        return value


class NotificationRouteEntry(Section):
    """A route, as in the API. It is replaced as a whole: a key that is missing gets its default."""

    name: str = key(..., "Name of the route, unique.", LINE, min_length=1, max_length=60)
    channel: str = key(..., "Name of the channel that alerts go to.", LINE)
    position: int = key(0, "Routes are tried in this order.", "a whole number from 0 to 1000", ge=0, le=1000)
    enabled: bool = key(True, "Whether it is used.", YES_NO)
    continue_matching: bool = key(False, "Whether later routes are tried, too.", YES_NO)
    severity: str = key("warning", "The lowest severity that matches.", "info, warning, error or critical")
    key_prefix: str = key("", "The beginning of the alert's key.", "at most 120 characters", max_length=120)
    camera: str = key("", "The id of the alert's camera.", "at most 60 characters", max_length=60)
    host: str = key("", "The alert's host.", "at most 64 characters", max_length=64)
    active_from: str = key("", "Matches only from this time of the site's clock.", CLOCK, unset="at all times")
    active_until: str = key("", "Matches only until this time.", CLOCK, unset="at all times")
    quiet_from: str = key("", "What is not critical waits from this time of the site's clock.", CLOCK, unset="never")
    quiet_until: str = key("", "End of the quiet hours.", CLOCK, unset="never")
    group_wait_s: int = key(
        10, "Alerts that open within these seconds go in one message.", "a whole number from 0 to 3600", ge=0, le=3600
    )
    repeat_every_s: int = key(
        0, "Seconds between two repetitions while no one acknowledges; 0: none.", "0, or a whole number from 60", ge=0
    )
    escalate_after_s: int = key(
        0, "Seconds until another channel is told; 0: none is.", "a whole number of seconds", ge=0
    )
    escalate_to: str = key("", "Name of that channel.", LINE, unset="none")
    notify_resolved: bool = key(True, "Whether the end of an alert is told.", YES_NO)
    attach_picture: bool = key(True, "Whether a picture is sent, where the channel can.", YES_NO)
    night_reports: bool = key(False, "Whether its channel gets the reports of nights.", YES_NO)

    @field_validator("severity")
    @classmethod
    def is_known_severity(cls, value: str) -> str:
        if value not in ("info", "warning", "error", "critical"):
            raise ValueError
        return value

    @field_validator("active_from", "active_until", "quiet_from", "quiet_until", mode="before")
    @classmethod
    def times_as_text(cls, value: Any) -> Any:
        return clock_text(value)


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
