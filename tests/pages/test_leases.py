"""Who controls a camera, on its page and on its card."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cameras import leases
from cameras.models import Camera
from cameras.settings.presets import save_preset
from cameras.status import status
from cameras.status.messages import absent_status
from captures.models import Session
from core.events.models import Event
from skycam_project.access.models import User
from tests.harness.clients.pages import text_of

SCRIPT = {"HX-Request": "true"}
PAGE = "/cameras/sky/"


@pytest.fixture
def anna(camera: Camera) -> Client:
    return client_of("anna")


def client_of(name: str, role: str = "operator") -> Client:
    client = Client(headers=SCRIPT)
    client.force_login(User.objects.create_user(name, role=role))
    return client


def shown(client: Client, part: str = "now/") -> str:
    return text_of(client.get(f"{PAGE}{part}"))


def test_an_operator_takes_a_camera_and_releases_it(anna: Client) -> None:
    assert "You hold Sky." in text_of(anna.post(f"{PAGE}take/"))
    assert "You, since" in shown(anna)
    assert "You have released Sky. No one holds it now." in text_of(anna.post(f"{PAGE}release/"))
    assert "Not taken. Any operator can control it." in shown(anna)


def test_the_holder_on_the_page_is_empty_while_no_one_holds_the_camera(anna: Client) -> None:
    anna.post(f"{PAGE}take/")
    assert 'data-reported-holder=""' in text_of(anna.post(f"{PAGE}release/"))
    assert re.findall(r'data-held-by="([^"]*)"', shown(anna, "")) == ["", ""]


@pytest.mark.usefixtures("camera")
def test_a_user_called_nobody_holds_a_camera() -> None:
    nobody = client_of("nobody")
    assert 'data-reported-holder="nobody"' in text_of(nobody.post(f"{PAGE}take/"))
    assert re.findall(r'data-held-by="([^"]*)"', shown(nobody, "")) == ["nobody", "nobody"]


def test_a_message_about_something_else_names_no_holder(anna: Client) -> None:
    assert "data-reported-holder" not in text_of(anna.post(f"{PAGE}hold/"))


def test_a_camera_is_taken_without_scripts(anna: Client) -> None:
    answer = anna.post(f"{PAGE}take/", headers={"HX-Request": "", "Referer": f"http://testserver{PAGE}"})
    assert answer.status_code == 302
    assert answer["Location"] == f"http://testserver{PAGE}"


def test_only_the_holders_page_renews_the_lease(anna: Client) -> None:
    anna.post(f"{PAGE}take/")
    assert 'hx-post="/cameras/sky/hold/"' in shown(anna, "")
    assert 'hx-post="/cameras/sky/hold/"' not in shown(client_of("bob"), "")


def test_a_renewal_extends_the_lease_without_a_message(anna: Client, camera: Camera) -> None:
    anna.post(f"{PAGE}take/")
    Camera.objects.update(held_until=timezone.now() + timedelta(seconds=20))
    assert anna.post(f"{PAGE}hold/").status_code == 204
    camera.refresh_from_db()
    assert camera.held_until
    assert camera.held_until > timezone.now() + timedelta(seconds=30)


def test_a_late_renewal_says_so_and_acquires_nothing(anna: Client, camera: Camera) -> None:
    anna.post(f"{PAGE}take/")
    Camera.objects.update(held_until=timezone.now())
    assert "You no longer hold Sky." in text_of(anna.post(f"{PAGE}hold/"))
    assert "Not taken. Any operator can control it." in shown(anna)


def test_the_previous_holder_sees_who_took_over(anna: Client, camera: Camera) -> None:
    anna.post(f"{PAGE}take/")
    leases.acquire_lease(camera, "bob", over=True)
    assert "bob took it over from you" in shown(anna)
    assert "bob took it over." in text_of(anna.post(f"{PAGE}hold/"))
    assert "bob took Sky over from anna." in shown(anna)


def test_taking_over_asks_for_confirmation(anna: Client, camera: Camera) -> None:
    leases.acquire_lease(camera, "bob")
    page = shown(anna, "")
    assert 'hx-confirm="Take over from bob?"' in page
    assert "bob has held it since" in page
    assert "Take over" in page


def test_nothing_is_taken_over_without_confirmation(anna: Client, camera: Camera) -> None:
    leases.acquire_lease(camera, "bob")
    assert "Sky is held by bob since" in text_of(anna.post(f"{PAGE}take/"))
    assert "You hold Sky." in text_of(anna.post(f"{PAGE}take/", {"over": "bob"}))


CAN = {"settings": {"gain": {"unit": "dB", "minimum": 1, "maximum": 16}}}


@pytest.mark.parametrize("act", ["capture/", "connect/", "disconnect/", "settings/", "start/", "record/"])
def test_a_command_of_another_says_who_holds_it_by_the_name_and_clock_of_the_page(
    act: str, anna: Client, camera: Camera
) -> None:
    Camera.objects.update(capabilities={**CAN, "stream": True})
    leases.acquire_lease(camera, "bob")
    answer = text_of(anna.post(f"{PAGE}{act}", {"exposure": "1 s", "wait": "2"}))
    since = timezone.localtime(Camera.objects.get().held_since)
    assert f"Sky is held by bob since {since:%H:%M:%S}. Ask them to release it, or take it over." in answer


@pytest.mark.parametrize("path", [PAGE, "/"])
@pytest.mark.parametrize("state", ["ready", "reconnecting", "quarantined"])
def test_the_buttons_of_a_camera_held_by_another_are_disabled_with_the_reason(
    path: str, state: str, anna: Client, camera: Camera, valkey: Any
) -> None:
    status.write_status(valkey, absent_status("sky", "connected", "") | {"observed": state})
    leases.acquire_lease(camera, "bob")
    page = text_of(anna.get(path))
    commands = re.findall(r'<button [^>]*data-action="(?:capture|connect|disconnect|record)"[^>]*>', page)
    assert commands
    assert [button for button in commands if " disabled title=" not in button] == []
    assert re.findall(r'<a [^>]*data-action="start"', page) == []
    assert 'data-action="take"' in page


def test_settings_are_disabled_with_the_reason(anna: Client, camera: Camera) -> None:
    leases.acquire_lease(camera, "bob")
    assert 'data-held="Held by bob since' in shown(anna)


def test_a_preset_is_not_applied_by_another(anna: Client, camera: Camera) -> None:
    Camera.objects.update(capabilities=CAN, settings={"gain": 2})
    save_preset(Camera.objects.get(), "dusk", {"gain": 4.0})
    leases.acquire_lease(camera, "bob")
    answer = anna.post(f"{PAGE}presets/dusk/", {"do": "apply"})
    assert answer.status_code == 409
    assert "Sky is held by bob since" in text_of(answer)
    assert Camera.objects.get().settings == {"gain": 2}


def test_the_holders_session_is_not_stopped_by_another(anna: Client, camera: Camera) -> None:
    session = Session.objects.create(camera=camera, programme={"exposure_us": 1}, state="running", created_by="bob")
    leases.acquire_lease(camera, "bob")
    assert "Sky is held by bob" in text_of(anna.post(f"{PAGE}stop/"))
    assert "Sky is held by bob" in text_of(anna.post(f"/sessions/{session.pk}/stop/"))
    assert not Event.objects.filter(kind="command", data__outcome="wished").exists()


def test_taking_over_works_only_from_the_holder_named_in_the_question(anna: Client, camera: Camera) -> None:
    """bob has taken the camera over while the question was open."""
    leases.acquire_lease(camera, "bob")
    assert "Sky is held by bob since" in text_of(anna.post(f"{PAGE}take/", {"over": "carl"}))


def test_the_card_says_who_holds_it(anna: Client, camera: Camera) -> None:
    leases.acquire_lease(camera, "bob")
    assert "Held by bob since" in text_of(anna.get("/dashboard/now/"))


# The session as the holder


@pytest.fixture
def run(camera: Camera) -> Session:
    programme = {"exposure_us": 1}
    return Session.objects.create(camera=camera, programme=programme, state="running", created_by="cli:bob", name="Leo")


STOPS = [f"{PAGE}stop/", "/sessions/{}/stop/"]


def test_a_session_is_shown_as_the_holder(anna: Client, run: Session) -> None:
    assert "The session of bob, since" in shown(anna)
    assert "Take over" in shown(anna)
    assert "Held by bob since" in text_of(anna.get("/dashboard/now/"))


def test_the_owner_stops_a_session_without_confirmation(run: Session) -> None:
    bob = client_of("bob")
    assert "You, since" in shown(bob)
    assert "Held by" not in text_of(bob.get("/dashboard/now/"))
    assert "hx-confirm" not in shown(bob) + text_of(bob.get(f"/sessions/{run.pk}/"))
    assert "The request is stored: the session stops" in text_of(bob.post(f"{PAGE}stop/"))


@pytest.mark.parametrize("path", [PAGE, "/", "/sessions/{}/"])
def test_stopping_the_session_of_another_asks_for_confirmation(path: str, anna: Client, run: Session) -> None:
    page = text_of(anna.get(path.format(run.pk)))
    assert "This session was started by cli:bob" in page
    assert "Take over from bob and stop the session?" in page
    assert "Capture between two frames" not in page


@pytest.mark.parametrize("path", STOPS)
def test_the_session_of_another_is_not_stopped_without_confirmation(path: str, anna: Client, run: Session) -> None:
    answer = text_of(anna.post(path.format(run.pk)))
    assert "Sky is held by bob since" in answer
    assert "with the session Leo. Ask them to stop it, or take it over." in answer
    assert Session.objects.get().desired == "running"


@pytest.mark.parametrize("path", STOPS)
def test_confirming_takes_the_camera_over_and_stops_the_session(path: str, anna: Client, run: Session) -> None:
    assert "The request is stored: the session stops" in text_of(anna.post(path.format(run.pk), {"over": "bob"}))
    assert Camera.objects.get().held_by == "anna"
    assert Session.objects.get().desired == "stopped"
    assert "anna took Sky over from bob." in shown(anna)


def test_the_owner_of_the_session_sees_who_took_over(camera: Camera, run: Session) -> None:
    leases.acquire_lease(camera, "anna", over=True)
    page = shown(client_of("bob"))
    assert "anna took it over from you" in page
    assert "anna has since taken over the camera." in page
    assert "Take over from anna and stop the session?" in page


def test_stopping_an_ended_session_acquires_no_lease(anna: Client, run: Session) -> None:
    Session.objects.update(state="finished")
    assert "Session finished" in text_of(anna.post(f"/sessions/{run.pk}/stop/", {"over": "bob"}))
    assert Camera.objects.get().held_by == ""


def test_after_a_release_the_session_holds_the_camera(anna: Client, camera: Camera, run: Session) -> None:
    leases.acquire_lease(camera, "anna", over=True)
    assert "The session of bob holds it now." in text_of(anna.post(f"{PAGE}release/"))


def test_a_viewer_sees_who_holds_it_and_no_button(camera: Camera) -> None:
    leases.acquire_lease(camera, "bob")
    page: Any = shown(client_of("vera", "viewer"), "")
    assert "bob, since" in page
    assert "Take over" not in page


# The run of a schedule


@pytest.fixture
def twilight(run: Session) -> Session:
    Session.objects.update(schedule="Twilight", name="Twilight")
    return run


@pytest.mark.parametrize("path", [f"{PAGE}now/", "/dashboard/now/"])
def test_the_run_of_a_schedule_is_named_by_its_schedule(path: str, anna: Client, twilight: Session) -> None:
    page = text_of(anna.get(path))
    assert "Schedule Twilight" in page
    assert "Held by bob" not in page
    assert "The session of bob" not in page


@pytest.mark.parametrize("path", [PAGE, "/"])
def test_stopping_the_run_of_a_schedule_asks_for_no_confirmation(path: str, anna: Client, twilight: Session) -> None:
    page = text_of(anna.get(path))
    (stop,) = re.findall(r'<button [^>]*data-action="stop"[^>]*>', page)[:1]
    assert "disabled" not in stop
    assert "and stop the session?" not in page


def test_the_page_of_a_schedules_run_names_the_schedule_and_has_its_controls(anna: Client, twilight: Session) -> None:
    page = " ".join(text_of(anna.get(f"/sessions/{twilight.pk}/")).split())
    assert "by Schedule Twilight" in page
    assert "Stop session" in page
    assert "and stop the session?" not in page


@pytest.mark.parametrize("path", STOPS)
def test_each_operator_stops_the_run_of_a_schedule(path: str, anna: Client, twilight: Session) -> None:
    assert "The request is stored: the session stops as soon as its camera can be reached." in text_of(
        anna.post(path.format(twilight.pk))
    )
    assert Session.objects.get().desired == "stopped"
    assert Camera.objects.get().held_by == ""


def test_a_session_that_was_handed_over_is_that_of_its_receiver(anna: Client, twilight: Session) -> None:
    Session.objects.update(handed_to="carl")
    assert "The session of carl, since" in shown(anna)
    assert "Sky is held by carl since" in text_of(anna.post(f"{PAGE}stop/"))
