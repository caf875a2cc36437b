"""Hosts and invitations over the API: rights, hostile input, repetition."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from cameras.models import Camera, CameraHost, HostInvitation
from captures.models import CaptureFile, Session, StorageRoot
from captures.sessions.desired import stop_session_at_its_window
from core.broker import broker
from core.broker.queue_lengths import queue_lengths
from core.events.models import Alert, Event
from core.jobs.context import JobContext, JobError
from core.jobs.models import Job
from core.registry import resolve
from skycam_project.hosts.exchange import decrypt_answer, make_request
from skycam_project.hosts.join_line import LineRefused, parse_line
from skycam_project.hosts.retiring import forget_files
from tests.harness.rows.captures import file_of, saved

URL = "/api/v1/hosts/"
JOIN = f"{URL}join/"
ELSEWHERE = {
    "name": "roof", "url": "http://10.0.0.1:8080", "database_url": "postgresql://u:pw@10.0.0.2/sky",
    "redis_url": "rediss://:pw@10.0.0.2:6379/0",
}  # fmt: skip
PLACE, OTHER_PLACE = "a" * 64, "b" * 64

pytestmark = pytest.mark.django_db


@pytest.fixture
def invited(manager: APIClient) -> dict[str, Any]:
    found: dict[str, Any] = manager.post(f"{URL}invitations/", ELSEWHERE, format="json").json()
    return found


def request_of(line: str, place: str = PLACE) -> dict[str, Any]:
    parsed = parse_line(line)
    machine = {"place": place, "name": "pi", "version": "0.1.0"}
    return dict(make_request(parsed.secret, parsed.invitation, machine))  # type: ignore[arg-type]


def test_an_invitation_gives_a_line_that_admits_one_machine(invited: dict[str, Any], anonymous: APIClient) -> None:
    request = request_of(invited["line"])
    answer = anonymous.post(JOIN, request, format="json")
    assert answer.status_code == 200
    found = decrypt_answer(parse_line(invited["line"]).secret, request, answer.json()["answer"])  # type: ignore[arg-type]
    assert found["variables"]["DATABASE_URL"] == ELSEWHERE["database_url"]
    assert found["variables"]["SKYCAM_STATION"] == settings.STATION.station.id
    assert found["variables"]["SKYCAM_ADDRESS_SECRET"] == settings.STATION.address_secret


def test_the_database_holds_neither_the_secret_nor_a_password(invited: dict[str, Any]) -> None:
    row = str(HostInvitation.objects.values().get())
    assert not {"pw@", ":pw"} & {row[at : at + 3] for at in range(len(row))}
    assert parse_line(invited["line"]).secret.hex() not in row


def test_another_machine_is_refused_with_an_event_and_an_alert(invited: dict[str, Any], anonymous: APIClient) -> None:
    anonymous.post(JOIN, request_of(invited["line"]), format="json")
    answer = anonymous.post(JOIN, request_of(invited["line"], OTHER_PLACE), format="json")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/invitation-used")
    assert Event.objects.filter(kind="host.invitation_used_twice").exists()
    assert Alert.objects.filter(key="host.invitation:roof").exists()


def test_the_same_machine_gets_the_answer_again(invited: dict[str, Any], anonymous: APIClient) -> None:
    for _ in range(2):
        answer = anonymous.post(JOIN, request_of(invited["line"]), format="json")
        assert answer.status_code == 200
    assert Event.objects.filter(kind="host.joined").count() == 1


def test_who_lacks_the_secret_cannot_tell_which_invitations_there_are(
    invited: dict[str, Any], anonymous: APIClient
) -> None:
    forged = {**request_of(invited["line"]), "proof": "0" * 64}
    unknown = {**forged, "invitation": str(UUID(int=7))}
    answers = [anonymous.post(JOIN, body, format="json") for body in (forged, unknown)]
    anonymous.post(JOIN, request_of(invited["line"]), format="json")
    answers.append(anonymous.post(JOIN, forged, format="json"))
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert answers[0].status_code == 403


def test_an_expired_invitation_is_named_to_its_holder(invited: dict[str, Any], anonymous: APIClient) -> None:
    HostInvitation.objects.update(expires_at=timezone.now())
    answer = anonymous.post(JOIN, request_of(invited["line"]), format="json")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/invitation-over")


def test_a_withdrawn_invitation_admits_no_one(
    invited: dict[str, Any], anonymous: APIClient, manager: APIClient
) -> None:
    assert manager.delete(f"{URL}invitations/{invited['id']}/").status_code == 204
    answer = anonymous.post(JOIN, request_of(invited["line"]), format="json")
    assert answer.json()["type"] == "/problems/invitation-over"


def test_a_new_invitation_ends_the_one_before(invited: dict[str, Any], manager: APIClient) -> None:
    manager.post(f"{URL}invitations/", ELSEWHERE, format="json")
    states = [one["state"] for one in manager.get(f"{URL}invitations/").json()["results"]]
    assert states == ["open", "withdrawn"]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2}, {"nonce": ""}, {"proof": "0" * 10_000}, {"machine": {}}, {"more": 1}, {"invitation": "x"},
        {"machine": {"place": "a" * 64, "name": "x" * 10_000, "version": ""}},
    ],
)  # fmt: skip
def test_a_hostile_request_to_join_is_refused(invited: dict[str, Any], anonymous: APIClient, change: Any) -> None:
    answer = anonymous.post(JOIN, {**request_of(invited["line"]), **change}, format="json")
    assert answer.status_code == 400


def test_joining_is_limited_by_address(anonymous: APIClient) -> None:
    statuses = [anonymous.post(JOIN, {}, format="json").status_code for _ in range(31)]
    assert statuses[-1] == 429


@pytest.mark.parametrize("name", ["", "Roof", "a b", "x" * 41, "../x", "now", "roof\n"])
def test_a_hostile_name_is_refused(manager: APIClient, name: str) -> None:
    answer = manager.post(f"{URL}invitations/", {**ELSEWHERE, "name": name}, format="json")
    assert answer.status_code == 400
    assert not HostInvitation.objects.exists()


@pytest.mark.parametrize("cut", [0, 8, 30, -1, -5])
def test_a_line_cut_short_is_refused(invited: dict[str, Any], cut: int) -> None:
    with pytest.raises(LineRefused):
        parse_line(invited["line"][:cut])


def test_a_line_with_one_other_character_is_refused(invited: dict[str, Any]) -> None:
    line = invited["line"]
    other = "A" if line[40] != "A" else "B"
    with pytest.raises(LineRefused):
        parse_line(line[:40] + other + line[41:])
    with pytest.raises(LineRefused):
        parse_line("skycam1:" + "A" * 5_000_000)


def test_a_line_may_be_broken_by_a_terminal(invited: dict[str, Any]) -> None:
    line = invited["line"]
    assert parse_line(f"skycam join {line[:50]}\n  {line[50:]}\n") == parse_line(line)


def test_sqlite_an_embedded_valkey_and_loopback_are_refused_with_what_to_set(manager: APIClient) -> None:
    answer = manager.post(f"{URL}invitations/", {"name": "roof"}, format="json")
    assert answer.status_code == 400
    said = json.dumps(answer.json())
    assert "SQLite" in said
    assert "REDIS_URL" in said


def test_the_name_of_a_known_host_needs_again(manager: APIClient) -> None:
    CameraHost.objects.create(name="roof")
    assert manager.post(f"{URL}invitations/", ELSEWHERE, format="json").status_code == 409
    again = manager.post(f"{URL}invitations/", {**ELSEWHERE, "again": True}, format="json")
    assert again.status_code == 201


def test_a_viewer_sees_hosts_without_addresses_and_connections(viewer: APIClient) -> None:
    CameraHost.objects.create(name="roof", address="10.0.0.9")
    [host] = viewer.get(URL).json()["results"]
    assert (host["address"], host["connections"]) == (None, None)


# Draining


def test_a_session_starts_on_no_drained_host(camera: Camera, manager: APIClient) -> None:
    CameraHost.objects.create(name=camera.host)
    assert manager.post(f"{URL}{camera.host}/drain/").json()["draining_by"]
    answer = manager.post(f"/api/v1/cameras/{camera.slug}/start/", {}, format="json")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/host-draining")
    manager.post(f"{URL}{camera.host}/undrain/")
    answer = manager.post(f"/api/v1/cameras/{camera.slug}/start/", {}, format="json")
    assert answer.json()["type"] != "/problems/host-draining"


def test_draining_twice_keeps_who_began_it(manager: APIClient) -> None:
    CameraHost.objects.create(name="roof")
    first, second = (manager.post(f"{URL}roof/drain/").json() for _ in range(2))
    assert first["draining_since"] == second["draining_since"]
    assert Event.objects.filter(kind="host.draining").count() == 1
    assert Event.objects.filter(kind="host.drained").count() == 1


def test_a_host_whose_recordings_cannot_be_seen_is_not_said_to_be_drained(camera: Camera, manager: APIClient) -> None:
    CameraHost.objects.create(name=camera.host)
    Camera.objects.update(recording="rolling")
    body = manager.post(f"{URL}{camera.host}/drain/").json()
    assert (body["drained"], body["runs"]) == (None, ["1 recording"])


def window(begins_s: float, ends_s: float) -> list[list[str]]:
    now = timezone.now()
    return [[(now + timedelta(seconds=at)).isoformat() for at in (begins_s, ends_s)]]


@pytest.mark.parametrize(
    ("programme", "state", "desired"),
    [
        ({}, "running", "stopped"),
        ({"count": 10}, "running", "running"),
        ({"until": "2100-01-01T00:00:00Z"}, "running", "running"),
        ({"windows": window(-60, 86_400)}, "running", "running"),
        ({"windows": window(86_400, 90_000)}, "waiting", "stopped"),
        ({"count": 10}, "paused", "stopped"),
    ],
)
def test_a_session_of_a_drained_host_ends_at_its_next_window(
    camera: Camera, programme: dict[str, Any], state: str, desired: str
) -> None:
    Session.objects.create(camera=camera, programme=programme, state=state)
    stop_session_at_its_window(camera)
    assert Session.objects.get().desired == desired


# Retiring


@pytest.fixture
def gone(db: None, folder: Any) -> StorageRoot:
    """The root of a host that is gone."""
    CameraHost.objects.create(name="roof", leased_until=timezone.now() - timedelta(hours=1))
    return StorageRoot.objects.create(id=UUID(int=9), host="roof", path=str(folder))


def retired(client: APIClient, **body: Any) -> Any:
    return client.post(f"{URL}roof/retire/", body, format="json")


def test_a_host_that_runs_is_not_retired(manager: APIClient) -> None:
    CameraHost.objects.create(name="roof", leased_until=timezone.now() + timedelta(hours=1))
    assert retired(manager, files="keep").status_code == 409


def test_a_host_is_not_retired_without_a_word_about_its_files(manager: APIClient, gone: StorageRoot) -> None:
    assert retired(manager).status_code == 400


def test_a_host_with_cameras_is_not_retired(manager: APIClient, gone: StorageRoot, camera: Camera) -> None:
    Camera.objects.update(host="roof")
    answer = retired(manager, files="keep")
    assert answer.status_code == 409
    assert "skycam cameras set sky" in answer.json()["detail"]


def test_what_waits_for_a_retired_host_is_deleted(
    manager: APIClient, gone: StorageRoot, empty_broker: redis.Redis
) -> None:
    app = resolve(settings.CELERY_APP)
    for queue in ("camera.roof", "jobs.roof", "files.roof", "camera.dome"):
        app.send_task("cameras.capture", queue=queue)
    empty_broker.rpush(broker.key("camera.roof"), "{}")
    assert sum(queue_lengths(["roof", "dome"]).values()) == 5
    assert retired(manager, files="keep", dry_run=True).status_code == 200
    assert sum(queue_lengths(["roof", "dome"]).values()) == 5
    assert retired(manager, files="keep").status_code == 200
    assert {queue for queue, length in queue_lengths(["roof", "dome"]).items() if length} == {"camera.dome"}


def run_forgetting(job: str) -> list[Any]:
    """What the job reports."""
    reports: list[Any] = []
    found = Job.objects.get(pk=job)
    forget_files(JobContext(job, found.arguments, None, "boss", reports.append))
    return reports


@pytest.mark.usefixtures("empty_broker")
def test_a_job_forgets_the_files_of_a_retired_host_and_shows_how_far_it_is(
    manager: APIClient, gone: StorageRoot, camera: Camera
) -> None:
    file_of(saved(camera), gone)
    reports = run_forgetting(retired(manager, files="forget").json()["job"])
    assert [(one["done"], one["total"], one["sentence"]) for one in reports] == [(1, 1, "forgetting the files of roof")]
    assert Event.objects.get(kind="host.files_forgotten").data["files"] == 1


@pytest.mark.usefixtures("empty_broker")
def test_files_of_a_host_whose_name_is_used_again_are_not_forgotten(
    manager: APIClient, gone: StorageRoot, camera: Camera
) -> None:
    file_of(saved(camera), gone)
    job = retired(manager, files="forget").json()["job"]
    CameraHost.objects.update(retired_at=None, retired_files="")
    with pytest.raises(JobError, match="is not retired any more"):
        run_forgetting(job)
    assert CaptureFile.objects.exists()


@pytest.mark.usefixtures("empty_broker")
def test_files_are_kept_or_forgotten(manager: APIClient, gone: StorageRoot, camera: Camera) -> None:
    file = file_of(saved(camera), gone)
    dry = retired(manager, files="forget", dry_run=True).json()
    assert (dry["captures"]["files"], dry["forgotten"]) == (1, 1)
    assert CameraHost.objects.get(name="roof").retired_at is None
    retired(manager, files="keep")
    assert CaptureFile.objects.exists()
    job = retired(manager, files="forget").json()["job"]
    assert retired(manager, files="forget").json()["job"] == job
    run_forgetting(job)
    assert not CaptureFile.objects.exists()
    file.capture.refresh_from_db()
    assert file.capture.purged_at is not None
