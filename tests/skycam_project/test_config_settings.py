"""Django's settings as another process sees them, with a separate environment."""

from __future__ import annotations

import functools
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile

import pytest
from django.conf import settings

from skycam_project.logs import OneLineFormatter

SHOW = """
import json, sys
from skycam_project import settings
print(json.dumps([getattr(settings, name) for name in sys.argv[1:]]))
"""


PRAGMAS = """
import importlib, json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
import django
django.setup()
importlib.import_module(f"skycam_project.{sys.argv[1]}".rstrip("."))
from django.db import connection
with connection.cursor() as cursor:
    names = ("journal_mode", "synchronous", "busy_timeout")
    print(json.dumps([cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in names]))
"""


@pytest.fixture
def run_script(tmp_path):
    """The JSON that a script prints on a station with these variables."""

    def run(script: str, *arguments: str, **environment: str):
        mine = {"PATH": os.environ["PATH"], "SKYCAM_DATA": str(tmp_path), **environment}
        answer = subprocess.run([sys.executable, "-c", script, *arguments], env=mine, capture_output=True, check=True)
        return json.loads(answer.stdout)

    return run


@pytest.fixture
def settings_with(run_script):
    """The values of some settings on a station with these variables."""
    return functools.partial(run_script, SHOW)


def test_with_tls_browsers_must_use_https(settings_with):
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


def test_debug_pages_are_shown_only_on_loopback(settings_with):
    assert settings_with("DEBUG", SKYCAM_WEB__DEBUG="true") == [True]
    assert settings_with("DEBUG", SKYCAM_WEB__DEBUG="true", SKYCAM_WEB__HOST="0.0.0.0") == [False]


def test_only_names_of_this_station_are_answered(settings_with):
    (hosts,) = settings_with("ALLOWED_HOSTS", SKYCAM_WEB__HOST="10.1.2.3", SKYCAM_WEB__ALLOWED_HOSTS="sky")
    assert hosts == ["sky", "localhost", "127.0.0.1", "[::1]", "10.1.2.3"]


def test_a_station_on_all_addresses_answers_to_its_machines_name_also_as_local(settings_with):
    (hosts,) = settings_with("ALLOWED_HOSTS", SKYCAM_WEB__HOST="0.0.0.0")
    assert {socket.gethostname(), f"{socket.gethostname().partition('.')[0]}.local"} <= set(hosts)


def test_the_tests_have_a_separate_station():
    assert settings.STATION.data.is_relative_to(tempfile.gettempdir())
    assert str(settings.DATABASES["default"]["NAME"]).startswith(str(settings.STATION.data))


def test_all_names_in_redis_begin_with_the_station():
    station = settings.STATION.station.id
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"].startswith(f"{station}:")
    assert settings.CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS["global_keyprefix"].startswith(f"{station}:")
    assert settings.CACHES["default"]["KEY_PREFIX"].startswith(f"{station}:")


@pytest.mark.parametrize(("part", "patience_ms"), [("", 20_000), ("asgi", 3_000), ("service.asgi", 3_000)])
def test_sqlite_commits_durably_allows_readers_and_has_the_busy_timeout_of_its_part(
    run_script, part: str, patience_ms: int
) -> None:
    assert run_script(PRAGMAS, part) == ["wal", 2, patience_ms]


def test_a_log_record_is_one_line_in_utc_without_secrets():
    record = logging.LogRecord("cameras", logging.WARNING, "", 0, "one\n  two %s", ("hunter2",), None)
    record.created, record.msecs = 0.0, 7.0
    line = OneLineFormatter(["hunter2"]).format(record)
    assert line == "1970-01-01T00:00:00.007Z WARNING cameras: one |   two ********"


@pytest.mark.parametrize("role", ["viewer", "operator", "manager"])
def test_each_role_is_signed_in(role, request, db):
    client = request.getfixturevalue(role)
    assert client.session["_auth_user_id"]
