"""Prepared queries find what the querysets find from which they are made."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import QuerySet, UUIDField
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.leases import check_holder_now
from cameras.models import Camera
from cameras.selectors import camera_for, cameras_for
from captures.sessions.models import Session
from captures.sessions.selectors import holders
from core.prepared_query import Parameter, PreparedQuery
from skycam_project.access.authentication import known_token
from skycam_project.access.models import ApiToken, User
from tests.harness.rows.audiences import only_for
from tests.harness.waiting import PATIENCE_S


class Counted:
    """A prepared query of a camera by its id, which counts how often its queryset was made."""

    def __init__(self) -> None:
        self.made = 0
        self.query = PreparedQuery(self.build)

    def build(self) -> QuerySet[Camera]:
        self.made += 1
        return Camera.objects.filter(pk=Parameter("camera", UUIDField()))


def test_the_sql_is_built_once(camera: Camera) -> None:
    counted = Counted()
    found = [counted.query.first(camera=camera.pk) for _ in range(3)]
    assert found == [camera] * 3
    assert counted.made == 1


def test_an_object_has_the_values_that_the_queryset_gives(camera: Camera) -> None:
    camera.settings, camera.capabilities = {"exposure_us": 1000}, {"stream": True, "readout_s": 0.5}
    camera.held_since = timezone.now()
    camera.save()
    found = Counted().query.first(camera=str(camera.pk))
    assert found is not None
    assert model_to_dict(found) == model_to_dict(Camera.objects.get())
    assert found.held_since == camera.held_since
    assert found.capabilities == camera.capabilities


def test_an_object_can_be_saved(camera: Camera) -> None:
    found = Counted().query.first(camera=camera.pk)
    assert found is not None
    found.name = "South"
    found.save()
    assert [one.name for one in Camera.objects.all()] == ["South"]


def test_without_a_row_there_is_no_object(camera: Camera) -> None:
    assert Counted().query.first(camera="0193a000-0000-7000-8000-0000000000ff") is None


def test_a_connection_that_was_closed_is_opened_again(transactional_db: None) -> None:
    camera = Camera.objects.create(slug="dslr", name="DSLR", kind="simulated", host="here")
    counted = Counted()
    counted.query.rows(camera=camera.pk)
    connection.close()
    assert counted.query.rows(camera=camera.pk) == [camera]


def test_each_thread_has_a_query_for_its_own_connection(transactional_db: None) -> None:
    camera = Camera.objects.create(slug="dslr", name="DSLR", kind="simulated", host="here")
    counted, found = Counted(), []

    def ask() -> None:
        found.extend(counted.query.rows(camera=camera.pk))
        connection.close()

    for _ in range(2):
        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(PATIENCE_S)
    assert found == [camera, camera]
    assert counted.made == 2


def user_of(role: str, name: str = "anna") -> User:
    return User.objects.create_user(username=name, role=role)


@pytest.mark.parametrize("role", ["none", "viewer", "operator", "manager"])
@pytest.mark.parametrize("listed", ["anna", "ben"])
@pytest.mark.parametrize("is_active", [True, False])
def test_a_camera_is_found_by_the_users_who_may_see_it(camera: Camera, role: str, listed: str, is_active: bool) -> None:
    user, _ = user_of(role), user_of("viewer", "ben")
    user.is_active = is_active
    only_for(camera, listed)
    assert seen_by(user, camera.slug) == list(cameras_for(user).filter(slug=camera.slug))


@pytest.mark.parametrize("role", ["none", "viewer", "manager"])
def test_a_removed_camera_is_found_by_no_one(camera: Camera, role: str) -> None:
    Camera.objects.update(removed_at=timezone.now())
    assert seen_by(user_of(role), camera.slug) == []


def test_a_visitor_without_an_account_finds_no_camera(camera: Camera) -> None:
    assert seen_by(AnonymousUser(), camera.slug) == []


def seen_by(user: Any, slug: str) -> list[Camera]:
    try:
        return [camera_for(user, slug)]
    except Camera.DoesNotExist:
        return []


def test_a_token_comes_with_its_user_in_one_query(db: None) -> None:
    token, text = ApiToken.issue(user_of("operator"), scope="viewer")
    known_token(text)
    with CaptureQueriesContext(connection) as queries:
        found = known_token(text)
        assert found is not None
        assert found.user.username == "anna"
    assert found == token
    assert len(queries) == 1
    assert found.expires_at == token.expires_at
    assert found.get_deferred_fields() == {"digest", "name", "address", "created_at"}
    assert "password" in found.user.get_deferred_fields()


def test_the_holder_of_one_camera_is_found_as_that_of_many(camera: Camera) -> None:
    Session.objects.create(camera=camera, created_by="anna", state="running", programme={})
    other = Camera.objects.create(slug="other", name="Other", kind="simulated", host="here")
    assert holders([camera]) == holders([camera, other])
    assert holders([camera])[camera.pk].held_by == "anna"


def test_a_camera_whose_row_is_gone_has_no_holder_to_check(camera: Camera) -> None:
    Camera.objects.filter(pk=camera.pk).delete()
    with pytest.raises(Camera.DoesNotExist):
        check_holder_now(camera, "anna")


def test_a_lease_is_read_again(camera: Camera) -> None:
    now = timezone.now()
    Camera.objects.update(held_by="ben", held_since=now, held_until=now + timedelta(minutes=1))
    with pytest.raises(Exception, match="held by ben"):
        check_holder_now(camera, "anna")
