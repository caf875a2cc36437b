"""Who controls a camera: leases, and how other users' commands are refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection
from django.utils import timezone

from cameras import leases
from cameras.leases import LeaseHeld
from cameras.models import Camera
from captures.camera_service import CameraService
from captures.capturing.requests import CaptureRequest
from captures.models import Capture, Session
from captures.sessions.requests import SessionRequest
from core.events.models import Event
from tests.harness.far_ends.camera_host import camera_host
from tests.harness.rows.captures import saved
from tests.harness.rows.keyed_requests import KEY, interrupted

SKY = "/api/v1/cameras/sky/"
GUARDED = [
    ("POST", "capture/", {}),
    ("POST", "start/", {}),
    ("POST", "connect/", {}),
    ("POST", "disconnect/", {}),
    ("PATCH", "settings/", {"gain": 2}),
    ("PUT", "settings/", {}),
    ("PUT", "faults/", {}),
    ("PATCH", "", {"settings": {}}),
    ("PATCH", "", {"enabled": False}),
    ("DELETE", "", None),
]


@pytest.fixture
def held(camera: Camera) -> Camera:
    """A camera held by anna, who is not one of the clients."""
    return leases.acquire_lease(camera, "anna")


@pytest.fixture
def run(camera: Camera) -> Session:
    return Session.objects.create(camera=camera, programme={}, created_by="anna", name="meteors", state="running")


def run_out() -> None:
    Camera.objects.update(held_until=timezone.now() - timedelta(seconds=1))


def test_a_lease_lasts_a_minute_by_default(operator: Any, camera: Camera) -> None:
    body = operator.post(f"{SKY}take/").json()
    camera.refresh_from_db()
    assert body["camera"] == "sky"
    assert body["held_by"] == "a-operator"
    assert camera.held_since
    assert camera.held_until
    assert camera.held_until - camera.held_since == pytest.approx(timedelta(seconds=60), abs=timedelta(seconds=5))


def test_taking_a_camera_again_renews_the_lease_and_never_shortens_it(operator: Any, camera: Camera) -> None:
    first = operator.post(f"{SKY}take/", {"for_s": 3600}).json()
    again = operator.post(f"{SKY}take/", {"for_s": 5}).json()
    assert again == first
    assert Event.objects.filter(kind="camera.taken").count() == 1


def test_others_see_the_holder_and_the_time(operator: Any, held: Camera) -> None:
    answer = operator.post(f"{SKY}take/")
    problem = answer.json()
    assert answer.status_code == 409
    assert problem["type"] == "/problems/held"
    assert problem["held_by"] == "anna"
    assert problem["since"][:10] == f"{held.held_since:%Y-%m-%d}"
    assert "take it over" in problem["detail"]


def test_a_camera_is_taken_over_explicitly_and_the_event_names_both_users(operator: Any, held: Camera) -> None:
    assert operator.post(f"{SKY}take/", {"over": True}).json()["held_by"] == "a-operator"
    held.refresh_from_db()
    event = Event.objects.get(kind="camera.taken", actor="a-operator")
    assert held.taken_from == "anna"
    assert event.severity == "warning"
    assert event.message == "a-operator took sky over from anna."


@pytest.mark.parametrize(("method", "route", "body"), GUARDED)
def test_commands_of_other_users_are_refused(method: str, route: str, body: Any, manager: Any, held: Camera) -> None:
    answer = getattr(manager, method.lower())(f"{SKY}{route}", body, format="json")
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/held"
    assert answer.json()["held_by"] == "anna"
    assert Capture.objects.count() == 0
    assert Session.objects.count() == 0


def take_before_it_is_stored(execute: Any, sql: str, *rest: Any) -> Any:
    """Anna takes the camera after the start was found to be allowed."""
    if sql.startswith('INSERT INTO "captures_session"'):
        leases.acquire_lease(Camera.objects.get(), "anna")
    return execute(sql, *rest)


def test_a_start_is_refused_when_another_user_takes_the_camera_at_the_same_moment(
    operator: Any, camera: Camera, empty_broker: redis.Redis
) -> None:
    with camera_host(empty_broker, {"start": {}}) as commands, connection.execute_wrapper(take_before_it_is_stored):
        answer = operator.post(f"{SKY}start/", {"exposure_s": 1, "delay_s": 2}, format="json")
    assert answer.status_code == 409
    assert answer.json()["held_by"] == "anna"
    assert Session.objects.count() == 0
    assert commands == []


def test_another_user_cannot_stop_the_holders_session(operator: Any, held: Camera, run: Session) -> None:
    assert operator.post(f"{SKY}stop/").status_code == 409
    run.refresh_from_db()
    assert run.desired == "running"


@pytest.mark.parametrize("route", ["", "status/", "settings/", "capabilities/"])
def test_reading_needs_no_lease(route: str, viewer: Any, held: Camera, valkey: Any) -> None:
    assert viewer.get(f"{SKY}{route}").status_code == 200


def test_the_holders_commands_are_accepted(operator: Any, camera: Camera) -> None:
    operator.post(f"{SKY}take/")
    assert operator.post(f"{SKY}capture/").json()["type"] == "/problems/broker-down"


def test_the_holder_at_the_command_line_is_the_same_person(held: Camera) -> None:
    assert leases.release_lease(held, "cli:anna").held_by == ""


def test_an_expired_lease_blocks_no_one(operator: Any, held: Camera) -> None:
    run_out()
    assert operator.post(f"{SKY}capture/").json()["type"] == "/problems/broker-down"
    assert operator.post(f"{SKY}take/").json()["held_by"] == "a-operator"


def test_a_renewal_never_acquires(held: Camera) -> None:
    assert leases.renew_lease(held, "anna")
    assert not leases.renew_lease(held, "bob")
    run_out()
    assert not leases.renew_lease(held, "anna")


def test_a_camera_is_released_by_its_holder(operator: Any, camera: Camera) -> None:
    operator.post(f"{SKY}take/")
    assert operator.post(f"{SKY}release/").json() == {"camera": "sky", "held_by": None, "since": None, "until": None}


def test_another_user_releases_a_camera_only_explicitly(operator: Any, held: Camera) -> None:
    assert operator.post(f"{SKY}release/").status_code == 409
    assert operator.post(f"{SKY}release/", {"over": True}).json()["held_by"] is None


def test_the_status_names_the_holder_though_its_host_is_down(viewer: Any, held: Camera, valkey: Any) -> None:
    status = viewer.get(f"{SKY}status/").json()
    assert status["observed"] == "host_down"
    assert status["held_by"] == "anna"
    assert status["held_since"][-1] == "Z"


@pytest.mark.parametrize("body", [{"for_s": 0}, {"for_s": 86_401}, {"over": "yes"}, {"who": "me"}])
def test_a_bad_request_for_a_lease_is_refused(body: dict[str, Any], operator: Any, camera: Camera) -> None:
    assert operator.post(f"{SKY}take/", body, format="json").status_code == 400


def test_a_retry_is_answered_although_another_user_holds_the_camera_now(operator: Any, camera: Camera) -> None:
    first = saved(camera, id=interrupted("a-operator", f"{SKY}capture/", {}).resource_id)
    Capture.objects.update(status="failed", reason="write_error")
    leases.acquire_lease(camera, "anna")
    answer = operator.post(f"{SKY}capture/", {}, headers={"idempotency-key": KEY})
    assert answer.json().get("capture") == str(first.pk)


# A session


def test_a_session_continues_when_its_camera_is_taken_over(operator: Any, run: Session) -> None:
    refused = operator.post(f"{SKY}take/").json()
    assert refused["held_by"] == "anna"
    assert refused["session"] == str(run.pk)
    assert operator.post(f"{SKY}take/", {"over": True}).status_code == 200
    run.refresh_from_db()
    assert run.state == "running"
    assert run.desired == "running"


def test_the_run_of_a_schedule_is_named_to_programs_and_stopped_by_each_operator(
    operator: Any, run: Session, valkey: Any
) -> None:
    Session.objects.update(schedule="Twilight")
    status = operator.get(f"{SKY}status/").json()
    assert (status["held_by"], status["held_schedule"]) == ("anna", "Twilight")
    assert operator.get(f"/api/v1/sessions/{run.pk}/").json()["schedule"] == "Twilight"
    refused = operator.post(f"{SKY}capture/").json()
    assert refused["schedule"] == "Twilight"
    assert "sky is held by Schedule Twilight since" in refused["detail"]
    operator.post(f"{SKY}stop/")
    run.refresh_from_db()
    assert run.desired == "stopped"


def test_a_users_own_session_is_not_held_by_someone_else(operator: Any, run: Session) -> None:
    Session.objects.update(created_by="a-operator")
    refused = operator.post(f"{SKY}start/", {"exposure_s": 1, "delay_s": 2}, format="json").json()
    assert refused["type"] == "/problems/held"
    assert refused["title"] == "A session runs on the camera"


def test_the_starter_of_the_session_can_take_its_camera(camera: Camera, run: Session) -> None:
    assert leases.acquire_lease(camera, "cli:anna").held_by == "anna"


def test_not_even_the_starter_disconnects_a_camera_with_a_session(operator: Any, run: Session) -> None:
    operator.post(f"{SKY}take/", {"over": True})
    problem = operator.post(f"{SKY}disconnect/").json()
    assert problem["type"] == "/problems/held"
    assert problem["held_by"] == "anna"
    assert problem["session"] == str(run.pk)
    assert "Stop it first. It was started by anna at" in problem["detail"]


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"address": "rtsp://10.0.0.9/other"}), ("DELETE", None)])
def test_not_even_the_holder_moves_or_removes_a_camera_with_a_session(
    method: str, body: Any, manager: Any, run: Session
) -> None:
    Camera.objects.update(kind="network", address="rtsp://10.0.0.9/live")
    manager.post(f"{SKY}take/", {"over": True})
    answer = getattr(manager, method.lower())(SKY, body, format="json")
    problem = answer.json()
    assert answer.status_code == 409
    assert problem["type"] == "/problems/held"
    assert problem["session"] == str(run.pk)
    assert "sky runs the session meteors. Stop it first. It was started by anna at" in problem["detail"]
    assert Camera.objects.present().get().address == "rtsp://10.0.0.9/live"
    assert Session.objects.get().desired == "running"


@pytest.mark.parametrize(("method", "route", "body"), [*GUARDED, ("POST", "stop/", {})])
def test_a_session_blocks_all_but_its_starter(method: str, route: str, body: Any, manager: Any, run: Session) -> None:
    answer = getattr(manager, method.lower())(f"{SKY}{route}", body, format="json")
    problem = answer.json()
    assert answer.status_code == 409
    assert problem["type"] == "/problems/held"
    assert problem["session"] == str(run.pk)
    assert problem["held_by"] == "anna"
    assert problem["since"][:10] == f"{run.created_at:%Y-%m-%d}"
    assert Capture.objects.count() == 0
    assert Session.objects.get().desired == "running"


def test_the_sessions_own_route_does_not_stop_it_either(operator: Any, run: Session) -> None:
    assert operator.post(f"/api/v1/sessions/{run.pk}/stop/").status_code == 409


def test_the_starter_controls_the_camera_on_the_command_line(operator: Any, run: Session) -> None:
    Session.objects.update(created_by="cli:a-operator")
    assert operator.post(f"{SKY}capture/").json()["type"] == "/problems/broker-down"
    assert operator.post(f"{SKY}stop/").json()["type"] == "/problems/broker-down"


@pytest.mark.parametrize("route", ["capture/", "stop/"])
def test_the_user_who_took_the_camera_over_controls_it(route: str, operator: Any, run: Session) -> None:
    operator.post(f"{SKY}take/", {"over": True})
    assert operator.post(f"{SKY}{route}").json()["type"] == "/problems/broker-down"


def test_after_a_take_over_the_starter_is_refused(camera: Camera, run: Session) -> None:
    leases.acquire_lease(camera, "bob", over=True)
    with pytest.raises(LeaseHeld, match="bob"):
        CameraService("anna").stop_session(run)


def test_once_the_lease_expires_the_starter_controls_the_camera_again(operator: Any, run: Session) -> None:
    operator.post(f"{SKY}take/", {"over": True})
    run_out()
    assert operator.post(f"{SKY}stop/").json()["held_by"] == "anna"


@pytest.mark.parametrize("holder", ["anna", "cli:anna", "bob"])
def test_not_even_the_holder_starts_a_second_session(holder: str, camera: Camera, run: Session) -> None:
    leases.acquire_lease(camera, holder, over=True)
    with pytest.raises(LeaseHeld, match=r"sky runs the session meteors\. Stop it first\. It was started by anna at"):
        CameraService(holder).start_session(camera, SessionRequest())


def test_a_session_of_the_station_is_held_by_the_station(operator: Any, run: Session) -> None:
    Session.objects.update(created_by="")
    assert operator.post(f"{SKY}stop/").json()["held_by"] == "the station"
    assert CameraService().capture(run.camera, CaptureRequest()).capture.status == "failed"


def test_the_status_names_the_starter(viewer: Any, run: Session, valkey: Any) -> None:
    assert viewer.get(f"{SKY}status/").json()["held_by"] == "anna"


def test_the_user_who_took_the_camera_over_changes_its_settings(operator: Any, run: Session) -> None:
    operator.post(f"{SKY}take/", {"over": True})
    operator.patch(f"{SKY}settings/", {"gain": 2}, format="json")
    assert Camera.objects.get().settings == {"gain": 2}


# The event log


def test_a_command_and_its_outcome_are_recorded_with_user_and_arguments(operator: Any, camera: Camera) -> None:
    operator.patch(f"{SKY}settings/", {"gain": 2}, format="json")
    desired, outcome = Event.objects.get(kind="camera.settings"), Event.objects.get(kind="command.failed")
    assert desired.data == {"order": "settings", "arguments": {"settings": {"gain": 2}}, "outcome": "wished"}
    assert outcome.data == desired.data | {"outcome": "broker-down", "event": str(desired.pk)}
    assert outcome.actor == "a-operator"
    assert outcome.severity == "warning"
    assert "set gain to 2" in outcome.message


@pytest.mark.parametrize("order", ["connect", "disconnect"])
def test_the_event_of_a_failed_command_has_the_reason(order: str, operator: Any, camera: Camera, valkey: Any) -> None:
    operator.post(f"{SKY}{order}/")
    event = Event.objects.get(kind="command.failed")
    assert event.data["order"] == order
    assert event.data["outcome"] == "host-down"
    assert event.message.startswith(f"a-operator {order}ed sky. The camera host")


def test_a_capture_is_recorded_with_its_request(operator: Any, camera: Camera) -> None:
    operator.post(f"{SKY}capture/", {"exposure_us": 1000}, format="json")
    event = Event.objects.get(kind="capture.failed")
    assert event.actor == "a-operator"
    assert event.data == {"arguments": {"exposure_us": 1000}, "reason": "host_down"}


def test_a_refusal_is_recorded_once_a_minute(operator: Any, held: Camera) -> None:
    operator.post(f"{SKY}capture/", {"exposure_us": 1000}, format="json")
    operator.post(f"{SKY}capture/")
    event = Event.objects.get(kind="command")
    assert event.data == {"order": "capture", "arguments": {"exposure_us": 1000}, "outcome": "held"}
    assert event.message.startswith("a-operator could not take a picture with sky. sky is held by anna since")


def test_a_user_unaware_of_the_lease_is_refused_too(camera: Camera) -> None:
    """The user read the camera's row before another user took the camera."""
    before = Camera.objects.get(pk=camera.pk)
    leases.acquire_lease(camera, "anna")
    with pytest.raises(LeaseHeld, match="anna"):
        leases.acquire_lease(before, "bob")


