"""Waking a jobs worker: never needed, and never in the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from core.jobs import services
from core.jobs.models import Job
from tests.harness.stations.broker import broker_that_hangs_up

pytestmark = pytest.mark.django_db


def test_without_a_broker_a_host_is_not_woken() -> None:
    assert services.wake_host("main") is False


def test_a_broker_that_is_away_is_tried_twice() -> None:
    with broker_that_hangs_up(settings.STATION) as ended:
        assert services.wake_host("main") is False
    assert len(ended) == 2


def test_messages_to_a_host_that_is_gone_do_not_pile_up(valkey: redis.Redis) -> None:
    assert [services.wake_host("gone") for _ in range(3)] == [True] * 3
    assert [valkey.llen(name) for name in valkey.keys("*:jobs.gone")] == [1]


def test_hosts_with_due_or_lost_jobs_are_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    now, woken = timezone.now(), list[str]()
    monkeypatch.setattr(services, "wake_host", lambda host: bool(woken.append(host)) or True)
    Job.objects.create(kind="verify", host="due")
    Job.objects.create(kind="verify", host="later", not_before=now + timedelta(minutes=4))
    Job.objects.create(kind="verify", host="ahead", not_before=now + timedelta(hours=1))
    Job.objects.create(kind="verify", host="lost", state="running", lease_until=now - timedelta(seconds=1))
    Job.objects.create(kind="verify", host="busy", state="running", lease_until=now + timedelta(seconds=20))
    services.wake_hosts_with_jobs()
    assert woken == ["ahead", "due", "lost"]
