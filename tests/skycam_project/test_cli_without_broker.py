"""The command line while the broker is down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from socketserver import BaseRequestHandler, ThreadingUnixStreamServer

import pytest
from django.conf import settings

from cameras.models import Camera
from captures.models import Session
from core.broker import broker
from skycam_project.launch.preflight import valkey_path
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import skycam

pytestmark = pytest.mark.django_db


@pytest.fixture
def camera() -> Camera:
    broker.connection.cache_clear()
    return add_camera(slug="sim", kind="simulated")


@pytest.fixture
def connections() -> Iterator[list[object]]:
    """Those to a broker that ends each at once."""
    accepted: list[object] = []

    class Ending(BaseRequestHandler):
        def handle(self) -> None:
            accepted.append(self.request)

    with ThreadingUnixStreamServer(str(valkey_path(settings.STATION)), Ending) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield accepted
        server.shutdown()
        thread.join()
    valkey_path(settings.STATION).unlink()


@pytest.mark.parametrize(
    "words",
    [("capture",), ("start", "-e", "1"), ("connect",), ("disconnect",), ("cameras", "set", "sim", "--set", "iso=1")],
)
def test_without_a_broker_a_command_fails_and_does_not_try_again(
    camera: Camera, connections: list[object], words: tuple[str, ...]
) -> None:
    found = skycam("--output", "json", *words)
    assert found.exit_code == 3
    assert json.loads(found.stdout)["type"] == "/problems/broker-down"
    assert len(connections) == 1


def test_without_a_broker_no_session_starts_later(camera: Camera) -> None:
    skycam("start", "-e", "1")
    assert Session.objects.get().state == "failed"


def test_without_a_broker_status_is_an_error() -> None:
    assert skycam("status").exit_code == 3