@pytest.mark.parametrize(
    ("method", "route", "body", "kind", "arguments"),
    [
        ("POST", "take/", {"for_s": 90}, "camera.taken", {"over": False, "for_s": 90}),
        ("PATCH", "", {"name": "Dome"}, "camera.changed", {"name": "Dome"}),
        ("POST", "presets/", {"name": "dusk", "settings": {"gain": 2}}, "camera.settings", None),
        ("DELETE", "", None, "camera.removed", {}),
    ],
)
def test_a_command_that_only_changes_rows_is_one_event(
    method: str, route: str, body: Any, kind: str, arguments: Any, manager: Any, camera: Camera
) -> None:
    getattr(manager, method.lower())(f"{SKY}{route}", body, format="json")
    event = Event.objects.get(kind=kind)
    wanted = arguments if arguments is not None else {"preset": "dusk", "settings": {"gain": 2.0}}
    assert event.actor == "a-manager"
    assert event.data["arguments"] == wanted
    assert event.data["outcome"] == "done"


def test_a_start_that_never_reached_its_host_is_recorded_too(operator: Any, camera: Camera, valkey: Any) -> None:
    operator.post(f"{SKY}start/", {"exposure_s": 1, "delay_s": 2}, format="json")
    event = Event.objects.get(kind="command.failed")
    assert event.actor == "a-operator"
    assert event.data["order"] == "start"
    assert event.data["outcome"] == "host-down"
    assert event.data["arguments"] == Session.objects.get().programme


def test_a_refused_change_is_recorded_without_the_password_of_its_address(manager: Any, held: Camera) -> None:
    Camera.objects.update(kind="network", address="http://a/")
    manager.patch(SKY, {"address": "http://ada:secret@b/", "enabled": False}, format="json")
    assert Event.objects.get(kind="command").data["arguments"] == {"enabled": False}


def test_the_password_of_an_address_is_in_no_event(manager: Any) -> None:
    body = {"slug": "gate", "kind": "network", "address": "http://ada:secret-word@b/"}
    manager.post("/api/v1/cameras/", body, format="json")
    manager.patch("/api/v1/cameras/gate/", {"address": "http://ada:other-word@c/"}, format="json")
    addresses = [event.data["arguments"]["address"] for event in Event.objects.order_by("at")]
    assert len(addresses) == 2
    assert not any("-word" in address for address in addresses)
