"""Pausing and resuming a session: by the API, on its page and on the command line."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from cameras.models import Camera
from captures.ingest import ingest_session
from captures.models import Session
from captures.sessions.models import SessionState
from core.events.models import Event
from tests.harness.clients.pages import text_of
from tests.harness.far_ends.camera_host import camera_host
from tests.harness.stations.command_line import answer, skycam

PROGRAMME = {"exposure_us": 1000, "cadence_s": 12.0}
HTMX = {"hx-request": "true"}


@pytest.fixture
def session(camera: Camera) -> Session:
    return Session.objects.create(camera=camera, state="running", programme=PROGRAMME, created_by="a-operator")


@pytest.fixture
def paused(session: Session) -> Session:
    Session.objects.update(state="paused", desired="paused", revision=2)
    session.refresh_from_db()
    return session


def api(session: Session, order: str) -> str:
    return f"/api/v1/sessions/{session.pk}/{order}/"


def page(session: Session, order: str = "") -> str:
    return f"/sessions/{session.pk}/{order}"


def ingest_state(session: Session, state: str, number: int) -> None:
    """Ingest a record of the camera process."""
    body = {"session": str(session.pk), "number": number, "state": state, "at": "2026-03-01T00:00:00+00:00"}
    body |= {"reason": "", "message": ""}
    ingest_session({"kind": "session", "id": "r", "camera": "c", "slug": "sky", "root": "r", "files": [], "body": body})


def test_a_pause_is_stored_and_sent_to_the_camera(operator: Any, session: Session, empty_broker: redis.Redis) -> None:
    with camera_host(empty_broker, {"start": {}}) as commands:
        found = operator.post(api(session, "pause"))
    assert found.status_code == 200
    assert found.json()["desired"] == "paused"
    assert [(c["order"], c["arguments"]["session"]["desired"]) for c in commands] == [("start", "paused")]
    assert commands[0]["arguments"]["session"]["revision"] == 2


def test_a_paused_session_is_resumed(operator: Any, paused: Session, empty_broker: redis.Redis) -> None:
    with camera_host(empty_broker, {"start": {}}) as commands:
        found = operator.post(api(paused, "resume"))
    assert found.status_code == 200
    assert found.json()["desired"] == "running"
    assert [(c["order"], c["arguments"]["session"]["desired"]) for c in commands] == [("start", "running")]


def test_a_second_pause_sends_the_command_again_and_changes_nothing(
    operator: Any, paused: Session, empty_broker: redis.Redis
) -> None:
    with camera_host(empty_broker, {"start": {}}) as commands:
        assert operator.post(api(paused, "pause")).status_code == 200
    paused.refresh_from_db()
    assert len(commands) == 1
    assert paused.revision == 2


@pytest.mark.parametrize("order", ["pause", "resume"])
def test_an_event_names_who_paused_or_resumed(
    order: str, operator: Any, paused: Session, empty_broker: redis.Redis
) -> None:
    Session.objects.update(desired="running" if order == "pause" else "paused")
    with camera_host(empty_broker, {"start": {}}):
        operator.post(api(paused, order))
    did = Event.objects.get(kind="command", data__order=order)
    assert did.actor == "a-operator"
    assert did.message == f"a-operator {order}d the session on sky."


def test_without_its_host_the_pause_is_stored_and_the_answer_is_503(
    operator: Any, session: Session, empty_broker: redis.Redis
) -> None:
    found = operator.post(api(session, "pause"))
    session.refresh_from_db()
    assert found.status_code == 503
    assert found.json()["type"] == "/problems/host-down"
    assert found.json()["detail"].endswith(
        "The request is stored: the session pauses as soon as its camera can be reached."
    )
    assert session.desired == "paused"


GONE = {"ok": False, "problem": "camera-not-reachable", "detail": "It has ended."}
"""The answer of a host whose camera process has just died."""


@pytest.mark.parametrize(("order", "words"), [("stop", "stops"), ("pause", "pauses"), ("resume", "continues")])
def test_without_its_process_the_request_is_stored_and_the_answer_says_so(
    order: str, words: str, operator: Any, paused: Session, empty_broker: redis.Redis
) -> None:
    Session.objects.update(desired="running" if order == "pause" else "paused", created_by="a-operator")
    with camera_host(empty_broker, {"start": GONE, "stop": GONE}):
        found = operator.post(api(paused, order))
    assert found.status_code == 503
    assert found.json()["type"] == "/problems/camera-not-reachable"
    assert found.json()["detail"] == (
        f"It has ended. The request is stored: the session {words} as soon as its camera can be reached."
    )


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_a_session_that_has_ended_cannot_be_paused_or_resumed(state: str, operator: Any, session: Session) -> None:
    Session.objects.update(state=state)
    found = [operator.post(api(session, order)) for order in ("pause", "resume")]
    assert [one.json()["type"] for one in found] == ["/problems/session-ended"] * 2
    assert [one.status_code for one in found] == [409, 409]


def test_a_session_that_is_being_stopped_cannot_be_resumed(operator: Any, session: Session) -> None:
    Session.objects.update(desired="stopped")
    found = operator.post(api(session, "resume"))
    assert found.status_code == 409
    assert "is being stopped" in found.json()["detail"]


def test_a_session_of_another_user_cannot_be_paused(operator: Any, session: Session) -> None:
    Session.objects.update(created_by="anna")
    found = operator.post(api(session, "pause"))
    session.refresh_from_db()
    assert found.status_code == 409
    assert found.json()["type"] == "/problems/held"
    assert session.desired == "running"


def test_a_viewer_cannot_pause(viewer: Any, session: Session) -> None:
    assert [viewer.post(path).status_code for path in (api(session, "pause"), page(session, "pause/"))] == [403, 403]


def test_a_record_changes_the_state_and_is_an_event(session: Session) -> None:
    ingest_state(session, "paused", 1)
    ingest_state(session, "running", 2)
    kinds = list(Event.objects.filter(subject=str(session.pk)).order_by("at", "id").values_list("kind", flat=True))
    session.refresh_from_db()
    assert kinds == ["session.paused", "session.resumed"]
    assert session.state == "running"


def test_a_session_that_is_paused_before_it_begins_is_shown_as_paused(session: Session) -> None:
    Session.objects.update(state="planned", desired="paused")
    ingest_state(session, "paused", 1)
    session.refresh_from_db()
    assert session.state == SessionState.PAUSED


def test_the_page_offers_pause_or_resume(operator: Any, viewer: Any, session: Session) -> None:
    running = text_of(operator.get(page(session)))
    Session.objects.update(state="paused", desired="paused")
    paused = text_of(operator.get(page(session)))
    assert [("Pausing" in text, "Resuming" in text) for text in (running, paused)] == [(True, False), (False, True)]
    assert "Resuming" not in text_of(viewer.get(page(session)))


@pytest.mark.parametrize(("desired", "offered"), [("running", "Pause session"), ("paused", "Resume session")])
def test_the_cameras_card_offers_pause_or_resume(desired: str, offered: str, operator: Any, session: Session) -> None:
    Session.objects.update(desired=desired, state=desired)
    assert [offered in text_of(operator.get(path)) for path in ("/", "/cameras/sky/")] == [True, True]


def test_the_page_says_that_a_running_exposure_ends_first(
    operator: Any, session: Session, empty_broker: redis.Redis
) -> None:
    with camera_host(empty_broker, {"start": {}}):
        message = operator.post(page(session, "pause/"), headers=HTMX)
    assert "The session pauses after the current exposure." in text_of(message)


def test_the_page_says_why_a_session_cannot_be_paused(operator: Any, session: Session) -> None:
    Session.objects.update(state="finished")
    message = text_of(operator.post(page(session, "pause/"), headers=HTMX))
    assert "The session on Sky is finished; there is nothing to pause." in message


@pytest.mark.parametrize("words", [["pause", "sky"], ["pause"], ["pause", "-c", "sky"]], ids=" ".join)
def test_the_command_line_pauses_by_camera(words: list[str], session: Session, empty_broker: redis.Redis) -> None:
    skycam("take", "sky", "--over")
    with camera_host(empty_broker, {"start": {}}):
        found = answer(*words)
    assert found["id"] == str(session.pk)
    assert found["desired"] == "paused"


def test_the_command_line_resumes_and_stops_by_id(paused: Session, empty_broker: redis.Redis) -> None:
    skycam("take", "sky", "--over")
    with camera_host(empty_broker, {"start": {}, "stop": {}}) as commands:
        resumed, stopped = answer("sessions", "resume", str(paused.pk)), answer("sessions", "stop", str(paused.pk))
    assert resumed["desired"] == "running"
    assert stopped["desired"] == "stopped"
    assert [command["order"] for command in commands] == ["start", "stop"]


def test_the_command_line_says_that_a_running_exposure_ends_first(session: Session, empty_broker: redis.Redis) -> None:
    skycam("take", "sky", "--over")
    with camera_host(empty_broker, {"start": {}}):
        found = skycam("sessions", "pause", str(session.pk))
    assert found.exit_code == 0
    assert "It pauses after the current capture." in found.stdout


def test_without_its_host_the_command_line_says_that_the_pause_is_stored(
    session: Session, empty_broker: redis.Redis
) -> None:
    skycam("take", "sky", "--over")
    found = skycam("pause", "sky")
    assert found.exit_code == 3
    assert "The request is stored: the session pauses" in found.stderr


def test_the_command_line_says_that_a_session_has_ended(paused: Session) -> None:
    Session.objects.update(state="stopped")
    found = skycam("sessions", "pause", str(paused.pk))
    assert found.exit_code == 1
    assert "there is nothing to pause" in found.stderr
    assert "No session runs on sky. `skycam start sky` starts one." in skycam("resume", "sky").stderr
