"""The settings of a channel: encrypted as a whole, and shown without their secrets."""

from __future__ import annotations

from typing import Any

from core.secrets import decrypt_secret, encrypt_secret
from monitoring.models import NotificationChannel
from monitoring.notifications.channels.base import ChannelSettings
from monitoring.notifications.channels.kinds import channel_class


def settings_columns(settings: ChannelSettings) -> dict[str, Any]:
    return {"settings_encrypted": encrypt_secret(settings.model_dump_json()), "settings_shown": settings.shown()}


def settings_of(channel: NotificationChannel) -> ChannelSettings:
    """DecryptionFailed; ValidationError of pydantic when a newer version refuses them."""
    text = decrypt_secret(channel.settings_encrypted)
    return channel_class(channel.kind).settings_model.model_validate_json(text)
