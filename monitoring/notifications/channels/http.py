"""The channels over HTTP, with an address and one request within the deadline: a signed request with the alerts as
JSON, a topic of an ntfy server, a chat of a Telegram bot, a room of a Matrix server. Django-free."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field
from urllib3.filepost import encode_multipart_formdata

from core.outgoing import OutgoingGuard
from core.resources.fields import field
from core.resources.values import stripped
from monitoring.notifications.channels.base import SECRET, Channel, ChannelSettings, Secret, SendResult, Text
from monitoring.notifications.message import Attachment, Notification
from monitoring.webhooks.client import SIGNATURE_HEADER, WebhookClient, sign_body
from monitoring.webhooks.receiver_url import MAX_LENGTH, ReceiverUrl

USER_AGENT = f"Skycam/{version('skycam')}"


def checked_url(text: str) -> str:
    """InvalidUrl, which is a ValueError."""
    return ReceiverUrl.parse(text).text


def checked_server(text: str) -> str:
    url = ReceiverUrl.parse(text)
    if url.parts.username is not None or url.parts.query:
        raise ValueError("Write only the address of the server, such as https://ntfy.example.org.")
    return url.text.rstrip("/")


ServerUrl = Annotated[str, BeforeValidator(stripped), AfterValidator(checked_server), Field(max_length=300)]
SecretUrl = Annotated[
    str, BeforeValidator(stripped), AfterValidator(checked_url),
    Field(max_length=MAX_LENGTH, repr=False, json_schema_extra=SECRET),
]  # fmt: skip


PICTURE_DEADLINE_S = 20.0
"""With the deadline of the message it is less than the lease of the channel."""


def with_picture(result: SendResult, send_picture: Callable[[], SendResult]) -> SendResult:
    """The message was accepted without the picture, which follows as a second one. If that fails the message must not
    be sent again: the detail says why the picture is missing."""
    if result.error:
        return result
    picture = send_picture()
    follows = f"It got no picture: {picture.error}" if picture.error else "It got the picture."
    return replace(result, detail=f"{result.detail} {follows}")


def send_json(
    guard: OutgoingGuard, deadline_s: float, url: str, body: Mapping[str, Any], headers: Mapping[str, str],
    method: str = "POST",
) -> SendResult:  # fmt: skip
    return send_bytes(guard, deadline_s, url, json.dumps(body, ensure_ascii=False).encode(), headers, method)


def send_bytes(
    guard: OutgoingGuard, deadline_s: float, url: str, content: bytes, headers: Mapping[str, str], method: str = "POST"
) -> SendResult:
    all_headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT, **headers}
    answer = WebhookClient(guard, deadline_s).post(ReceiverUrl.parse(url), content, all_headers, method)
    said = f" {answer.text[:200]}" if answer.error and answer.text else ""
    detail = "" if answer.status is None else f"The receiver answered {answer.status}."
    return SendResult(f"{answer.error}{said}"[:500], detail, answer.retry_after_s)


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


PRIORITIES = {"info": 2, "warning": 3, "error": 4, "critical": 5}
NTFY_MAX_MESSAGE = 3500
"""ntfy makes a file of a message of more than 4096 bytes."""


class NtfySettings(ChannelSettings):
    destination: ClassVar = ("server",)
    server: ServerUrl = "https://ntfy.sh"
    topic: Annotated[Secret, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    token: Secret = ""


class NtfyChannel(Channel[NtfySettings]):
    settings_model: ClassVar = NtfySettings

    def send(self, notification: Notification) -> SendResult:
        content = notification.content.encode()[:NTFY_MAX_MESSAGE].decode(errors="ignore")
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


TELEGRAM_MAX_MESSAGE = 4000
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
        short = text.encode("utf-16-le")[: 2 * TELEGRAM_MAX_MESSAGE].decode("utf-16-le", errors="ignore")
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


class MatrixSettings(ChannelSettings):
    destination: ClassVar = ("server",)
    server: ServerUrl
    room: Annotated[Text, Field(pattern=r"^![^\s/?#]+$")]
    access_token: Annotated[Secret, Field(min_length=8)]


class MatrixChannel(Channel[MatrixSettings]):
    settings_model: ClassVar = MatrixSettings

    def send(self, notification: Notification) -> SendResult:
        # The id of the transaction: the server shows a message that is sent again only once.
        room = quote(self.settings.room, safe="")
        url = f"{self.settings.server}/_matrix/client/v3/rooms/{room}/send/m.room.message/{notification.id}"
        text = f"{notification.title}\n\n{notification.content}"
        # Without mentions: the text of an alert, such as @room, calls no one.
        body = {"msgtype": "m.text", "body": text, "m.mentions": {}}
        headers = {"Authorization": f"Bearer {self.settings.access_token}"}
        return send_json(self.guard, self.deadline_s, url, body, headers, "PUT")
