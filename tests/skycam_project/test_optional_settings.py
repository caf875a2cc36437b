"""Every kind of sensor, notification channel and off-site destination, made with each single optional setting left out
and used as the database has it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from pydantic import BaseModel

from captures.models import Destination
from captures.storage.offsite.destinations.port import DestinationError, Pace
from captures.storage.offsite.destinations.settings import SECRETS, SETTINGS
from captures.storage.offsite.resource import DestinationRequest
from captures.storage.offsite.senders import opened
from captures.storage.offsite.services import add_destination
from core.outgoing import OutgoingGuard
from monitoring.models import NotificationChannel, Sensor
from monitoring.notifications.channels.base import CHANNEL_KINDS, channel_class
from monitoring.notifications.resource import ChannelRequest
from monitoring.notifications.sending import settings_of as channel_settings_of
from monitoring.notifications.services import add_channel
from monitoring.sensor_host.rows import read_rows
from monitoring.sensor_host.running import specification_of
from monitoring.sensor_management.resource import SensorRequest
from monitoring.sensor_management.services import add_sensor
from monitoring.sensors.driver import SENSORS, SensorError, driver_class
from monitoring.sensors.settings import checked_settings, settings_model

pytestmark = pytest.mark.django_db
GUARD = OutgoingGuard()
SHORT_S = 0.2
"""For what does not answer."""


@pytest.fixture
def nowhere() -> Iterator[int]:
    """A port of this machine that is taken, and refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


