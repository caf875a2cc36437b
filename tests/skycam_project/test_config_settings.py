"""Django's settings as another process sees them, with an environment of its own."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings

from skycam_project.logs import OneLineFormatter

SHOW = """
import json, sys
from skycam_project import settings
print(json.dumps([getattr(settings, name) for name in sys.argv[1:]]))
"""


@pytest.fixture
def settings_with(tmp_path):
    """The values of some settings when the station is configured by these variables."""

    def load(*names: str, **environment: str):
        mine = {"PATH": os.environ["PATH"], "SKYCAM_DATA": str(tmp_path), **environment}
        answer = subprocess.run([sys.executable, "-c", SHOW, *names], env=mine, capture_output=True, check=True)
        return json.loads(answer.stdout)

    return load


def test_with_tls_browsers_are_held_to_https(settings_with):
    found = settings_with(
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "CSRF_TRUSTED_ORIGINS",
        SKYCAM_WEB__TLS="true",
        SKYCAM_WEB__ALLOWED_HOSTS="sky.example.org,.example.com",
    )
    assert found[:5] == [True, 31536000, True, True, True]
    assert found[5][:2] == ["https://sky.example.org", "https://*.example.com"]


def test_debug_pages_are_shown_on_loopback_alone(settings_with):
    assert settings_with("DEBUG", SKYCAM_WEB__DEBUG="true") == [True]
    assert settings_with("DEBUG", SKYCAM_WEB__DEBUG="true", SKYCAM_WEB__HOST="0.0.0.0") == [False]


def test_only_names_of_this_station_are_answered(settings_with):
    (hosts,) = settings_with("ALLOWED_HOSTS", SKYCAM_WEB__HOST="10.1.2.3", SKYCAM_WEB__ALLOWED_HOSTS="sky")
    assert hosts == ["sky", "localhost", "127.0.0.1", "[::1]", "10.1.2.3"]


def test_the_tests_have_a_station_of_their_own():
    assert "skycam-test-" in str(settings.STATION.data)
    assert str(settings.DATABASES["default"]["NAME"]).startswith(str(settings.STATION.data))


def test_all_names_in_redis_begin_with_the_station():
    station = settings.STATION.station
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] == f"{station}:"
    assert settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"].startswith(f"{station}:")
    assert settings.CACHES["default"]["KEY_PREFIX"].startswith(f"{station}:")


@pytest.mark.django_db
def test_sqlite_commits_durably_and_lets_readers_in():
    from django.db import connection

    with connection.cursor() as cursor:
        found = [
            cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    assert found == ["wal", 2, 20_000]


def test_a_log_record_is_one_line_in_utc_without_secrets():
    record = logging.LogRecord("cameras", logging.WARNING, "", 0, "one\n  two %s", ("hunter2",), None)
    record.created, record.msecs = 0.0, 7.0
    line = OneLineFormatter(["hunter2"]).format(record)
    assert line == "1970-01-01T00:00:00.007Z WARNING cameras: one |   two ********"


@pytest.mark.parametrize("role", ["viewer", "operator", "manager"])
def test_each_role_is_signed_in(role, request):
    client = request.getfixturevalue(role)
    assert client.session["_auth_user_id"]
