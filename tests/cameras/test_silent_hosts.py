"""How long ago a host has written its heartbeat."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from core.broker import broker
from monitoring.alert_rules.host_signals import SilentHosts


@pytest.fixture
def hosts(valkey: Any, camera: Camera) -> SilentHosts:
    return SilentHosts()


def is_at_least(hosts: SilentHosts) -> bool:
    (signal,) = hosts.signals()
    return signal.is_at_least


def test_a_host_that_was_silent_from_the_start_may_have_been_so_for_longer(hosts: SilentHosts) -> None:
    assert is_at_least(hosts)


def test_the_silence_of_a_host_that_was_heard_is_known(hosts: SilentHosts, valkey: Any) -> None:
    valkey.set(broker.key("host", "main"), "1")
    assert not is_at_least(hosts)
    valkey.flushall()
    assert not is_at_least(hosts)
