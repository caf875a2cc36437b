"""What a camera host writes to the broker each second."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis
from django.utils import timezone

from cameras.models import CameraHost
from core.broker import broker
from tests.harness.rows.archive import Archive
from tests.harness.supervision.hosts import assembled
from tests.harness.waiting import eventually

pytestmark = pytest.mark.django_db


def test_a_host_whose_live_views_are_refused_still_publishes_its_status(valkey: redis.Redis, tmp_path: Path) -> None:
    """By a broker that does not let the station read the requests of viewers."""
    Archive(tmp_path)
    valkey.execute_command("ACL", "SETUSER", "default", "-mget")  # type: ignore[no-untyped-call]
    with assembled(tmp_path) as host:
        host.database.sync()
        host.supervisor.tick()
        host.status_publisher.start()
        try:
            eventually(lambda: valkey.exists(broker.key("host", "main"), broker.key("status", "sim")) == 2)
        finally:
            host.status_publisher.stop()


def test_the_heartbeat_of_a_host_that_is_drained_says_so(valkey: redis.Redis, tmp_path: Path) -> None:
    Archive(tmp_path)
    CameraHost.objects.create(name="main", draining_since=timezone.now())
    with assembled(tmp_path) as host:
        host.database.sync()
        host.status_publisher.start()
        try:
            beat = eventually(lambda: valkey.get(broker.key("host", "main")), "a heartbeat")
        finally:
            host.status_publisher.stop()
    assert json.loads(beat)["draining"] is True
