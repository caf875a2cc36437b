"""Tokens: their scope, their lifetime, who can revoke them, and what ends them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from cameras.models import Camera
from core.events.models import Event
from skycam_project.access import accounts, services
from skycam_project.access.models import ApiToken, User
from tests.harness.clients.pages import text_of
from tests.harness.clients.programs import with_token
from tests.harness.stations.command_line import skycam

URL = "/api/v1/auth/token/"
PASSWORD = "analytical engine"
YEAR_S = 365 * 86_400


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user(username="ada", password=PASSWORD, role="operator")


@pytest.fixture
def viewing(db: None) -> User:
    return User.objects.create_user(username="vera", password=PASSWORD, role="viewer")


def lives_s(token: ApiToken) -> float:
    return (token.expires_at - timezone.now()).total_seconds()


def test_a_token_keeps_its_scope_when_its_user_is_promoted(anonymous: Any, viewing: User, camera: Camera) -> None:
    text = anonymous.post(URL, {"username": "vera", "password": PASSWORD, "scope": "manager"}).json()["token"]
    accounts.change_user(viewing, role="manager", actor="boss")
    assert ApiToken.objects.get().scope == "viewer"
    assert with_token(text).post("/api/v1/cameras/sky/stop/").status_code == 403


def test_a_restored_role_does_not_restore_a_tokens_scope(ada: User) -> None:
    ApiToken.issue(ada)
    accounts.change_user(ada, role="viewer", actor="boss")
    accounts.change_user(ada, role="operator", actor="boss")
    assert ApiToken.objects.get().scope == "viewer"


def test_a_user_who_loses_every_role_loses_all_tokens(ada: User) -> None:
    ApiToken.issue(ada)
    accounts.change_user(ada, role="none", actor="boss")
    assert not ApiToken.objects.exists()


def test_without_a_scope_a_token_gets_its_users_role(anonymous: Any, ada: User) -> None:
    assert anonymous.post(URL, {"username": "ada", "password": PASSWORD}).json()["scope"] == "operator"


def test_a_token_is_valid_for_a_year_by_default(anonymous: Any, ada: User) -> None:
    anonymous.post(URL, {"username": "ada", "password": PASSWORD})
    assert lives_s(ApiToken.objects.get()) == pytest.approx(YEAR_S, abs=60)


def test_no_token_is_valid_for_more_than_two_years(anonymous: Any, ada: User) -> None:
    answer = anonymous.post(URL, {"username": "ada", "password": PASSWORD, "life_s": 10 * YEAR_S})
    assert answer.status_code == 200
    assert lives_s(ApiToken.objects.get()) == pytest.approx(2 * YEAR_S, abs=60)


def test_a_token_without_a_name_is_named_after_its_address(anonymous: Any, ada: User) -> None:
    anonymous.post(URL, {"username": "ada", "password": PASSWORD})
    token = ApiToken.objects.get()
    assert token.name == "Signed in from 127.0.0.1"
    assert token.address == "127.0.0.1"


@pytest.mark.parametrize("name", ["", "   ", "two\nlines", "turned \u202eround", "x" * 81])
def test_a_token_needs_a_name(name: str, operator: Any) -> None:
    answer = operator.post("/accounts/tokens/", {"name": name, "scope": "viewer", "days": 30}, format="multipart")
    assert answer.status_code == 400
    assert not ApiToken.objects.exists()


def test_the_form_keeps_its_choices_when_the_name_is_missing(operator: Any) -> None:
    answer = operator.post("/accounts/tokens/", {"name": "", "scope": "operator", "days": 30}, format="multipart")
    assert "Give the token a name" in text_of(answer)
    assert b'<option value="operator" selected>' in answer.content


def test_issue_token_refuses_an_empty_name(ada: User) -> None:
    with pytest.raises(ValidationError, match="Give the token a name"):
        services.issue_token(ada, name=" ", actor="cli:root")


def test_the_event_of_a_token_for_another_user_names_both_users(ada: User) -> None:
    token, _ = services.issue_token(ada, name="backup", scope="viewer", actor="cli:root")
    event = Event.objects.get(kind="user.changed")
    assert event.actor == "cli:root"
    assert event.subject == "ada"
    assert event.message == f"cli:root made the token {token.hint}… (backup, viewer) for ada."


def test_a_manager_who_resets_a_password_revokes_the_tokens(manager: Any, ada: User, camera: Camera) -> None:
    text = ApiToken.issue(ada)[1]
    answer = manager.post(f"/users/{ada.pk}/", {"do": "password"}, format="multipart")
    assert "1 token was revoked" in text_of(answer)
    assert with_token(text).get("/api/v1/cameras/").status_code == 401
    assert "1 token was revoked" in Event.objects.get(kind="user.changed").message


def test_the_page_warns_about_tokens_that_a_new_password_revokes(manager: Any, ada: User) -> None:
    ApiToken.issue(ada)
    assert "their tokens (1) are revoked" in manager.get("/users/").content.decode()


def test_a_manager_sees_and_revokes_all_users_tokens(manager: Any, ada: User) -> None:
    token = ApiToken.issue(ada, name="robot")[0]
    assert "robot" in text_of(manager.get("/accounts/tokens/"))
    manager.post(f"/accounts/tokens/{token.pk}/revoke/")
    assert not ApiToken.objects.exists()
    assert (
        Event.objects.get(kind="user.changed").message == f"a-manager revoked the token {token.hint}… (robot) of ada."
    )


def test_over_the_api_a_manager_sees_and_revokes_all_users_tokens(manager: Any, ada: User) -> None:
    token, text = ApiToken.issue(ada, name="robot")
    listed = manager.get("/api/v1/tokens/?user=ada").json()["results"]
    assert [(one["user"], one["name"], one["scope"]) for one in listed] == [("ada", "robot", "operator")]
    assert text not in str(listed)
    assert manager.delete(f"/api/v1/tokens/{token.pk}/").status_code == 204
    assert with_token(text).get("/api/v1/cameras/").status_code == 401


def test_others_see_and_revoke_only_their_own(operator: Any, ada: User) -> None:
    token = ApiToken.issue(ada, name="robot")[0]
    assert operator.get("/api/v1/tokens/").json() == {"results": []}
    assert operator.get("/api/v1/tokens/?user=ada").json() == {"results": []}
    assert operator.delete(f"/api/v1/tokens/{token.pk}/").status_code == 404
    assert ApiToken.objects.exists()


def test_a_managers_token_of_a_lower_scope_sees_only_its_owners_tokens(ada: User) -> None:
    boss = User.objects.create_user(username="boss", role="manager")
    ApiToken.issue(ada, name="robot")
    text = ApiToken.issue(boss, name="screen", scope="viewer")[1]
    assert [one["user"] for one in with_token(text).get("/api/v1/tokens/").json()["results"]] == ["boss"]


def test_a_stolen_token_does_not_survive_the_removal_of_its_user(ada: User) -> None:
    text = ApiToken.issue(ada)[1]
    accounts.remove_user(ada, actor="boss")
    assert Client(headers={"authorization": f"Token {text}"}).get("/api/v1/cameras/").status_code == 401


def test_the_migration_gives_existing_tokens_an_end_a_name_and_a_scope(
    transactional_db: None, migrated_from: Any
) -> None:
    def before(apps: Any) -> None:
        tokens = apps.get_model("access", "ApiToken").objects
        vera = apps.get_model("access", "User").objects.create(username="vera", role="viewer")
        tokens.create(user=vera, digest="a" * 64, hint="a", scope="manager", name="")
        tokens.create(
            user=vera, digest="b" * 64, hint="b", scope="viewer", name="robot",
            expires_at=timezone.now() + timedelta(days=3650),
        )  # fmt: skip

    migrated_from([("access", "0002_sign_in")], before)
    tokens = list(ApiToken.objects.order_by("hint"))
    assert [(token.scope, token.name) for token in tokens] == [("viewer", "Unnamed"), ("viewer", "robot")]
    assert max(map(lives_s, tokens)) <= 2 * YEAR_S


def test_the_migration_renames_a_user_with_a_reserved_name_and_writes_an_event(
    transactional_db: None, migrated_from: Any
) -> None:
    def before(apps: Any) -> None:
        users = apps.get_model("access", "User").objects
        users.create(username="service", role="operator")
        users.create(username="service-1", role="viewer")

    migrated_from([("access", "0002_sign_in")], before)
    assert sorted(User.objects.values_list("username", flat=True)) == ["service-1", "service-2"]
    event = Event.objects.get(kind="user.changed")
    assert event.message == ("service is a name that the station uses for itself. The user signs in as service-2 now.")


def test_the_command_line_says_how_many_tokens_a_new_password_revoked(ada: User) -> None:
    ApiToken.issue(ada)
    done = skycam("users", "set", "ada", "--reset-password")
    assert "Revoked tokens: 1." in done.stdout
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "bearer"])
@pytest.mark.parametrize("path", ["/api/v1/cameras/", "/metrics"])
def test_a_token_is_accepted_after_either_word(scheme: str, path: str, ada: User, camera: Camera) -> None:
    text = ApiToken.issue(ada)[1]
    assert Client(headers={"authorization": f"{scheme} {text}"}).get(path).status_code == 200


def test_an_unknown_token_is_refused_after_either_word(db: None) -> None:
    answers = [Client(headers={"authorization": f"{word} x"}).get("/api/v1/cameras/") for word in ("Token", "Bearer")]
    assert [answer.status_code for answer in answers] == [401, 401]
