"""Handing a running session over to another user: by the API, on its page and on the command line."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.leases import acquire_lease
from cameras.models import Camera
from captures.models import Session
from core.events.models import Event
from tests.harness.stations.command_line import answer, skycam


@pytest.fixture
def session(camera: Camera) -> Session:
    """Started by the operator of the tests."""
    programme = {"exposure_us": 1000, "cadence_s": 12.0}
    return Session.objects.create(camera=camera, state="running", programme=programme, created_by="a-operator")


def api(session: Session) -> str:
    return f"/api/v1/sessions/{session.pk}/hand-over/"


def holder(session: Session) -> str:
    session.refresh_from_db()
    return session.holder


def test_the_receiver_holds_the_camera_and_the_session_goes_on(operator: Any, manager: Any, session: Session) -> None:
    found = operator.post(api(session), {"to": "a-manager"})
    assert found.json()["handed_to"] == "a-manager"
    assert found.json()["state"] == "running"
    refused = operator.post(f"/api/v1/sessions/{session.pk}/pause/")
    assert refused.status_code == 409
    assert "is held by a-manager" in refused.json()["detail"]


def test_the_event_says_who_handed_it_to_whom(operator: Any, manager: Any, session: Session) -> None:
    operator.post(api(session), {"to": "a-manager"})
    event = Event.objects.get(kind="session.handed_over")
    assert (event.actor, event.subject, event.data) == ("a-operator", str(session.pk), {"to": "a-manager"})


def test_the_lease_of_the_giver_ends(operator: Any, manager: Any, session: Session) -> None:
    acquire_lease(session.camera, "a-operator", for_s=3600)
    operator.post(api(session), {"to": "a-manager"})
    session.camera.refresh_from_db()
    assert session.camera.held_by == ""


@pytest.mark.parametrize("to", ["nobody", "a-viewer", "", "a-operator\n"])
def test_only_a_user_who_may_control_the_camera_gets_it(operator: Any, viewer: Any, session: Session, to: str) -> None:
    assert operator.post(api(session), {"to": to}).status_code == 400
    assert holder(session) == "a-operator"


def test_a_user_who_may_not_see_the_camera_does_not_get_it(operator: Any, manager: Any, session: Session) -> None:
    Camera.objects.filter(pk=session.camera_id).update(restricted=True)
    assert manager.post(api(session), {"to": "a-operator"}).status_code == 409
    Session.objects.update(created_by="a-manager")
    assert manager.post(api(session), {"to": "a-operator"}).status_code == 400


def test_a_session_of_another_user_is_not_handed_over(operator: Any, manager: Any, session: Session) -> None:
    assert manager.post(api(session), {"to": "a-manager"}).status_code == 409
    assert holder(session) == "a-operator"


def test_an_ended_session_is_not_handed_over(operator: Any, manager: Any, session: Session) -> None:
    Session.objects.update(state="finished")
    found = operator.post(api(session), {"to": "a-manager"})
    assert found.json()["detail"].endswith("is finished; there is nothing to hand over.")


def test_its_page_offers_the_users_who_may_control_the_camera(
    operator: Any, manager: Any, viewer: Any, session: Session
) -> None:
    content = operator.get(f"/sessions/{session.pk}/").content.decode()
    assert "<option>a-manager</option>" in content
    assert "<option>a-viewer</option>" not in content
    assert "<option>a-operator</option>" not in content


def test_the_page_hands_it_over(operator: Any, manager: Any, session: Session) -> None:
    form = {"to": "a-manager"}
    found = operator.post(f"/sessions/{session.pk}/hand-over/", form, "multipart", headers={"hx-request": "true"})
    assert "a-manager holds" in found.content.decode()
    assert holder(session) == "a-manager"


def test_the_command_line_hands_it_over(manager: Any, session: Session) -> None:
    skycam("take", "sky", "--over")
    body = answer("sessions", "hand-over", str(session.pk), "a-manager")
    assert body["handed_to"] == "a-manager"
