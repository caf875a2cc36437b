"""A chat of a Telegram bot. Django-free."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from urllib3.filepost import encode_multipart_formdata

from core.resources.fields import field
from monitoring.notifications.channels.base import Channel, ChannelSettings, Secret, SendResult, Text
from monitoring.notifications.channels.http import PICTURE_DEADLINE_S, ServerUrl, send_bytes, send_json, with_picture
from monitoring.notifications.message import Attachment, Notification

MAX_MESSAGE = 4000
"""Telegram refuses a text of more than 4096 characters, in UTF-16."""


class TelegramSettings(ChannelSettings):
    destination: ClassVar = ("server",)
    server: ServerUrl = "https://api.telegram.org"
    token: Annotated[Secret, Field(pattern=r"^[0-9]+:[A-Za-z0-9_-]{20,}$")]
    chat_id: Annotated[Text, Field(pattern=r"^(-?[0-9]+|@[A-Za-z0-9_]+)$")] = field(title="Chat")


class TelegramChannel(Channel[TelegramSettings]):
    settings_model: ClassVar = TelegramSettings

    def send(self, notification: Notification) -> SendResult:
        text = f"{notification.title}\n\n{notification.content}"
        short = text.encode("utf-16-le")[: 2 * MAX_MESSAGE].decode("utf-16-le", errors="ignore")
        # Without a parse mode: no character of an alert has an effect.
        body = {"chat_id": self.settings.chat_id, "text": short, "link_preview_options": {"is_disabled": True}}
        result = send_json(self.guard, self.deadline_s, self._url("sendMessage"), body, {})
        picture = notification.attachment
        if picture is None or not picture.is_picture:
            return result
        return with_picture(result, lambda: self._send_picture(picture))

    def _send_picture(self, picture: Attachment) -> SendResult:
        content, content_type = encode_multipart_formdata(
            {
                "chat_id": self.settings.chat_id,
                "disable_notification": "true",
                "photo": (picture.name, picture.content, picture.mime_type),
            }
        )
        headers = {"Content-Type": content_type}
        return send_bytes(self.guard, PICTURE_DEADLINE_S, self._url("sendPhoto"), content, headers)

    def _url(self, method: str) -> str:
        return f"{self.settings.server}/bot{self.settings.token}/{method}"
