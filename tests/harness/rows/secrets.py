"""A row with a secret of each of the five kinds, and texts in the form of earlier versions."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings

from cameras.models import Camera
from captures.models import Destination
from monitoring.models import NotificationChannel, Sensor, Webhook
from monitoring.notifications.resource import ChannelRequest
from monitoring.notifications.sending import settings_of
from monitoring.notifications.services import add_channel
from monitoring.sensor_management.resource import SensorRequest
from monitoring.sensor_management.services import add_sensor
from monitoring.webhooks.outcomes import signing_keys, url_of
from tests.harness.rows.cameras import add_camera
from tests.harness.rows.offsite import destination
from tests.harness.rows.webhooks import added

SESAME = "sesame-open"


def camera_with_password(name: str = "yard") -> Camera:
    return add_camera(slug=name, kind="network", address=f"rtsp://anna:{SESAME}@10.0.0.9:554/live")


def sensor_with_password(name: str = "roof", host: str = "mqtt.example.org", port: int = 1883) -> Sensor:
    values = {"host": host, "port": port, "user": "anna", "password": SESAME, "topics": "roof=temperature"}
    return add_sensor(SensorRequest(name=name, kind="mqtt", settings=values), "anna")


def channel_with_token(name: str = "phone") -> NotificationChannel:
    values = {"server": "https://ntfy.example.org", "topic": "night-shift", "token": SESAME}
    return add_channel(ChannelRequest(name=name, kind="ntfy", settings=values), "anna")


def destination_with_password(name: str = "vault") -> Destination:
    values = {"host": "nas.example.org", "user": "anna"}
    return destination("sftp", values, {"password": SESAME}, name=name)


def webhook_with_token(name: str = "lab") -> Webhook:
    return added(f"https://lab.example.org/?token={SESAME}", name)


ROWS: dict[str, tuple[Callable[[str], Any], str, Callable[[Any], Any]]] = {
    "camera": (camera_with_password, "encrypted_address", lambda row: row.fill_address(row.address)),
    "sensor": (sensor_with_password, "secrets_encrypted", Sensor.stored_secrets),
    "channel": (channel_with_token, "settings_encrypted", settings_of),
    "destination": (destination_with_password, "secret", lambda row: row.typed_secret),
    "webhook": (webhook_with_token, "url_encrypted", lambda row: url_of(row).text),
    "key of a webhook": (webhook_with_token, "secret_encrypted", signing_keys),
}
"""Kind -> a row by its name, the column of its secrets, and what reads them for use."""


def in_earlier_form(text: str) -> str:
    """As every version before the binding stored it."""
    key = hashlib.sha256(settings.STATION.address_secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key)).encrypt(text.encode()).decode()
