"""A signed request to an address: the alerts as JSON. Django-free."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any, ClassVar

from pydantic import Field

from core.resources.fields import field
from monitoring.notifications.channels.base import Channel, ChannelSettings, Secret, SendResult
from monitoring.notifications.channels.http import SecretUrl, send_bytes
from monitoring.notifications.message import Notification
from monitoring.webhooks.client import SIGNATURE_HEADER, sign_body
from monitoring.webhooks.receiver_url import ReceiverUrl


class WebhookSettings(ChannelSettings):
    destination: ClassVar = ("url",)
    url: SecretUrl = field(title="Address")
    secret: Annotated[Secret, Field(min_length=16)]

    def shown(self) -> dict[str, Any]:
        return {"url": ReceiverUrl.parse(self.url).shown, "secret_set": True}


class WebhookChannel(Channel[WebhookSettings]):
    settings_model: ClassVar = WebhookSettings

    def send(self, notification: Notification) -> SendResult:
        content = json.dumps(notification.body(), ensure_ascii=False, separators=(",", ":")).encode()
        # At each attempt: receivers refuse old time stamps.
        signature = sign_body(content, [self.settings.secret], int(time.time()))
        headers = {"Skycam-Notification": notification.id, SIGNATURE_HEADER: signature}
        return send_bytes(self.guard, self.deadline_s, self.settings.url, content, headers)
