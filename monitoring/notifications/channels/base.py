"""The contract of a channel: its settings, and one message sent within a deadline. CHANNEL_KINDS: the kinds of
notification channels. A further kind is a class, a line here and the contract test. Django-free."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import Field

from core.outgoing import OutgoingGuard
from core.registry import resolve
from core.resources import values
from core.resources.fields import KindSettings
from monitoring.notifications.message import Notification
from monitoring.webhooks.receiver_url import LEAST_SECRET, REDACTED

DEADLINE_S = 20.0
SECRET = {"secret": True}


Text = Annotated[values.Text, Field(min_length=1, max_length=200)]
OptionalText = Annotated[values.Text, Field(max_length=200)]
Secret = Annotated[values.Text, Field(max_length=500, repr=False, json_schema_extra=SECRET)]
Port = Annotated[int, Field(ge=1, le=65535)]


@dataclass(frozen=True, slots=True)
class SendResult:
    """`error` is empty when the message was accepted; `detail` says by whom, or what else the far end answered."""

    error: str
    detail: str = ""
    retry_after_s: float | None = None


class ChannelSettings(KindSettings):
    """What a manager sets. `destination` names the fields that decide where the secrets are sent."""

    destination: ClassVar[tuple[str, ...]] = ()

    def without_secrets(self, text: str) -> str:
        """The text with REDACTED in place of each secret."""
        for secret in sorted((str(getattr(self, name)) for name in self.secret_fields()), key=len, reverse=True):
            text = text.replace(secret, REDACTED) if len(secret) >= LEAST_SECRET else text
        return text

    def shown(self) -> dict[str, Any]:
        """The settings without their secrets; `<secret>_set` says whether there is one."""
        secrets = self.secret_fields()
        values = {name: value for name, value in self.model_dump(mode="json").items() if name not in secrets}
        return {**values, **{f"{name}_set": bool(getattr(self, name)) for name in secrets}}


SettingsType = TypeVar("SettingsType", bound=ChannelSettings)


class Channel(ABC, Generic[SettingsType]):
    """Connects only to addresses that `guard` allows, and has ended after about `deadline_s`."""

    settings_model: ClassVar[type[ChannelSettings]]

    def __init__(self, settings: SettingsType, guard: OutgoingGuard, deadline_s: float = DEADLINE_S) -> None:
        self.settings, self.guard, self.deadline_s = settings, guard, deadline_s

    @abstractmethod
    def send(self, notification: Notification) -> SendResult:
        """Never raises for what the network or the far end does."""


CHANNEL_KINDS: dict[str, tuple[str, str]] = {
    "mail": ("Mail (SMTP)", "monitoring.notifications.channels.mail.MailChannel"),
    "webhook": ("Web-hook (signed)", "monitoring.notifications.channels.http.WebhookChannel"),
    "ntfy": ("ntfy", "monitoring.notifications.channels.http.NtfyChannel"),
    "telegram": ("Telegram", "monitoring.notifications.channels.http.TelegramChannel"),
    "matrix": ("Matrix", "monitoring.notifications.channels.http.MatrixChannel"),
    "command": ("Program", "monitoring.notifications.channels.command.CommandChannel"),
    "mqtt": ("MQTT and Home Assistant", "monitoring.notifications.channels.mqtt.MqttChannel"),
}
"""Kind -> its label, and its class."""


def channel_class(kind: str) -> type[Channel[Any]]:
    """KeyError for an unknown kind."""
    found: type[Channel[Any]] = resolve(CHANNEL_KINDS[kind][1])
    return found
