"""The command line while the broker is down."""

from __future__ import annotations

import json

import pytest

from cameras.editing.services import add_camera
from cameras.models import Camera
from captures.models import Session
from core.broker import broker
from tests.harness.busy_machine import own_seconds
from tests.harness.stations.command_line import skycam

pytestmark = pytest.mark.django_db


@pytest.fixture
def camera() -> Camera:
    broker.connection.cache_clear()
    return add_camera(slug="sim", kind="simulated")


@pytest.mark.parametrize(
    "words",
    [("capture",), ("start", "-e", "1"), ("connect",), ("disconnect",), ("cameras", "set", "sim", "--set", "iso=1")],
)
def test_without_a_broker_a_command_fails_within_two_seconds(camera: Camera, words: tuple[str, ...]) -> None:
    begun = own_seconds()
    found = skycam("--output", "json", *words)
    assert own_seconds() - begun < 2
    assert found.exit_code == 3
    assert json.loads(found.stdout)["type"] == "/problems/broker-down"


def test_without_a_broker_no_session_starts_later(camera: Camera) -> None:
    skycam("start", "-e", "1")
    assert Session.objects.get().state == "failed"


def test_without_a_broker_status_is_an_error() -> None:
    assert skycam("status").exit_code == 3
