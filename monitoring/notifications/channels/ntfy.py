"""A topic of an ntfy server. Django-free."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from monitoring.notifications.channels.base import Channel, ChannelSettings, Secret, SendResult
from monitoring.notifications.channels.http import ServerUrl, send_json
from monitoring.notifications.message import Notification

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
        return send_json(self.guard, self.deadline_s, f"{self.settings.server}/", body, headers)
