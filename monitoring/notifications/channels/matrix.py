"""A room of a Matrix server. Django-free."""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import Field

from monitoring.notifications.channels.base import Channel, ChannelSettings, Secret, SendResult, Text
from monitoring.notifications.channels.http import ServerUrl, send_json
from monitoring.notifications.message import Notification


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
