"""Who may see a camera, as managers set it over the API, on the page and on the command line."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone

from cameras.editing.services import remove_camera
from cameras.models import Camera
from core.events.models import Event
from core.events.service import raise_alert, record_event
from skycam_project.access import accounts
from skycam_project.access.models import User
from tests.harness.rows.cameras import add_camera, change_camera
from tests.harness.stations.command_line import skycam

URL = "/api/v1/cameras/"
SKY = f"{URL}sky/"
PAGE = "/cameras/sky/audience/"


@pytest.fixture
def ben(db: None) -> User:
    return User.objects.create_user("ben", role="viewer")


def slugs(client: Any) -> list[str]:
    return [one["slug"] for one in client.get(URL).json()["results"]]


def audience_events() -> list[tuple[str, str]]:
    """Events about a camera's audience: their actors and messages."""
    rows = Event.objects.filter(kind="camera.audience").order_by("at", "id")
    return [(event.actor, event.message) for event in rows]


def test_all_users_see_a_camera_until_it_is_restricted(viewer: Any, manager: Any, camera: Camera) -> None:
    assert slugs(viewer) == ["sky"]
    answer = manager.patch(SKY, {"restricted": True})
    assert answer.status_code == 200
    assert answer.json()["restricted"] is True
    assert answer.json()["audience"] == []
    assert slugs(viewer) == []
    assert slugs(manager) == ["sky"]


def test_listed_users_see_a_restricted_camera(viewer: Any, operator: Any, manager: Any, camera: Camera) -> None:
    answer = manager.patch(SKY, {"restricted": True, "audience": ["a-viewer"]})
    assert answer.json()["audience"] == ["a-viewer"]
    assert slugs(viewer) == ["sky"]
    assert slugs(operator) == []


def test_a_listed_user_does_not_see_the_list(viewer: Any, manager: Any, camera: Camera) -> None:
    manager.patch(SKY, {"restricted": True, "audience": ["a-viewer"]})
    assert viewer.get(SKY).json()["audience"] is None
    assert viewer.get("/api/v1/events/").json()["results"] == []


def test_a_list_without_the_restriction_hides_nothing(viewer: Any, manager: Any, ben: User, camera: Camera) -> None:
    manager.patch(SKY, {"audience": ["ben"]})
    assert slugs(viewer) == ["sky"]


def test_removing_the_last_listed_user_does_not_publish_the_camera(
    viewer: Any, manager: Any, ben: User, camera: Camera
) -> None:
    manager.patch(SKY, {"restricted": True, "audience": ["ben"]})
    accounts.remove_user(ben, actor="a-manager")
    assert slugs(viewer) == []
    assert slugs(manager) == ["sky"]


def test_a_user_that_does_not_exist_is_refused_at_its_field(manager: Any, ben: User, camera: Camera) -> None:
    answer = manager.patch(SKY, {"name": "Other", "restricted": True, "audience": ["ben", "nobody"]})
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": "audience", "message": "There is no user nobody. A manager adds users on the page Users."}
    ]
    camera.refresh_from_db()
    assert camera.name == "Sky"
    assert camera.restricted is False
    assert camera.audience.count() == 0


@pytest.mark.parametrize("wrong", [{"restricted": "yes"}, {"audience": "ben"}, {"audience": [1]}, {"audience": [""]}])
def test_an_invalid_audience_is_refused(manager: Any, camera: Camera, wrong: dict[str, Any]) -> None:
    answer = manager.patch(SKY, wrong)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith(next(iter(wrong)))


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_managers_set_the_audience(role: str, request: pytest.FixtureRequest, camera: Camera) -> None:
    client = request.getfixturevalue(role)
    assert client.patch(SKY, {"restricted": True}).status_code == 403
    assert client.post(PAGE).status_code == 403


def test_each_change_is_an_event_with_actor_and_change(manager: Any, ben: User, camera: Camera) -> None:
    for change in (
        {"restricted": True, "audience": ["ben"]},
        {"audience": []},
        {"audience": []},
        {"restricted": False},
    ):
        manager.patch(SKY, change)
    assert audience_events() == [
        ("a-manager", "a-manager restricted sky: only managers and ben may see it now."),
        ("a-manager", "a-manager changed who may see sky: only managers."),
        ("a-manager", "a-manager lifted the restriction of sky, which all users with a role may see now."),
    ]
    data = Event.objects.filter(kind="camera.audience").order_by("at", "id")[2].data
    assert data["arguments"] == {"restricted": False, "audience": []}


def test_a_camera_can_be_added_as_restricted(viewer: Any, manager: Any, ben: User) -> None:
    answer = manager.post(URL, {"slug": "attic", "kind": "simulated", "restricted": True, "audience": ["ben"]})
    assert answer.status_code == 201
    assert answer.json()["audience"] == ["ben"]
    assert slugs(viewer) == []


