"""A camera with a session whose host is away: it is moved once a person confirms that the machine is off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.editing.services import HostAlive, HostGone
from cameras.leases import LeaseHeld, SessionRunning
from cameras.models import Camera, CameraHost
from captures.models import Session
from core.broker import broker
from core.events.models import Event
from tests.harness.rows.cameras import change_camera

pytestmark = pytest.mark.django_db


@pytest.fixture
def camera(valkey: Any) -> Camera:
    """On the host `barn`, which has been away for a minute."""
    CameraHost.objects.create(name="barn", machine="barn", leased_until=timezone.now() - timedelta(minutes=1))
    return Camera.objects.create(slug="sky", name="Sky", kind="simulated", host="barn")


@pytest.fixture
def session(camera: Camera) -> Session:
    return Session.objects.create(camera=camera, programme={}, state="running", created_by="ada")


def moved(camera: Camera, actor: str = "ben", **confirmation: bool) -> str:
    return change_camera(camera, {"host": "main"}, actor, **confirmation).host


def host_of(camera: Camera) -> str:
    camera.refresh_from_db()
    return camera.host


def test_it_is_not_moved_without_confirmation(camera: Camera, session: Session) -> None:
    with pytest.raises(HostGone, match="--host-is-gone"):
        moved(camera, "ada")
    assert host_of(camera) == "barn"


def test_it_is_moved_and_its_session_ends_with_the_reason(camera: Camera, session: Session) -> None:
    assert moved(camera, host_is_gone=True) == "main"
    session.refresh_from_db()
    assert session.state == "failed"
    assert session.desired == "stopped"
    assert session.reason == "host_down"
    assert (
        "moved from the host barn, which did not answer, to main" in Event.objects.get(kind="session.stopped").message
    )


def test_a_host_whose_lease_lasts_is_not_gone(camera: Camera, session: Session) -> None:
    CameraHost.objects.update(leased_until=timezone.now() + timedelta(hours=1))
    with pytest.raises(HostAlive, match="not gone"):
        moved(camera, host_is_gone=True)
    assert host_of(camera) == "barn"


def test_a_host_with_a_heartbeat_is_not_gone(camera: Camera, session: Session, valkey: Any) -> None:
    valkey.set(broker.key("host", "barn"), "{}")
    with pytest.raises(HostAlive):
        moved(camera, host_is_gone=True)
    with pytest.raises(SessionRunning, match="Stop it first"):
        moved(camera, "ada")


def test_a_host_of_unknown_state_is_not_gone(camera: Camera, session: Session, valkey: Any) -> None:
    valkey.shutdown(nosave=True)
    with pytest.raises(broker.BrokerDown):
        moved(camera, host_is_gone=True)
    assert host_of(camera) == "barn"


def test_the_holder_of_its_lease_keeps_it(camera: Camera, session: Session) -> None:
    Camera.objects.update(held_by="ada", held_since=timezone.now(), held_until=timezone.now() + timedelta(minutes=1))
    with pytest.raises(LeaseHeld):
        moved(camera, host_is_gone=True)


def test_without_a_session_it_is_moved_without_confirmation(camera: Camera) -> None:
    assert moved(camera) == "main"


def test_the_api_moves_it_for_a_manager(camera: Camera, session: Session, manager: Any) -> None:
    refused = manager.patch("/api/v1/cameras/sky/", {"host": "main"})
    answer = manager.patch("/api/v1/cameras/sky/", {"host": "main", "host_is_gone": True})
    assert refused.status_code == 409
    assert answer.status_code == 200
    assert answer.json()["host"] == "main"
