"""What a browser caches, how long it stays signed in, and which old rows the station removes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from captures.models import CaptureFile
from monitoring.retention import remove_expired
from skycam_project.access import authentication
from skycam_project.access.models import ApiToken, SignIn, User

PASSWORD = "a-long-night-of-stars"
PAGES = ["/", "/gallery/", "/sessions/", "/events/", "/status/", "/accounts/", "/users/", "/now/"]
ANSWERS = ["/api/v1/cameras/", "/api/v1/captures/", "/api/v1/events/", "/api/v1/tokens/", "/api/v1/schema/"]


@pytest.fixture
def astronomer(db: None) -> User:
    return User.objects.create_user(username="astronomer", password=PASSWORD, role="manager")


@pytest.fixture
def browser(astronomer: User) -> Client:
    client = Client()
    client.post("/accounts/login/", {"username": "astronomer", "password": PASSWORD})
    return client


# Caching


@pytest.mark.parametrize("path", [*PAGES, *ANSWERS])
def test_no_page_and_no_api_response_is_cached(path: str, browser: Client) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", ")) or answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/users/", "/nowhere/", "/api/v1/cameras/none/"])
def test_no_refusal_is_cached_either(path: str, viewer: Any) -> None:
    assert viewer.get(path)["Cache-Control"] == "private, no-store"


def test_static_files_are_cached_forever(client: Client) -> None:
    from django.templatetags.static import static

    assert client.get(static("css/base.css"))["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_cached_picture_is_revalidated_and_not_sent_again(browser: Client, file_url: str) -> None:
    first = browser.get(file_url)
    again = browser.get(file_url, headers={"if-none-match": first["ETag"]})
    assert first["Cache-Control"] == "private, no-cache"
    assert again.status_code == 304


@pytest.mark.parametrize("ended", ["signed out", "role taken away"])
def test_a_cached_picture_is_not_shown_after_the_rights_are_revoked(
    ended: str, browser: Client, file_url: str, astronomer: User
) -> None:
    etag = browser.get(file_url)["ETag"]
    {
        "signed out": lambda: browser.post("/accounts/logout/"),
        "role taken away": lambda: User.objects.update(role="none"),
    }[ended]()
    assert browser.get(file_url, headers={"if-none-match": etag}).status_code in {401, 403}


# How long a browser stays signed in


def hours_later(hours: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now() + timedelta(hours=hours)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    monkeypatch.setattr(authentication.time, "time", now.timestamp)


def test_a_browser_that_is_used_stays_signed_in(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in (10, 20, 30):
        with monkeypatch.context() as at:
            hours_later(24 * days, at)
            assert browser.get("/").status_code == 200


def test_a_browser_that_is_not_used_is_signed_out(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    hours_later(24 * 14 + 1, monkeypatch)
    assert browser.get("/").status_code == 302


def test_use_is_recorded_once_an_hour(
    browser: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, django_assert_max_num_queries: Any
) -> None:
    assert settings.SESSION_COOKIE_NAME in browser.get("/").cookies
    assert settings.SESSION_COOKIE_NAME not in browser.get("/").cookies
    hours_later(1.1, monkeypatch)
    assert settings.SESSION_COOKIE_NAME in browser.get("/").cookies


def test_a_page_is_shown_while_its_use_cannot_be_written(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.save", locked)
    assert browser.get("/").status_code == 200


def test_a_session_that_ended_meanwhile_is_not_renewed(browser: Client) -> None:
    Session.objects.all().delete()
    assert browser.get("/").status_code == 302
    assert not Session.objects.exists()


def test_a_program_has_no_session(astronomer: User) -> None:
    text = ApiToken.issue(astronomer)[1]
    answer = Client(headers={"authorization": f"Token {text}"}).get("/api/v1/cameras/")
    assert dict(answer.cookies) == {}
    assert not Session.objects.exists()


# Removal of expired rows


def test_expired_sessions_are_removed(browser: Client) -> None:
    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now() - timedelta(seconds=1))
    assert remove_expired()["sessions"] == 1
    assert browser.get("/").status_code == 200


def test_an_ended_sign_in_is_removed_after_three_months(browser: Client, astronomer: User) -> None:
    long_ago = timezone.now() - timedelta(days=91)
    SignIn.objects.create(user=astronomer, session_key="gone", at=long_ago)
    SignIn.objects.create(user=astronomer, session_key="lately", at=timezone.now() - timedelta(days=89))
    SignIn.objects.filter(session_key=browser.session.session_key).update(at=long_ago)
    assert remove_expired()["sign_ins"] == 1
    assert not SignIn.objects.filter(session_key="gone").exists()


def test_a_token_is_removed_three_months_after_it_expired(astronomer: User) -> None:
    [ApiToken.issue(astronomer, expires_at=timezone.now() - timedelta(days=days)) for days in (-1, 1, 91)]
    assert remove_expired()["tokens"] == 1
    assert ApiToken.objects.count() == 2


def test_expired_rows_are_removed_each_hour() -> None:
    from skycam_project.celery import app

    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"access.count_denials", "monitoring.remove_expired"} <= scheduled <= set(app.tasks)


def test_a_capture_file_is_still_served(browser: Client, file: CaptureFile, file_url: str) -> None:
    assert browser.get(file_url)["Content-Length"] == str(file.bytes)