def test_listing_cameras_needs_no_query_for_each(
    manager: Any, viewer: Any, ben: User, camera: Camera, django_assert_num_queries: Any
) -> None:
    cameras = [add_camera(slug=f"c{number}", kind="simulated") for number in range(5)]
    [change_camera(one, {"restricted": True, "audience": ["ben", "a-viewer"]}) for one in cameras]
    manager.get(URL), viewer.get(URL)
    with django_assert_num_queries(4):
        manager.get(URL)  # session, user, cameras, their audiences
    with django_assert_num_queries(3):
        viewer.get(URL)


# The page, as a browser without JavaScript sends it


def test_the_form_lists_the_users_who_can_be_chosen(manager: Any, ben: User, camera: Camera) -> None:
    text = manager.get(PAGE).content.decode()
    assert re.search(r'<input type="checkbox" name="audience" value="ben"[^>]*>', text)
    assert 'value="a-manager"' not in text


def test_the_form_restricts_and_lifts(manager: Any, viewer: Any, ben: User, camera: Camera) -> None:
    sent = manager.post(PAGE, {"restricted": "yes", "audience": ["a-viewer"]}, format="multipart")
    assert sent.status_code == 302
    assert sent["Location"] == "/cameras/sky/"
    assert slugs(viewer) == ["sky"]
    manager.post(PAGE, {"restricted": "yes"}, format="multipart")
    assert slugs(viewer) == []
    manager.post(PAGE, {"restricted": ""}, format="multipart")
    assert slugs(viewer) == ["sky"]


def test_the_form_shows_the_error(manager: Any, camera: Camera) -> None:
    answer = manager.post(PAGE, {"restricted": "yes", "audience": ["nobody"]}, format="multipart")
    assert answer.status_code == 400
    assert "There is no user nobody." in answer.content.decode()


def test_the_cameras_pages_link_to_the_form(manager: Any, camera: Camera) -> None:
    assert all(f'href="{PAGE}"' in manager.get(path).content.decode() for path in ("/cameras/", "/cameras/sky/"))


# The command line


def test_the_command_line_restricts_allows_and_publishes(viewer: Any, ben: User, camera: Camera) -> None:
    assert skycam("cameras", "set", "sky", "--restrict", "--allow", "ben", "--allow", "a-viewer").exit_code == 0
    assert skycam("cameras", "set", "sky", "--disallow", "ben").exit_code == 0
    camera.refresh_from_db()
    assert camera.restricted is True
    assert [user.username for user in camera.audience.all()] == ["a-viewer"]
    assert skycam("cameras", "set", "sky", "--publish").exit_code == 0
    camera.refresh_from_db()
    assert not camera.restricted


def test_the_command_line_says_that_a_user_does_not_exist(camera: Camera) -> None:
    refused = skycam("cameras", "set", "sky", "--allow", "nobody")
    assert refused.exit_code == 2
    assert "There is no user nobody." in refused.stderr


# Reused slugs, and alerts about no camera


def test_a_reused_slug_does_not_reveal_rows_of_the_old_hidden_camera(viewer: Any, manager: Any, camera: Camera) -> None:
    change_camera(camera, {"restricted": True})
    raise_alert("recording.failed:sky", "The old disk is full.", camera=camera)
    camera.refresh_from_db()
    remove_camera(camera)
    record_event("capture.saved", "The old camera saved a capture.", camera=camera)
    again = add_camera(slug="sky", kind="simulated")
    record_event("camera.state", "sky is ready.", camera=again)
    seen = [event["message"] for event in viewer.get("/api/v1/events/").json()["results"]]
    assert seen == ["sky is ready.", "The station added sky (simulated)."]
    assert viewer.get("/api/v1/alerts/").json()["results"] == []
    assert len(manager.get("/api/v1/alerts/").json()["results"]) == 1


def test_rows_without_a_camera_id_are_filtered_by_slug(viewer: Any, camera: Camera) -> None:
    Event.objects.create(kind="camera.state", message="It happened.", camera="sky", at=timezone.now())
    assert len(viewer.get("/api/v1/events/").json()["results"]) == 1
    change_camera(camera, {"restricted": True})
    assert viewer.get("/api/v1/events/").json()["results"] == []


def test_all_users_see_an_alert_about_a_whole_disk(viewer: Any, camera: Camera) -> None:
    change_camera(camera, {"restricted": True})
    raise_alert("storage.unmounted:1", "The storage root /data is not mounted.", camera=None)
    assert [alert["camera"] for alert in viewer.get("/api/v1/alerts/").json()["results"]] == [""]


def test_an_alert_belongs_to_the_camera_that_it_now_names(viewer: Any, camera: Camera) -> None:
    hidden = add_camera(slug="attic", kind="simulated", restricted=True)
    raise_alert("storage.clips:main", "A clip cannot be deleted: clips/sky/1.mp4.", camera=camera)
    raise_alert("storage.clips:main", "A clip cannot be deleted: clips/attic/1.mp4.", camera=hidden)
    assert viewer.get("/api/v1/alerts/").json()["results"] == []
