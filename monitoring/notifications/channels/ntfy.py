"""A topic of an ntfy server. Django-free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from monitoring.notifications.channels.base import Channel, ChannelSettings, Secret, SendResult
from monitoring.notifications.channels.http import PICTURE_DEADLINE_S, ServerUrl, send_bytes, send_json, with_picture
from monitoring.notifications.message import Attachment, Notification

PRIORITIES = {"info": 2, "warning": 3, "error": 4, "critical": 5}
MAX_MESSAGE = 3500
"""ntfy makes a file of a message of more than 4096 bytes."""


class NtfySettings(ChannelSettings):
    destination: ClassVar = ("server",)
    server: ServerUrl = "https://ntfy.sh"
    topic: Annotated[Secret, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    token: Secret = ""


class NtfyChannel(Channel[NtfySettings]):
    settings_model: ClassVar = NtfySettings

    def send(self, notification: Notification) -> SendResult:
        content = notification.content.encode()[:MAX_MESSAGE].decode(errors="ignore")
        body: dict[str, Any] = {
            "topic": self.settings.topic, "title": notification.title, "message": content,
            "priority": PRIORITIES[notification.severity],
        }  # fmt: skip
        if len(notification.alerts) == 1 and notification.alerts[0].link:
            body["click"] = notification.alerts[0].link
        token = self.settings.token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        result = send_json(self.guard, self.deadline_s, f"{self.settings.server}/", body, headers)
        picture = notification.attachment
        if picture is None or not picture.is_picture:
            return result
        return with_picture(result, lambda: self._send_picture(picture, headers))

    def _send_picture(self, picture: Attachment, headers: Mapping[str, str]) -> SendResult:
        url = f"{self.settings.server}/{self.settings.topic}"
        # The lowest priority: the message itself has rung already.
        more = {"Content-Type": picture.mime_type, "Filename": picture.name, "Priority": "1"}
        return send_bytes(self.guard, PICTURE_DEADLINE_S, url, picture.content, {**headers, **more}, "PUT")
