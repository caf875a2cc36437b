from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from cameras.models import Camera
from core.events.models import Event
from skycam_project.access import authentication
from skycam_project.access.models import ApiToken, User
from tests.harness.clients.programs import program, with_token

URL = "/api/v1/auth/token/"


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user(username="ada", password="analytical engine", role="operator")


def sign_in(client: Any, **more: Any) -> Any:
    return client.post(URL, {"username": "ada", "password": "analytical engine", **more})


def test_name_and_password_give_a_working_token(anonymous: Any, ada: User) -> None:
    answer = sign_in(anonymous)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert dict(answer.cookies) == {}
    assert with_token(answer.json()["token"]).get("/api/v1/cameras/").status_code == 200
    assert Event.objects.get(kind="user.signed_in").actor == "ada"


def test_only_the_hash_of_a_token_is_stored(anonymous: Any, ada: User) -> None:
    text = sign_in(anonymous).json()["token"]
    assert text not in str(ApiToken.objects.values().get())
    assert ApiToken.objects.get().digest == ApiToken.digest_of(text)


@pytest.mark.parametrize("wrong", [{"password": "guess"}, {"username": "nobody"}, {"username": "ADA"}])
def test_a_wrong_password_is_a_problem_and_an_event(anonymous: Any, ada: User, wrong: dict[str, str]) -> None:
    answer = sign_in(anonymous, **wrong)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert "name or the password is wrong" in answer.json()["detail"]
    assert "guess" not in str(list(Event.objects.filter(kind="user.denied").values()))
    assert not ApiToken.objects.exists()


def test_an_account_without_a_role_gets_no_token(anonymous: Any, ada: User) -> None:
    User.objects.update(role="none")
    assert sign_in(anonymous).status_code == 401


def test_the_scope_of_a_token_caps_its_users_role(camera: Camera) -> None:
    client = program("manager", scope="viewer")
    assert client.get("/api/v1/cameras/").status_code == 200
    assert client.post("/api/v1/cameras/sky/stop/").status_code == 403


def test_a_scope_above_the_role_has_no_effect(camera: Camera) -> None:
    assert program("viewer", scope="manager").post("/api/v1/cameras/sky/stop/").status_code == 403


def test_the_capped_role_is_not_stored(camera: Camera) -> None:
    program("manager", scope="viewer").get("/api/v1/cameras/")
    assert User.objects.get().role == "manager"


def test_an_expired_token_is_refused(db: None) -> None:
    client = program("manager", expires_at=timezone.now() - timedelta(seconds=1))
    answer = client.get("/api/v1/cameras/")
    assert answer.status_code == 401
    assert answer.json()["type"] == "/problems/not-signed-in"
    assert "expired" in answer.json()["detail"]


@pytest.mark.parametrize("text", ["", "x", "skycam_" + "x" * 5000, "a b c", "\u00e9"])
def test_an_invalid_token_is_refused(db: None, text: str) -> None:
    assert with_token(text).get("/api/v1/cameras/").status_code == 401


def test_a_deactivated_user_is_refused_at_once(camera: Camera) -> None:
    client = program("manager")
    User.objects.update(is_active=False)
    assert client.get("/api/v1/cameras/").status_code == 401


def test_the_settings_route_needs_one_query_for_the_token_and_one_for_the_camera(
    camera: Camera, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = program("viewer")
    client.get("/api/v1/cameras/sky/settings/")
    with django_assert_num_queries(2):
        client.get("/api/v1/cameras/sky/settings/")


def test_the_use_of_a_token_is_recorded_once_a_minute(camera: Camera) -> None:
    authentication.last_tries.clear()
    client = program("viewer")
    client.get("/api/v1/cameras/")
    first = ApiToken.objects.get().last_used_at
    authentication.last_tries.clear()
    client.get("/api/v1/cameras/")
    assert first is not None
    assert ApiToken.objects.get().last_used_at == first


def test_signing_in_deletes_the_users_expired_tokens(anonymous: Any, ada: User) -> None:
    ApiToken.issue(ada, expires_at=timezone.now() - timedelta(days=1))
    sign_in(anonymous)
    assert ApiToken.objects.count() == 1


def test_a_browser_without_the_csrf_token_changes_nothing(ada: User, camera: Camera) -> None:
    from rest_framework.test import APIClient

    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(ada)
    answer = browser.post("/api/v1/cameras/sky/stop/")
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
