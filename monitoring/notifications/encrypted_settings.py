"""The settings of a channel: encrypted as a whole, and shown without their secrets."""

from __future__ import annotations

from typing import Any

from core.secrets import decrypt_secrets, encrypt_secrets
from monitoring.models import NotificationChannel
from monitoring.notifications.channels.base import ChannelSettings
from monitoring.notifications.channels.kinds import channel_class


def settings_columns(channel: NotificationChannel, settings: ChannelSettings) -> dict[str, Any]:
    encrypted = encrypt_secrets(channel, "settings_encrypted", settings.model_dump(mode="json"))
    return {"settings_encrypted": encrypted, "settings_shown": settings.shown()}


def settings_of(channel: NotificationChannel) -> ChannelSettings:
    """DecryptionFailed; ValidationError of pydantic when a newer version refuses them."""
    values = decrypt_secrets(channel, "settings_encrypted")
    return channel_class(channel.kind).settings_model.model_validate(values)
