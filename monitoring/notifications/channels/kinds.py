"""CHANNEL_KINDS: the kinds of notification channels. A further kind is a module, a line here and the contract test."""

from __future__ import annotations

from typing import Any

from core.registry import resolve
from monitoring.notifications.channels.base import Channel

CHANNEL_KINDS: dict[str, tuple[str, str]] = {
    "mail": ("Mail (SMTP)", "monitoring.notifications.channels.mail.MailChannel"),
    "webhook": ("Web-hook (signed)", "monitoring.notifications.channels.webhook.WebhookChannel"),
    "ntfy": ("ntfy", "monitoring.notifications.channels.ntfy.NtfyChannel"),
    "telegram": ("Telegram", "monitoring.notifications.channels.telegram.TelegramChannel"),
    "matrix": ("Matrix", "monitoring.notifications.channels.matrix.MatrixChannel"),
    "command": ("Program", "monitoring.notifications.channels.command.CommandChannel"),
    "mqtt": ("MQTT and Home Assistant", "monitoring.notifications.channels.mqtt.MqttChannel"),
}
"""Kind -> its label, and its class."""


def channel_class(kind: str) -> type[Channel[Any]]:
    """KeyError for an unknown kind."""
    found: type[Channel[Any]] = resolve(CHANNEL_KINDS[kind][1])
    return found
