"""The list `notification_channels`: compares its items with the station's channels, and adds, changes and removes
channels."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pydantic

from core.secrets import DecryptionFailed
from monitoring.models import NotificationChannel
from monitoring.notifications.channels.base import ChannelSettings
from monitoring.notifications.encrypted_settings import settings_of
from monitoring.notifications.resource import ChannelRequest, NotificationChannelChange
from monitoring.notifications.services import (
    add_channel,
    change_channel,
    checked_settings,
    remove_channel,
    replaced_settings,
)
from skycam_project.config import ConfigError
from skycam_project.config.config_file import ConfigFile
from skycam_project.config.notification_lists import NotificationChannelEntry
from skycam_project.provisioning.plan import FieldChange, RowChange, RowsPlan
from skycam_project.provisioning.problems import located

LIST = "notification_channels"
KEYS = {"kind": "type"}
"""Fields of a channel that have another name in the file."""
HIDDEN_CHANGE = "its secrets change"


def plan_channels(file: ConfigFile, *, prune: bool) -> RowsPlan:
    """ConfigError for items that no channel can be brought to."""
    present = {channel.name: channel for channel in NotificationChannel.objects.all()}
    check_types(file, present)
    changes = {
        entry.name: _change(file, number, entry, present.get(entry.name))
        for number, entry in enumerate(file.config.notification_channels, start=1)
    }
    missing = tuple(name for name in present if name not in changes)
    return RowsPlan(
        added=tuple(change for name, change in changes.items() if name not in present),
        changed=tuple(change for name, change in changes.items() if name in present and change.fields),
        unchanged=tuple(name for name, change in changes.items() if name in present and not change.fields),
        removed=missing if prune else (),
        kept=() if prune else missing,
    )


def check_types(file: ConfigFile, present: dict[str, NotificationChannel]) -> None:
    """ConfigError for an item whose channel is of another type."""
    wrong = [
        f"{file.place_of(LIST, number, 'type')}: {entry.name} is a channel of the type {present[entry.name].kind}, "
        "and its type cannot be changed. Remove it first, or choose another name."
        for number, entry in enumerate(file.config.notification_channels, start=1)
        if entry.name in present and present[entry.name].kind != entry.type
    ]
    if wrong:
        raise ConfigError(wrong)


def _change(
    file: ConfigFile, number: int, entry: NotificationChannelEntry, channel: NotificationChannel | None
) -> RowChange:
    if channel is None:
        with located(file, LIST, number, KEYS):
            settings = checked_settings(entry.type, entry.settings)
        shown = {"type": entry.type, "enabled": entry.enabled, "settings": settings.shown()}
        added = tuple(FieldChange(name, None, value) for name, value in shown.items())
        return RowChange(entry.name, number, added, {"enabled": entry.enabled, "settings": entry.settings})
    fields: list[FieldChange] = []
    values: dict[str, Any] = {}
    if "enabled" in entry.model_fields_set and entry.enabled != channel.enabled:
        fields.append(FieldChange("enabled", channel.enabled, entry.enabled))
        values["enabled"] = entry.enabled
    if "settings" in entry.model_fields_set:
        with located(file, LIST, number, KEYS):
            wanted = replaced_settings(channel, entry.settings)
        if change := settings_change(channel, wanted):
            fields.append(change)
            values["settings"] = entry.settings
    return RowChange(entry.name, number, tuple(fields), values)


def settings_change(channel: NotificationChannel, wanted: ChannelSettings) -> FieldChange | None:
    """Without secrets. None if nothing changes."""
    old: dict[str, Any] = channel.settings_shown
    if wanted.shown() != old:
        return FieldChange("settings", old, wanted.shown())
    # Settings that cannot be read any more are written again.
    with suppress(DecryptionFailed, pydantic.ValidationError):
        if settings_of(channel) == wanted:
            return None
    return FieldChange("settings", old, HIDDEN_CHANGE)


def remove_channels(plan: RowsPlan, actor: str) -> None:
    for name in plan.removed:
        remove_channel(NotificationChannel.objects.get(name=name), actor)


def store_channels(file: ConfigFile, plan: RowsPlan, actor: str) -> None:
    """Change and add the channels of the plan. ConfigError with the place of what the services refuse."""
    for change in plan.changed:
        with located(file, LIST, change.number, KEYS):
            channel = NotificationChannel.objects.get(name=change.name)
            change_channel(channel, NotificationChannelChange(**change.values), actor, from_file=True)
    for change in plan.added:
        kind = file.config.notification_channels[change.number - 1].type
        with located(file, LIST, change.number, KEYS):
            add_channel(ChannelRequest(name=change.name, kind=kind, **change.values), actor, from_file=True)
