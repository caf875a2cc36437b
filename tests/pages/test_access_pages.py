"""Signing in and out, passwords, tokens, users."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from core.events.models import Event
from skycam_project.access import sign_in_limits
from skycam_project.access.accounts import change_user
from skycam_project.access.models import ApiToken, SignIn, User
from tests.harness.clients.pages import text_of
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

PASSWORD = "a-long-night-of-stars"


@pytest.fixture
def astronomer(db: None) -> User:
    return User.objects.create_user(username="astronomer", password=PASSWORD, role="operator")


def sign_in(name: str, password: str, path: str = "/accounts/login/") -> tuple[Client, Any]:
    client = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    return client, client.post(path, {"username": name, "password": password, "next": "/status/"})


def test_signing_in_leads_to_the_requested_page(astronomer: User) -> None:
    _, answer = sign_in("astronomer", PASSWORD)
    assert answer.status_code == 302
    assert answer["Location"] == "/status/"
    assert Event.objects.get(kind="user.signed_in").actor == "astronomer"


@pytest.mark.parametrize(("name", "password"), [("astronomer", "wrong"), ("nobody", PASSWORD)])
def test_a_failed_sign_in_does_not_say_what_was_wrong(name: str, password: str, astronomer: User) -> None:
    _, answer = sign_in(name, password)
    assert "The name or password is wrong, or the account has no role." in text_of(answer)
    assert Event.objects.get(kind="user.denied").data["username"] == name


def test_a_user_without_a_role_gets_the_same_message(db: None) -> None:
    User.objects.create_user(username="nobody", password=PASSWORD)
    _, answer = sign_in("nobody", PASSWORD)
    assert "The name or password is wrong" in text_of(answer)


def test_too_many_attempts_must_wait(astronomer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_limits.time, "time", lambda: 30.0)  # all attempts in one minute
    answers = [Client().post("/accounts/login/", {"username": "astronomer", "password": ""}) for _ in range(11)]
    assert [answer.status_code for answer in answers[-2:]] == [200, 429]
    assert int(answers[-1]["Retry-After"]) > 0


def test_the_admin_uses_our_sign_in_page(client: Any, db: None) -> None:
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/accounts/login/?next=/admin/"


def test_a_sign_in_can_be_ended_from_elsewhere(astronomer: User) -> None:
    here, _ = sign_in("astronomer", PASSWORD)
    there, _ = sign_in("astronomer", PASSWORD)
    assert text_of(here.get("/accounts/")).count("Firefox on Linux") == 2
    other = SignIn.objects.get(session_key=there.session.session_key)
    here.post(f"/accounts/sign-ins/{other.pk}/revoke/")
    assert there.get("/")["Location"] == "/accounts/login/?next=/"
    assert here.get("/").status_code == 200


def test_a_sign_in_records_an_address_of_any_length(astronomer: User) -> None:
    Client(REMOTE_ADDR="x" * 100).post("/accounts/login/", {"username": "astronomer", "password": PASSWORD})
    assert SignIn.objects.get().address == "x" * 60


def test_a_user_cannot_end_the_sign_in_of_another(astronomer: User, manager: Any) -> None:
    sign_in("astronomer", PASSWORD)
    assert manager.post(f"/accounts/sign-ins/{SignIn.objects.get().pk}/revoke/").status_code == 404


def test_signing_out_ends_the_session(astronomer: User) -> None:
    here, _ = sign_in("astronomer", PASSWORD)
    here.post("/accounts/logout/")
    assert here.get("/").status_code == 302


def test_a_new_password_signs_out_all_other_browsers(astronomer: User) -> None:
    here, _ = sign_in("astronomer", PASSWORD)
    there, _ = sign_in("astronomer", PASSWORD)
    new = "another-night-of-stars"
    here.post("/accounts/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    assert [found.session_key for found in SignIn.objects.all()] == [here.session.session_key]


def test_a_password_set_by_a_manager_signs_the_user_out_everywhere(astronomer: User) -> None:
    here, _ = sign_in("astronomer", PASSWORD)
    change_user(astronomer, reset=True, actor="manager")
    assert here.get("/").status_code == 302
    assert list(SignIn.objects.all()) == []


def give_new_password(client: Client) -> Any:
    new = "another-night-of-stars"
    answer = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    return client.post("/accounts/password/", answer, follow=True)


def test_a_browser_that_changed_its_password_can_still_be_signed_out_from_elsewhere(astronomer: User) -> None:
    here, _ = sign_in("astronomer", PASSWORD)
    give_new_password(here)
    there, _ = sign_in("astronomer", "another-night-of-stars")
    there.post(f"/accounts/sign-ins/{SignIn.objects.get(session_key=here.session.session_key).pk}/revoke/")
    assert here.get("/")["Location"] == "/accounts/login/?next=/"


def test_a_new_password_revokes_the_users_tokens_and_says_so_before_and_after(astronomer: User) -> None:
    here, _ = sign_in("astronomer", PASSWORD)
    _, text = ApiToken.issue(astronomer)
    assert "your 1 token is revoked" in text_of(here.get("/accounts/password/"))
    assert "1 token was revoked" in text_of(give_new_password(here))
    assert Client(headers={"authorization": f"Token {text}"}).get("/api/v1/cameras/").status_code == 401


def test_a_user_without_tokens_sees_no_message_about_them(astronomer: User) -> None:
    here, _ = sign_in("astronomer", PASSWORD)
    assert "revoked" not in text_of(here.get("/accounts/password/"))
    assert "revoked" not in text_of(give_new_password(here))


def test_the_admins_own_form_changes_a_password_as_ours_does(manager: Any) -> None:
    user = User.objects.get(role="manager")
    user.set_password(PASSWORD)
    user.save()
    here, _ = sign_in(user.username, PASSWORD)
    there, _ = sign_in(user.username, PASSWORD)
    ApiToken.issue(user)
    new = "another-night-of-stars"
    here.post("/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    assert [found.session_key for found in SignIn.objects.all()] == [here.session.session_key]
    assert not ApiToken.objects.exists()
    assert Event.objects.filter(kind="user.changed").get().actor == user.username


def test_the_admin_has_no_groups(manager: Any) -> None:
    User.objects.filter(role="manager").update(is_staff=True, is_superuser=True)
    assert manager.get("/admin/auth/group/").status_code == 404


def test_a_signed_in_user_is_not_redirected_in_a_loop(viewer: Any) -> None:
    assert viewer.get("/accounts/login/?next=/accounts/login/")["Location"] == "/"


def test_a_name_with_nul_is_refused_like_any_other(astronomer: User) -> None:
    _, answer = sign_in("a\0", PASSWORD)
    assert answer.status_code == 200
    assert Event.objects.get(kind="user.denied").data["username"] == "a\N{REPLACEMENT CHARACTER}"


def test_a_token_is_shown_once_and_grants_access(operator: Any) -> None:
    answer = operator.post("/accounts/tokens/", {"name": "robot", "scope": "manager", "days": 90}, format="multipart")
    text = answer.context["text"]
    assert answer["Cache-Control"] == "no-store"
    assert Client(headers={"authorization": f"Token {text}"}).get("/api/v1/cameras/").status_code == 200
    assert text not in text_of(operator.get("/accounts/"))


def test_a_token_cannot_do_more_than_its_user(viewer: Any) -> None:
    viewer.post("/accounts/tokens/", {"name": "robot", "scope": "manager", "days": 90}, format="multipart")
    assert ApiToken.objects.get().scope == "viewer"


def test_a_revoked_token_is_refused(operator: Any, viewer: Any) -> None:
    operator.post("/accounts/tokens/", {"name": "robot", "scope": "viewer", "days": 30}, format="multipart")
    token = ApiToken.objects.get()
    assert viewer.post(f"/accounts/tokens/{token.pk}/revoke/").status_code == 404
    operator.post(f"/accounts/tokens/{token.pk}/revoke/")
    assert not ApiToken.objects.exists()


def test_a_manager_adds_a_user_who_can_sign_in(manager: Any) -> None:
    answer = manager.post("/users/", {"username": "guest", "role": "viewer"}, format="multipart")
    _, inside = sign_in("guest", answer.context["password"])
    assert inside.status_code == 302


def test_an_invalid_name_is_refused_with_a_reason(manager: Any, astronomer: User) -> None:
    answer = manager.post("/users/", {"username": "astronomer", "role": "viewer"}, format="multipart")
    assert answer.status_code == 400
    assert "There is a user of this name already." in text_of(answer)


def test_a_manager_changes_and_removes_others(manager: Any, astronomer: User) -> None:
    manager.post(f"/users/{astronomer.pk}/", {"do": "role", "role": "viewer"}, format="multipart")
    assert User.objects.get(username="astronomer").role == "viewer"
    manager.post(f"/users/{astronomer.pk}/", {"do": "remove"}, format="multipart")
    assert not User.objects.filter(username="astronomer").exists()


def test_managers_cannot_change_their_own_role(manager: Any) -> None:
    me = User.objects.get(role="manager")
    assert manager.post(f"/users/{me.pk}/", {"do": "remove"}, format="multipart").status_code == 403


@pytest.mark.django_db
def test_a_wrong_host_name_is_refused_with_a_page() -> None:
    answer = Client().get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert "allowed_hosts" in answer.content.decode()


def test_a_wrong_host_is_a_line_in_the_log_and_no_traceback(anonymous: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("ERROR", logger="django.security.DisallowedHost"):
        assert anonymous.get("/accounts/login/", headers={"host": "elsewhere.example"}).status_code == 400
    assert [record.exc_info for record in caplog.records if "DisallowedHost" in record.name] == [None]


def test_a_refusal_is_a_line_in_the_log_and_no_traceback(viewer: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", logger="django.request"):
        assert viewer.get("/settings/").status_code == 403
    assert [record.exc_info for record in caplog.records if record.name == "django.request"] == [None]


def test_a_retry_later_answer_is_not_an_error_in_the_log(viewer: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", logger="django.request"):
        assert viewer.get("/api/v1/viewers/").status_code == 503
    assert [record.levelname for record in caplog.records if record.name == "django.request"] == ["WARNING"]


@pytest.mark.slow
def test_a_station_behind_tls_passes_djangos_deployment_checks(tmp_path: Path) -> None:
    own = {"PATH": os.environ["PATH"], "SKYCAM_DATA": str(tmp_path), "SKYCAM_WEB__TLS": "true"}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(
        command, cwd=PROJECT, env=own, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "System check identified no issues (1 silenced).\n"