COMPLETE_SENSORS: dict[str, dict[str, Any]] = {
    "digitemp": {"port": "/dev/ttyUSB99", "program": "digitemp_DS9097U"},
    "arduino": {
        "port": "/dev/ttyUSB99", "baud_rate": 115200, "order": "humidity", "decimal": "comma",
        "pattern": "(?P<temperature>[0-9]+)",
    },
    "host": {"groups": "load,cpu", "disks": "/tmp"},
    "mqtt": {
        "host": "127.0.0.1", "port": "PORT", "user": "anna", "password": "p4ssword", "tls": True,
        "topics": "a=temperature",
    },
    "http": {
        "url": "http://127.0.0.1:PORT/now", "query": "key=abc", "headers": '{"X-Key": "abc"}',
        "values": "a=temperature", "time": "at",
    },
    "command": {"command": ["/bin/echo", "3.5"], "quantity": "wind", "values": "a=wind"},
    "simulated": {"temperature": 1.0, "amplitude": 2.0, "humidity": 30.0, "fault": "noise"},
}  # fmt: skip
COMPLETE_CHANNELS: dict[str, dict[str, Any]] = {
    "mail": {
        "host": "127.0.0.1", "port": "PORT", "security": "tls", "user": "anna", "password": "p4ssword",
        "sender": "sky@example.org", "recipients": ["anna@example.org"],
    },
    "webhook": {"url": "http://127.0.0.1:PORT/hook", "secret": "0123456789abcdef"},
    "ntfy": {"server": "http://127.0.0.1:PORT", "topic": "sky", "token": "tk_1"},
    "telegram": {
        "server": "http://127.0.0.1:PORT", "token": "12345:AAAAAAAAAAAAAAAAAAAAAAAAAA", "chat_id": "-42",
    },
    "matrix": {"server": "http://127.0.0.1:PORT", "room": "!room:example.org", "access_token": "syt_0123456789"},
    "command": {"command": ["/bin/true"]},
    "mqtt": {
        "host": "127.0.0.1", "port": "PORT", "tls": False, "user": "anna", "password": "p4ssword", "topic": "sky",
        "discovery": False, "discovery_prefix": "ha",
    },
}  # fmt: skip
COMPLETE_DESTINATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "s3": (
        {
            "endpoint": "http://127.0.0.1:PORT", "bucket": "copies", "access_key": "anna", "prefix": "one",
            "region": "eu-west-1", "path_style": False, "only_copy": True, "redirect": True, "plain_http": True,
        },
        {"secret_key": "p4ssword"},
    ),
    # One of its two secrets: the other one is always left out.
    "sftp": ({"host": "127.0.0.1", "port": "PORT", "user": "anna", "path": "one"}, {"password": "p4ssword"}),
    "folder": ({"path": "/mnt/copies"}, {}),
}  # fmt: skip
DESTINATION_FIELDS = {
    "host_key": f"SHA256:{'a' * 43}", "cameras": [], "enabled": False, "keep_local": True, "bytes_per_s": 1000,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    kind: str
    left_out: str

    def __str__(self) -> str:
        return f"{self.kind} without {self.left_out or 'nothing'}"

    def filled(self, values: dict[str, Any], port: int) -> dict[str, Any]:
        """Without what is left out."""
        text = str(port)
        return {
            name: port if value == "PORT" else value.replace("PORT", text) if isinstance(value, str) else value
            for name, value in values.items()
            if name != self.left_out
        }


def cases(kind: str, optional: list[str]) -> list[Case]:
    return [Case(kind, name) for name in ["", *optional]]


def optional_fields(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if not field.is_required()]


SENSOR_CASES = [
    case for kind in SENSORS
    for case in cases(kind, optional_fields(settings_model(kind)))
]  # fmt: skip
CHANNEL_CASES = [
    case for kind in CHANNEL_KINDS for case in cases(kind, optional_fields(channel_class(kind).settings_model))
]
DESTINATION_CASES = [
    case for kind in SETTINGS for case in cases(kind, [*optional_fields(SETTINGS[kind]), *DESTINATION_FIELDS])
]


def test_the_table_has_every_setting_of_every_kind() -> None:
    assert {kind: set(given) for kind, given in COMPLETE_SENSORS.items()} == {
        kind: set(settings_model(kind).model_fields) for kind in SENSORS
    }
    assert {kind: set(given) for kind, given in COMPLETE_CHANNELS.items()} == {
        kind: set(channel_class(kind).settings_model.model_fields) for kind in CHANNEL_KINDS
    }
    assert {kind: set(given) for kind, (given, _) in COMPLETE_DESTINATIONS.items()} == {
        kind: set(model.model_fields) for kind, model in SETTINGS.items()
    }


@pytest.mark.parametrize("case", SENSOR_CASES, ids=str)
def test_a_sensor_is_read_with_its_defaults(case: Case, nowhere: int) -> None:
    given = case.filled(COMPLETE_SENSORS[case.kind], nowhere)
    add_sensor(SensorRequest(name="one", kind=case.kind, settings=given), "ada", from_file=True)
    [row] = read_rows("main")
    settings = specification_of(row, GUARD.rules())["settings"]
    assert settings == checked_settings(case.kind, given)
    # Its device is away: a SensorError says so, and nothing else is raised.
    driver = driver_class(case.kind)(settings, GUARD)
    with contextlib.suppress(SensorError):
        driver.open(SHORT_S)
        driver.read(SHORT_S)
    driver.close()


@pytest.mark.parametrize("kind", SENSORS)
def test_a_sensor_of_an_older_version_has_the_defaults_of_new_settings(kind: str) -> None:
    model = settings_model(kind)
    required = dict.fromkeys(model.model_fields.keys() - set(optional_fields(model)), "")
    Sensor.objects.create(name="one", kind=kind, host="main", settings=required)
    [row] = read_rows("main")
    assert set(row.complete_settings()) == set(model.model_fields)


@pytest.mark.parametrize("case", CHANNEL_CASES, ids=str)
def test_a_notification_channel_is_read_with_its_defaults(case: Case, nowhere: int) -> None:
    given = case.filled(COMPLETE_CHANNELS[case.kind], nowhere)
    add_channel(ChannelRequest(name="one", kind=case.kind, settings=given), "ada", from_file=True)
    found = channel_settings_of(NotificationChannel.objects.get())
    assert found == channel_class(case.kind).settings_model.model_validate(given)
    channel_class(case.kind)(found, GUARD)


class NoLimit:
    def take_bytes(self, count: int) -> None:
        """Let them pass."""


@pytest.mark.parametrize("case", DESTINATION_CASES, ids=str)
def test_an_offsite_destination_is_read_with_its_defaults(case: Case, nowhere: int) -> None:
    settings, secret = (case.filled(values, nowhere) for values in COMPLETE_DESTINATIONS[case.kind])
    fields = case.filled(DESTINATION_FIELDS, nowhere)
    wanted = DestinationRequest(
        name="one", kind=cast(Any, case.kind), classes=["capture"], settings=settings, secret=secret, **fields
    )
    add_destination(wanted, "ada")
    made = Destination.objects.get()
    assert made.typed_settings == SETTINGS[case.kind].model_validate(settings)
    assert made.typed_secret == SECRETS[case.kind].model_validate(secret)
    # Its far end is away: a DestinationError says so, and nothing else is raised.
    with contextlib.suppress(DestinationError), opened(made, cast(Pace, NoLimit())) as sender:
        sender.probe()
