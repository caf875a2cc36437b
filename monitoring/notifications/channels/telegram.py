"""A chat of a Telegram bot. Django-free."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from monitoring.notifications.channels.base import Channel, ChannelSettings, Secret, SendResult, Text
from monitoring.notifications.channels.http import ServerUrl, send_json
from monitoring.notifications.message import Notification

MAX_MESSAGE = 4000
"""Telegram refuses a text of more than 4096 characters, in UTF-16."""


class TelegramSettings(ChannelSettings):
    destination: ClassVar = ("server",)
    server: ServerUrl = "https://api.telegram.org"
    token: Annotated[Secret, Field(pattern=r"^[0-9]+:[A-Za-z0-9_-]{20,}$")]
    chat_id: Annotated[Text, Field(pattern=r"^(-?[0-9]+|@[A-Za-z0-9_]+)$")]


class TelegramChannel(Channel[TelegramSettings]):
    settings_model: ClassVar = TelegramSettings

    def send(self, notification: Notification) -> SendResult:
        text = f"{notification.title}\n\n{notification.content}"
        short = text.encode("utf-16-le")[: 2 * MAX_MESSAGE].decode("utf-16-le", errors="ignore")
        # Without a parse mode: no character of an alert has an effect.
        body = {"chat_id": self.settings.chat_id, "text": short, "link_preview_options": {"is_disabled": True}}
        url = f"{self.settings.server}/bot{self.settings.token}/sendMessage"
        return send_json(self.guard, self.deadline_s, url, body, {})
