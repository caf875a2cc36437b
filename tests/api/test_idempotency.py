"""Idempotency-Key: which requests take one, and what a repetition gets."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator

from cameras.models import Camera, SettingsPreset
from captures.models import Capture, Experiment, ExperimentAttachment, ExperimentNote, Session
from core.events.models import Event
from core.idempotency.models import IdempotentRequest
from core.idempotency.view import takes_key
from scheduler.models import FieldList, Schedule
from skycam_project.access.models import User
from tests.harness.documents.reference.routes import routes
from tests.harness.rows.captures import saved
from tests.harness.rows.keyed_requests import KEY, interrupt, interrupted, let_run

SKY = "/api/v1/cameras/sky/"
CAPTURE, START = f"{SKY}capture/", f"{SKY}start/"
TAKES_A_KEY = {
    "api/v1/alert-rules/": "creates a rule",
    "api/v1/alert-rules/defaults/": "creates rules",
    "api/v1/alert-rules/preview/": "changes nothing",
    "api/v1/maintenance-windows/": "creates a window",
    "api/v1/maintenance-windows/<uuid:window>/end/": "a late repetition says the same",
    "api/v1/cameras/": "creates a camera",
    "api/v1/cameras/<slug:slug>/connect/": "starts a camera",
    "api/v1/cameras/<slug:slug>/disconnect/": "a late repetition would undo a connect",
    "api/v1/cameras/<slug:slug>/capture/": "creates a capture",
    "api/v1/cameras/<slug:slug>/start/": "creates and starts a session",
    "api/v1/cameras/<slug:slug>/stop/": "a late repetition would stop the next session",
    "api/v1/cameras/<slug:slug>/record/": "starts a recording",
    "api/v1/cameras/<slug:slug>/stop-recording/": "a late repetition would stop the next recording",
    "api/v1/cameras/<slug:slug>/take/": "a late repetition would take the camera again",
    "api/v1/cameras/<slug:slug>/release/": "a late repetition would end the next lease",
    "api/v1/cameras/<slug:slug>/settings/adopt/": "a late repetition would adopt later changes",
    "api/v1/cameras/<slug:slug>/presets/": "creates a preset",
    "api/v1/cameras/<slug:slug>/presets/<str:name>/apply/": "a late repetition would undo later changes",
    "api/v1/experiments/": "creates an experiment",
    "api/v1/experiments/<uuid:experiment>/start/": "starts an experiment",
    "api/v1/experiments/<uuid:experiment>/complete/": "a repetition gets the answer instead of experiment-state",
    "api/v1/experiments/<uuid:experiment>/abort/": "a repetition gets the answer instead of experiment-state",
    "api/v1/experiments/<uuid:experiment>/release/": "a repetition gets the number of clips again",
    "api/v1/experiments/<uuid:experiment>/archive/": "starts an archive",
    "api/v1/archives/<uuid:archive>/verify/": "starts jobs",
    "api/v1/experiments/<uuid:experiment>/notes/": "creates a note",
    "api/v1/experiments/<uuid:experiment>/attachments/": "creates an attachment",
    "api/v1/captures/<uuid:capture>/restore/": "a repetition gets the answer instead of not-in-trash",
    "api/v1/storage/cleanup/": "starts a job; a repetition gets it instead of plan-refused",
    "api/v1/storage/integrity/": "starts a job",
    "api/v1/storage/integrity/<uuid:finding>/adopt/": "a repetition gets the answer instead of finding-refused",
    "api/v1/storage/integrity/<uuid:finding>/set-aside/": "a repetition gets the answer instead of finding-refused",
    "api/v1/jobs/<uuid:job>/cancel/": "a repetition gets the answer instead of job-ended",
    "api/v1/offsite/destinations/<uuid:destination>/retry/": "a repetition gets the number of copies again",
    "api/v1/captures/<uuid:capture>/bring-back/": "starts a job",
    "api/v1/offsite/bring-back/": "starts jobs",
    "api/v1/offsite/copies/<uuid:copy>/retry/": "a late repetition would retry it once more",
    "api/v1/schedules/": "creates a schedule",
    "api/v1/schedules/<uuid:schedule>/night/": "creates the change of a night",
    "api/v1/telescope/field-lists/": "creates a field list",
    "api/v1/telescope/field-lists/<uuid:field_list>/add/": "a late repetition would add fields that were taken back",
    "api/v1/telescope/field-lists/<uuid:field_list>/observe/": "starts a session",
    "api/v1/sessions/<uuid:session>/stop/": "a repetition gets the same answer",
    "api/v1/sessions/<uuid:session>/hand-over/": "a repetition would be refused: the camera is another user's then",
    "api/v1/sessions/<uuid:session>/pause/": "a late repetition would undo a resume",
    "api/v1/sessions/<uuid:session>/resume/": "starts captures again",
    "api/v1/alerts/<uuid:alert>/acknowledge/": "a repetition gets the same answer",
    "api/v1/alerts/<uuid:alert>/silence/": "creates a silence",
    "api/v1/silences/": "creates a silence",
    "api/v1/silences/<uuid:silence>/end/": "a repetition gets the same answer",
    "api/v1/notifications/routes/": "creates a route",
    "api/v1/webhooks/<uuid:webhook>/deliveries/<uuid:delivery>/replay/": "a late repetition would send it once more",
    "api/camera/connect/": "as of the camera",
    "api/camera/disconnect/": "as of the camera",
    "api/camera/start/": "as of the camera",
    "api/camera/stop/": "as of the camera",
}
TAKES_NONE = {
    "api/v1/notifications/channels/": "it has a secret, of which no digest is stored",
    "api/v1/notifications/channels/<uuid:channel>/test/": "a repetition tests again",
    "api/v1/backups/": "a repetition makes another one",
    "api/v1/auth/token/": "its answer is a secret, which is never stored",
    "api/v1/cameras/detect/": "it changes nothing",
    "api/v1/hosts/<slug:name>/drain/": "a repetition changes nothing",
    "api/v1/hosts/<slug:name>/undrain/": "a repetition changes nothing",
    "api/v1/hosts/<slug:name>/retire/": "a repetition changes nothing",
    "api/v1/hosts/invitations/": "its answer is a secret, which is never stored",
    "api/v1/hosts/join/": "its answer is a secret, which is never stored",
    "api/v1/offsite/destinations/": "it has a secret, of which no digest is stored",
    "api/v1/offsite/destinations/<uuid:destination>/test/": "a repetition tests again",
    "api/v1/sensors/": "it may have a secret, of which no digest is stored",
    "api/v1/sensors/detect/": "it changes nothing",
    "api/v1/sensors/test/": "it changes nothing",
    "api/v1/telescope/field-lists/<uuid:field_list>/preview/": "it changes nothing",
    "api/v1/sensors/<slug:sensor>/test/": "it changes nothing",
    "api/v1/webhooks/": "its answer is a secret, which is never stored",
    "api/v1/webhooks/<uuid:webhook>/rotate-secret/": "its answer is a secret, which is never stored",
    "api/v1/webhooks/<uuid:webhook>/test/": "a repetition tests again",
}
BODIES: dict[str, Any] = {
    "/api/v1/cameras/": {"slug": "new", "kind": "simulated"},
    "/api/v1/schedules/": {
        "name": "Dark sky", "cameras": ["sky"], "window": {"sun": "astronomical"},
        "programme": {"exposure_us": 8_000_000, "cadence_s": 12},
    },
    f"{SKY}presets/": {"name": "night", "settings": {"gain": 2}},
    "/api/v1/experiments/": {"name": "Growth of crystals"},
    "/api/v1/telescope/field-lists/": {"name": "Supernovae", "text": "1.00 -25 Y 100 0 1 0"},
}  # fmt: skip
CREATED = {
    "/api/v1/cameras/": Camera,
    "/api/v1/schedules/": Schedule,
    f"{SKY}presets/": SettingsPreset,
    "/api/v1/experiments/": Experiment,
    "/api/v1/telescope/field-lists/": FieldList,
}


def send(client: Any, path: str, body: Any = None, key: str = KEY) -> Any:
    return client.post(path, BODIES.get(path, {}) if body is None else body, headers={"idempotency-key": key})


def rows() -> int:
    return IdempotentRequest.objects.count()


# Which requests take a key


def posts() -> dict[str, bool]:
    """Route of each POST of the API -> whether it takes a key."""
    views = [(route, view.cls) for route, view in routes(get_resolver().url_patterns) if route.startswith("api/")]
    return {route: takes_key(cls, "POST") for route, cls in views if hasattr(cls, "post")}


def test_each_post_of_the_api_takes_a_key_or_says_why_not() -> None:
    assert posts() == dict.fromkeys(TAKES_A_KEY, True) | dict.fromkeys(TAKES_NONE, False)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/auth/token/"), ("POST", "/api/v1/cameras/detect/"), ("PATCH", SKY), ("DELETE", SKY),
        ("PUT", f"{SKY}settings/"),
    ],
)  # fmt: skip
def test_a_request_that_takes_no_key_is_refused_with_one(method: str, path: str, manager: Any, camera: Camera) -> None:
    answer = manager.generic(method, path, "{}", "application/json", headers={"idempotency-key": KEY})
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {
            "field": "Idempotency-Key",
            "message": f"{method} of this address takes no key. Send the request without the header.",
        }
    ]
    assert Camera.objects.present().count() == 1


def test_a_request_that_only_reads_may_have_a_key(viewer: Any, camera: Camera) -> None:
    assert viewer.get(SKY, headers={"idempotency-key": KEY}).status_code == 200
    assert rows() == 0


def test_a_method_that_the_address_does_not_have_is_405_as_without_a_key(manager: Any, camera: Camera) -> None:
    assert manager.put(CAPTURE, {}, headers={"idempotency-key": KEY}).status_code == 405


@pytest.mark.parametrize("key", ["", "a b", "x" * 121, "\u00e9"])
def test_an_invalid_key_is_refused(key: str, operator: Any, camera: Camera) -> None:
    answer = send(operator, CAPTURE, key=key)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert Capture.objects.count() == 0


def test_the_schema_has_the_header_and_its_problems_where_a_key_is_taken(db: None) -> None:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    posts = {path: item["post"] for path, item in paths.items() if "post" in item}
    keyed = {path for path, one in posts.items() if "Idempotency-Key" in {p["name"] for p in one.get("parameters", [])}}
    assert len(keyed) == len(TAKES_A_KEY)
    assert {path for path, one in posts.items() if {"409", "422"} <= one["responses"].keys()} == keyed


# What a repetition gets


@pytest.mark.parametrize("path", CREATED)
def test_a_repetition_gets_the_first_answer_and_creates_nothing(path: str, manager: Any, camera: Camera) -> None:
    first = send(manager, path)
    before = CREATED[path].objects.count()
    again = send(manager, path)
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again["Location"] == first["Location"]
    assert again["Content-Type"] == first["Content-Type"]
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    assert CREATED[path].objects.count() == before


@pytest.mark.parametrize("path", CREATED)
def test_after_a_kill_before_the_answer_was_stored_a_repetition_finds_what_was_created(
    path: str, manager: Any, camera: Camera
) -> None:
    first = send(manager, path)
    before = CREATED[path].objects.count()
    interrupt()
    again = send(manager, path)
    assert again.status_code == 201
    assert again.content == first.content
    assert CREATED[path].objects.count() == before
    assert CREATED[path].objects.filter(pk=IdempotentRequest.objects.get().resource_id).exists()


def test_a_program_without_a_key_creates_as_before(manager: Any, camera: Camera) -> None:
    assert manager.post("/api/v1/cameras/", BODIES["/api/v1/cameras/"]).status_code == 201
    assert rows() == 0


@pytest.mark.parametrize(("path", "body"), [(CAPTURE, {"gain": 2}), (f"{CAPTURE}?x=1", {}), (START, {})])
def test_a_key_with_another_request_is_refused(path: str, body: Any, operator: Any, camera: Camera) -> None:
    send(operator, CAPTURE)
    answer = send(operator, path, body)
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/idempotency-mismatch"
    assert (Capture.objects.count(), Session.objects.count()) == (1, 0)


def test_the_same_body_in_another_order_is_the_same_request(operator: Any, camera: Camera) -> None:
    send(operator, CAPTURE, {"exposure_us": 1000, "gain": 2})
    assert send(operator, CAPTURE, {"gain": 2, "exposure_us": 1000})["Idempotency-Replayed"] == "true"


def test_while_the_first_request_runs_a_repetition_is_refused(operator: Any, camera: Camera) -> None:
    send(operator, START)
    let_run()
    answer = send(operator, START)
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/idempotency-running"
    assert answer["Retry-After"] == "2"
    assert Session.objects.count() == 1


def test_a_refused_request_can_be_corrected_with_the_same_key(operator: Any, camera: Camera) -> None:
    assert send(operator, START, {"exposure_s": -1}).status_code == 400
    assert rows() == 0
    assert send(operator, START, {"exposure_s": 1, "dry_run": True}).status_code == 200


def test_a_body_that_is_no_json_claims_no_key(operator: Any, camera: Camera) -> None:
    answer = operator.generic("POST", START, "{", "application/json", headers={"idempotency-key": KEY})
    assert answer.status_code == 400
    assert rows() == 0


def test_a_held_camera_is_asked_again(operator: Any, manager: Any, camera: Camera) -> None:
    manager.post(f"{SKY}take/", {})
    assert send(operator, f"{SKY}take/").status_code == 409
    manager.post(f"{SKY}release/", {})
    assert send(operator, f"{SKY}take/").status_code == 200


def test_a_user_who_may_not_send_the_request_claims_no_key(viewer: Any, camera: Camera) -> None:
    assert send(viewer, CAPTURE).status_code == 403
    assert rows() == 0


def test_a_user_who_lost_the_role_does_not_get_the_stored_answer(operator: Any, camera: Camera) -> None:
    send(operator, CAPTURE)
    User.objects.update(role="viewer")
    assert send(operator, CAPTURE).status_code == 403


def test_a_late_repetition_of_a_stop_does_not_stop_the_next_session(operator: Any, camera: Camera) -> None:
    Session.objects.create(camera=camera, programme={}, state="running", created_by="a-operator")
    first = send(operator, f"{SKY}stop/")
    Session.objects.update(state="stopped")
    later = Session.objects.create(camera=camera, programme={}, state="running", created_by="a-operator")
    assert send(operator, f"{SKY}stop/").content == first.content
    later.refresh_from_db()
    assert later.desired == "running"


@pytest.mark.parametrize("path", ["connect/", "disconnect/", "start/"])
def test_a_deferred_request_is_answered_as_before(path: str, operator: Any, camera: Camera, valkey: Any) -> None:
    first = send(operator, SKY + path)
    events = Event.objects.count()
    again = send(operator, SKY + path)
    assert first.status_code == 503
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"
    assert Event.objects.count() == events


def test_a_session_that_could_not_be_sent_is_no_success_after_a_kill_either(
    operator: Any, camera: Camera, valkey: Any
) -> None:
    first = send(operator, START)
    interrupt()
    again = send(operator, START)
    # The session's own message does not repeat which camera it is of.
    assert again.json() == {**first.json(), "detail": first.json()["detail"].replace("so sky", "so the camera")}
    assert again.json()["type"] == "/problems/host-down"
    assert Session.objects.count() == 1


def test_a_started_session_is_found_after_a_kill(operator: Any, camera: Camera) -> None:
    row = interrupted("a-operator", START, {})
    Session.objects.create(id=row.resource_id, camera=camera, programme={"exposure_us": 1, "delay_s": 1})
    answer = send(operator, START)
    assert answer.status_code == 201
    assert answer.json()["id"] == str(row.resource_id)
    assert Session.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "body"), [("notes/", {"text": "Clouds."}), ("attachments/", {"label": "Plan", "reference": "shelf 3"})]
)
def test_what_was_added_to_an_experiment_is_found_after_a_kill(
    path: str, body: Any, operator: Any, camera: Camera
) -> None:
    experiment = operator.post("/api/v1/experiments/", {"name": "Growth of crystals"}).json()["id"]
    first = send(operator, f"/api/v1/experiments/{experiment}/{path}", body)
    interrupt()
    again = send(operator, f"/api/v1/experiments/{experiment}/{path}", body)
    assert again.status_code == 201
    assert again.content == first.content
    assert ExperimentNote.objects.count() + ExperimentAttachment.objects.count() == 1


def test_a_hash_and_no_password_is_stored(manager: Any, camera: Camera) -> None:
    body = {"slug": "roof", "kind": "network", "address": "rtsp://ada:very-secret@203.0.113.5/live"}
    assert send(manager, "/api/v1/cameras/", body).status_code == 201
    assert "very-secret" not in str(IdempotentRequest.objects.values().get())


# Captures


def test_a_repetition_of_a_capture_shows_its_present_state_until_it_has_an_outcome(
    operator: Any, camera: Camera
) -> None:
    row = interrupted("a-operator", CAPTURE, {})
    saved(camera, id=row.resource_id)
    Capture.objects.update(status="planned", exposed=False)
    assert send(operator, CAPTURE).status_code == 202
    Capture.objects.update(status="saved", exposed=True)
    answer = send(operator, CAPTURE)
    assert answer.status_code == 201
    assert answer.json()["id"] == str(row.resource_id)
    assert answer["Location"] == f"/api/v1/captures/{row.resource_id}/"
    assert send(operator, CAPTURE).content == answer.content


def test_a_running_capture_is_shown_and_not_refused(operator: Any, camera: Camera) -> None:
    row = interrupted("a-operator", CAPTURE, {})
    saved(camera, id=row.resource_id)
    Capture.objects.update(status="planned", exposed=False)
    let_run()
    answer = send(operator, CAPTURE)
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/v1/captures/{row.resource_id}/"


def test_a_failed_capture_is_not_taken_again(operator: Any, camera: Camera) -> None:
    first = send(operator, CAPTURE)
    assert first.status_code == 503
    assert send(operator, CAPTURE).json() == first.json()
    assert Capture.objects.count() == 1


def test_a_key_of_another_user_is_another_key(operator: Any, manager: Any, camera: Camera) -> None:
    send(operator, CAPTURE)
    send(manager, CAPTURE)
    assert Capture.objects.count() == 2


# The database


def failing(begin: str) -> Any:
    """A database that refuses the statements with this begin."""

    def execute(run: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(begin):
            raise OperationalError("database is locked")
        return run(sql, *rest)

    return connection.execute_wrapper(execute)


def test_a_key_that_cannot_be_claimed_runs_nothing(manager: Any, camera: Camera) -> None:
    with failing('INSERT INTO "core_idempotentrequest"'):
        assert send(manager, "/api/v1/cameras/").json()["type"] == "/problems/database-down"
    assert Camera.objects.count() == 1
    assert send(manager, "/api/v1/cameras/").status_code == 201


def test_an_answer_that_could_not_be_stored_is_sent_and_nothing_is_created_twice(manager: Any, camera: Camera) -> None:
    with failing('UPDATE "core_idempotentrequest"'):
        first = send(manager, "/api/v1/cameras/")
    assert first.status_code == 201
    assert send(manager, "/api/v1/cameras/").status_code == 409
    interrupt()
    assert send(manager, "/api/v1/cameras/").content == first.content
    assert Camera.objects.count() == 2


def test_after_an_unexpected_error_the_request_runs_again(manager: Any, camera: Camera) -> None:
    manager.raise_request_exception = False
    with connection.execute_wrapper(unexpected):
        assert send(manager, "/api/v1/cameras/").status_code == 500
    assert send(manager, "/api/v1/cameras/").status_code == 201


def unexpected(run: Any, sql: str, *rest: Any) -> Any:
    if sql.startswith('INSERT INTO "cameras_camera"'):
        raise RuntimeError("a bug")
    return run(sql, *rest)
